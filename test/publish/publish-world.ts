/** The environment of a publisher: a real S3 server, faults in front of it, and a volume of which every byte is known. */
import { createHash } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { imageNodeFlags } from '../../deploy/image/node-flags.ts'
import { exits, failureLine, LoaderFailure } from '../../src/loader/exit-codes.ts'
import { publish } from '../../src/publish/publish.ts'
import { parseSource } from '../../src/values/source.ts'
import { startFaultProxy, type FaultProxy } from '../kit/s3/s3-fault-proxy.ts'
import { startS3Server, type S3Server } from '../kit/s3/s3-server.ts'

export type Files = Readonly<Record<string, string | Uint8Array>>

export interface PublishWorld {
  readonly server: S3Server
  readonly proxy: FaultProxy
  stop(): Promise<void>
}

/** One case: versions below a prefix of its own, and a volume of its own. */
export interface Shelf {
  readonly world: PublishWorld
  readonly prefix: string
  readonly root: string
  /** Uploads the files and then, by default, the manifest of them. */
  upload(version: string, files: Files, manifest?: 'whole' | 'none' | Files): Promise<void>
  uploadManifest(version: string, files: Files): Promise<void>
  tag(version: string, key: string, value: string): Promise<void>
  start(args?: readonly string[], env?: Variables): RunningPublisher
  run(args?: readonly string[], env?: Variables): Promise<PublisherEnd>
}

type Variables = Readonly<Record<string, string>>

interface RunningPublisher {
  readonly child: ChildProcess
  readonly end: Promise<PublisherEnd>
}

export interface PublisherEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const main = join(import.meta.dirname, '../../src/main.ts')
export const publishBucket = 'models'

export async function startPublishWorld(directory: string): Promise<PublishWorld> {
  const server = await startS3Server(directory, { tls: false })
  await server.createBucket(publishBucket)
  const proxy = await startFaultProxy(server, { tls: false })
  return {
    server,
    proxy,
    stop: async () => {
      await proxy.stop()
      await server.stop()
    },
  }
}

export async function shelfOf(t: Test, world: PublishWorld): Promise<Shelf> {
  world.proxy.reset()
  const name = createHash('sha256').update(t.fullname).digest('hex').slice(0, 12)
  const [prefix, root] = [`llama-${name}/`, join(t.testdir(), 'volume')]
  await mkdir(root)
  const start = (args: readonly string[] = [], env: Variables = {}): RunningPublisher =>
    startPublisher(
      world,
      ['--source', `s3://${publishBucket}/${prefix}`, '--volume', root, '--endpoint', world.proxy.endpoint, ...args],
      env,
    )
  const uploadManifest = async (version: string, files: Files): Promise<void> => {
    await world.server.putObject(publishBucket, `${prefix}${version}/manifest.sha256`, manifestOf(files))
  }
  return {
    world,
    prefix,
    root,
    start,
    uploadManifest,
    run: (args, env) => start(args, env).end,
    upload: async (version, files, manifest = 'whole') => {
      for (const [path, body] of Object.entries(files)) {
        await world.server.putObject(publishBucket, `${prefix}${version}/${path}`, body)
      }
      if (manifest !== 'none') await uploadManifest(version, manifest === 'whole' ? files : manifest)
    },
    tag: async (version, Key, Value) => {
      await world.server.client.send(
        new PutObjectTaggingCommand({
          Bucket: publishBucket,
          Key: `${prefix}${version}/manifest.sha256`,
          Tagging: { TagSet: [{ Key, Value }] },
        }),
      )
    },
  }
}

/** A volume with two versions, and a third in the bucket that the next run would bring. */
export async function shelfWithVersions(t: Test, world: PublishWorld): Promise<Shelf> {
  const shelf = await shelfOf(t, world)
  const files = { 'config.json': '{"layers":2}', 'weights/part-1.bin': 'weights' }
  for (const version of ['1.0.0', '1.1.0']) await shelf.upload(version, files)
  publisherEndsWith(t, await shelf.run(), 0)
  await shelf.upload('1.2.0', files)
  return shelf
}

/** Publishes in this process, with little patience for what may heal. */
export async function publishImpatiently({ world: { server, proxy }, prefix, root }: Shelf): Promise<PublisherEnd> {
  const source = parseSource(`s3://${publishBucket}/${prefix}`)
  if (!source.ok || source.value.scheme !== 's3') throw new Error('no source')
  const ignore = (): void => undefined
  const request = {
    source: source.value,
    root,
    requiredTag: undefined,
    current: undefined,
    order: 'version',
    dryRun: false,
    access: {
      credentials: 'keys',
      region: server.region,
      endpoint: proxy.endpoint,
      addressing: undefined,
      requesterPays: false,
    },
  } as const
  const deps = {
    env: { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
    report: { info: ignore, warn: ignore, error: ignore, progress: ignore },
    signal: new AbortController().signal,
    giveUp: ignore,
    patienceMs: 500,
  }
  const failure = await publish(request, deps).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(failure instanceof LoaderFailure)) throw new Error('it did not fail as it should', { cause: failure })
  return { code: exits[failure.exit].code, signal: null, stdout: failureLine(failure), stderr: '' }
}

function startPublisher({ server }: PublishWorld, args: readonly string[], more: Variables): RunningPublisher {
  const env = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_REGION: server.region,
    ...more,
  }
  const child = spawn(process.execPath, [...imageNodeFlags, main, 'publish', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  return { child, end: endOf(child, texts) }
}

async function endOf(
  child: ChildProcess,
  texts: { readonly stdout: string; readonly stderr: string },
): Promise<PublisherEnd> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, ...texts }
}

/** As sha256sum writes it. */
function manifestOf(files: Files): string {
  return Object.entries(files)
    .map(([path, body]) => `${sha256(body)}  ${path}\n`)
    .join('')
}

function sha256(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

/** Every file, directory and link below the root, with its mode, its times and a digest of what it holds. */
export async function inventoryOf(root: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mode, mtimeMs } = await lstat(path)
    const content = entry.isSymbolicLink()
      ? await readlink(path)
      : entry.isFile()
        ? sha256(await readFile(path))
        : 'directory'
    found[path.slice(root.length + 1)] = `${mode.toString(8)} ${mtimeMs} ${content}`
  }
  return found
}

/** Expects of a version: its files and the manifest, byte for byte, and nothing else. */
export async function holds(t: Test, { root }: Shelf, version: string, files: Files): Promise<void> {
  const directory = join(root, 'versions', version)
  const wanted = { ...files, 'manifest.sha256': manifestOf(files) }
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  t.strictSame(
    paths.map((path) => path.slice(directory.length + 1)).sort(),
    Object.keys(wanted).sort(),
    `the files of ${version}`,
  )
  for (const path of paths) {
    t.equal(
      sha256(await readFile(path)),
      sha256((wanted as Files)[path.slice(directory.length + 1)] ?? ''),
      path.slice(root.length + 1),
    )
  }
}

export async function versionsOn({ root }: Shelf): Promise<readonly string[]> {
  return (await readdir(join(root, 'versions')).catch(() => [])).sort()
}

export function currentOf({ root }: Shelf): Promise<string | undefined> {
  return readlink(join(root, 'current')).catch(() => undefined)
}

export function publisherEndsWith(
  t: Test,
  { code, stdout, stderr }: PublisherEnd,
  wanted: number,
  says?: RegExp,
): void {
  if (code !== wanted) t.comment(stdout + stderr)
  t.equal(code, wanted)
  if (says !== undefined) t.match(stdout.trim().split('\n').at(-1), says)
}
