/** Images without a registry and without a builder: an OCI image layout in a tar file, as container runtimes import it. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'

export interface Layer {
  readonly directory: string
  /** Below the directory, with all that is in them. */
  readonly paths: readonly string[]
}

export interface Image {
  /** REPOSITORY:TAG */
  readonly name: string
  readonly layers: readonly Layer[]
  /** As in the OCI image configuration: Entrypoint, Cmd, Env, User... */
  readonly config: Readonly<Record<string, unknown>>
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const mediaTypes = {
  layer: 'application/vnd.oci.image.layer.v1.tar',
  config: 'application/vnd.oci.image.config.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
}

/** Gives the digest of the image. It is imported by its name and by REPOSITORY@DIGEST. */
export async function writeImage(archive: string, image: Image): Promise<string> {
  const layout = await mkdtemp(`${archive}-`)
  try {
    await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true })
    const manifest = await writeManifest(layout, image)
    await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
    await writeFile(join(layout, 'index.json'), JSON.stringify(indexOf(manifest, image.name)))
    await tar(['--create', '--file', archive, '--directory', layout, '.'])
    return manifest.digest
  } finally {
    await rm(layout, { recursive: true })
  }
}

async function writeManifest(layout: string, { layers, config }: Image): Promise<Descriptor> {
  const blobs: Descriptor[] = []
  for (const layer of layers) blobs.push(await addLayer(layout, layer))
  const configBlob = await addJson(layout, mediaTypes.config, {
    ...platform(),
    config,
    rootfs: { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) },
  })
  return await addJson(layout, mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: configBlob,
    layers: blobs,
  })
}

function indexOf(manifest: Descriptor, name: string): object {
  const repository = name.slice(0, name.lastIndexOf(':'))
  const names = [name, `${repository}@${manifest.digest}`]
  return {
    schemaVersion: 2,
    manifests: names.map((full) => ({
      ...manifest,
      platform: platform(),
      annotations: { 'io.containerd.image.name': full },
    })),
  }
}

function platform(): { architecture: string; os: string } {
  return { architecture: arch() === 'x64' ? 'amd64' : arch(), os: 'linux' }
}

/** Owner, dates and order are the same on every machine. */
async function addLayer(layout: string, { directory, paths }: Layer): Promise<Descriptor> {
  const file = join(layout, 'layer.tar')
  await tar([
    '--create',
    '--file',
    file,
    '--format=gnu',
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=@0',
    '--directory',
    directory,
    ...paths,
  ])
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const { size } = await stat(file)
  const digest = `sha256:${hash.digest('hex')}`
  await rename(file, blobFile(layout, digest))
  return { mediaType: mediaTypes.layer, digest, size }
}

async function addJson(layout: string, mediaType: string, content: unknown): Promise<Descriptor> {
  const text = JSON.stringify(content)
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
  await writeFile(blobFile(layout, digest), text)
  return { mediaType, digest, size: Buffer.byteLength(text) }
}

function blobFile(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'))
}

async function tar(args: readonly string[]): Promise<void> {
  await promisify(execFile)('tar', args, { maxBuffer: 64 * 1024 * 1024 })
}
