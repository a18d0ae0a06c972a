/** Contents of the images of a test cluster: the product as its Dockerfile lays it out, and a shell for everything else. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readdirSync, statSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { layers, type LayerName } from '../../../deploy/image/root-file-system.ts'
import { ownArchitecture } from '../../../deploy/image/runtime-lock.ts'
import { busyboxBinary } from '../tools/busybox.ts'
import type { Image, Layer } from './image-archive.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..', '..')
const lockedSources = [
  'runtime.lock.json',
  'package-lock.json',
  '.npmrc',
  'deploy/image/download.ts',
  'deploy/image/root-file-system.ts',
]
/** The files that decide what is in a layer. */
const layerSources = {
  runtime: lockedSources,
  packages: [...lockedSources, 'deploy/image/native-packages.ts'],
  s5cmd: ['deploy/image/go.ts', 'deploy/image/s5cmd.ts', 'deploy/image/s5cmd/go.mod', 'deploy/image/s5cmd/go.sum'],
  start: [
    'deploy/image/go.ts',
    'deploy/image/node-flags.ts',
    'deploy/image/start.ts',
    'deploy/image/start/go.mod',
    'deploy/image/start/main.go',
    'src/config/loader-image.ts',
    'src/kept-variables.ts',
    'src/loader-contract.ts',
  ],
} as const

const kept = ['runtime', 's5cmd', 'packages', 'start'] as const satisfies readonly (keyof typeof layerSources)[]

/** Compiles and fetches what the image is made of. */
export async function prepareProductImage(): Promise<void> {
  await Promise.all([ensureBuilt(), ...kept.map(keptLayer)])
}

/** Prepared before. */
export async function buildProductImage(name: string, scratch: string): Promise<Image> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
  const directories = await productLayers(join(scratch, 'product'), layerNames(dockerfile))
  const imageLayers = directories.map((directory): Layer => ({ directory, paths: readdirSync(directory) }))
  return { name, layers: imageLayers, config: configOf(dockerfile) }
}

/** The directories of the layers, as the Dockerfile stacks them. */
async function productLayers(
  scratch: string,
  names: readonly LayerName[] = [...kept, 'app'],
): Promise<readonly string[]> {
  await rm(scratch, { recursive: true, force: true })
  await layers.app(scratch)
  return await Promise.all(names.map(async (name) => (name === 'app' ? scratch : await keptLayer(name))))
}

/** The product's image as a container sees it, below a directory that does not exist yet. Prepared before. */
export async function layOutProduct(directory: string, scratch: string): Promise<void> {
  await mkdir(directory)
  for (const layer of await productLayers(scratch)) {
    await cp(layer, directory, { recursive: true, verbatimSymlinks: true })
  }
}

/** The command line of a container that sets arguments alone. */
export async function productCommand(args: readonly string[]): Promise<readonly string[]> {
  const { Entrypoint } = configOf(await readFile(join(root, 'Dockerfile'), 'utf8'))
  return [...Entrypoint, ...args]
}

/** Builds as `make build` does, unless that was done since the last change. */
async function ensureBuilt(): Promise<void> {
  const main = join(root, 'dist', 'main.js')
  const builtAt = existsSync(main) ? statSync(main).mtimeMs : 0
  if (globSync(join(root, 'src', '**', '*.ts')).every((file) => statSync(file).mtimeMs <= builtAt)) return
  await run(process.execPath, [join(root, 'deploy', 'image', 'bundle.ts')])
}

/** A shell with all its commands in /bin. */
export async function shellImage(
  name: string,
  scratch: string,
  command: readonly string[] = ['/bin/sh'],
): Promise<Image> {
  const directory = join(scratch, 'shell')
  if (!existsSync(directory)) await layOutShell(directory)
  return { name, layers: [{ directory, paths: ['bin', 'etc', 'tmp'] }], config: { Cmd: command, Env: ['PATH=/bin'] } }
}

/** The process that holds a pod's namespaces: it does nothing until it gets a signal. */
export async function pauseImage(name: string, scratch: string): Promise<Image> {
  return await shellImage(name, scratch, [
    '/bin/sh',
    '-c',
    'trap "exit 0" INT TERM; while :; do sleep 86400 & wait $!; done',
  ])
}

async function layOutShell(directory: string): Promise<void> {
  for (const path of ['bin', 'etc', 'tmp']) await mkdir(join(directory, path), { recursive: true })
  await chmod(join(directory, 'tmp'), 0o1777)
  await writeFile(join(directory, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  const busybox = await busyboxBinary()
  await copyFile(busybox, join(directory, 'bin', 'busybox'))
  const { stdout } = await run(busybox, ['--list'])
  const commands = stdout.split('\n').filter((command) => command !== '' && command !== 'busybox')
  for (const command of commands) await symlink('busybox', join(directory, 'bin', command))
}

/** The last stage's COPY of whole layers, in their order. */
function layerNames(dockerfile: string): readonly LayerName[] {
  const copies = [...lastStage(dockerfile).matchAll(/^COPY (.*)$/gm)].map(([, what = '']) => what)
  return copies.map((copy) => {
    const name = /^--from=build \/image\/(\w+)\/ \/$/.exec(copy)?.[1] ?? ''
    if (!Object.hasOwn(layers, name)) throw new Error(`COPY ${copy} is none of the layers of deploy/image`)
    return name as LayerName
  })
}

/** Lays out once on each machine: these layers change with the lock files alone. */
async function keptLayer(name: keyof typeof layerSources): Promise<string> {
  const key = createHash('sha256')
  for (const file of layerSources[name]) key.update(await readFile(join(root, file)))
  const directory = join(cacheDirectory(), `${name}-${ownArchitecture()}-${key.digest('hex').slice(0, 16)}`)
  if (existsSync(directory)) return directory
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await layers[name](partial, ownArchitecture())
    // The second of two finds that of the first.
    await rename(partial, directory).catch(() => undefined)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return directory
}

function cacheDirectory(): string {
  const configured = process.env.XDG_CACHE_HOME
  return join(configured ? resolve(configured) : join(homedir(), '.cache'), 'model-injector', 'image')
}

interface ImageConfig extends Readonly<Record<string, unknown>> {
  readonly Entrypoint: readonly string[]
}

function configOf(dockerfile: string): ImageConfig {
  const stage = lastStage(dockerfile)
  const value = (instruction: string): string | undefined => new RegExp(`^${instruction} (.*)$`, 'm').exec(stage)?.[1]
  const ports = (value('EXPOSE') ?? '').split(' ').map((port) => [`${port}/tcp`, {}])
  return {
    Env: [...stage.matchAll(/^ENV (\S+)$/gm)].map(([, variable]) => variable),
    User: value('USER'),
    ExposedPorts: Object.fromEntries(ports),
    Entrypoint: JSON.parse(value('ENTRYPOINT') ?? '[]') as readonly string[],
    Cmd: JSON.parse(value('CMD') ?? '[]'),
  }
}

function lastStage(dockerfile: string): string {
  return dockerfile.slice(dockerfile.lastIndexOf('\nFROM ') + 1)
}
