/** What the images of a test cluster hold: the product as its Dockerfile lays it out, and a shell for everything else. */
import { execFile } from 'node:child_process'
import { existsSync, globSync, statSync } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { busyboxBinary } from './busybox.ts'
import type { Image, Layer } from './image-archive.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/** Compiles as `make build` does, unless that was done since the last change. */
export async function ensureBuilt(): Promise<void> {
  const main = join(root, 'dist', 'main.js')
  const builtAt = existsSync(main) ? statSync(main).mtimeMs : 0
  if (globSync(join(root, 'src', '**', '*.ts')).every((file) => statSync(file).mtimeMs <= builtAt)) return
  await run(process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
  ])
}

/** Compiled before. Node is the one of the dependencies, with the libraries of this machine. */
export async function productImage(name: string, scratch: string): Promise<Image> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
  const [base, runtime, app] = await Promise.all([
    baseLayer(dockerfile, join(scratch, 'product')),
    runtimeLayers(),
    appLayers(dockerfile),
  ])
  return { name, layers: [base, ...runtime, ...app], config: configOf(dockerfile) }
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

/** What holds a pod's namespaces: it does nothing until it is told to end. */
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

/** The user's entry and /tmp, as the stage `runtime` of the Dockerfile makes them. */
async function baseLayer(dockerfile: string, directory: string): Promise<Layer> {
  const passwd = /printf '(nonroot[^\\]+)\\n'/.exec(dockerfile)?.[1]
  if (passwd === undefined) throw new Error('the Dockerfile writes no /etc/passwd')
  await rm(directory, { recursive: true, force: true })
  await mkdir(join(directory, 'etc'), { recursive: true })
  await mkdir(join(directory, 'tmp'))
  await chmod(join(directory, 'tmp'), 0o1777)
  await writeFile(join(directory, 'etc', 'passwd'), `${passwd}\n`)
  return { directory, paths: ['etc', 'tmp'] }
}

async function runtimeLayers(): Promise<Layer[]> {
  const node = join(root, 'node_modules', 'node', 'bin', 'node')
  const { stdout } = await run('ldd', [node])
  const libraries = [...stdout.matchAll(/(?:=> |^\s+)\/(\S+) \(/gm)].map(([, path = '']) => path)
  return [
    { directory: '/', paths: libraries, dereference: true },
    { directory: dirname(node), paths: ['node'], prefix: 'usr/local/bin/' },
  ]
}

/** The last stage's COPY of what was built, and of what lies in the repository. */
async function appLayers(dockerfile: string): Promise<Layer[]> {
  const copies = [...lastStage(dockerfile).matchAll(/^COPY (?:--from=build \/build\/)?(?!--)(\S+) \/(\S+)$/gm)]
  return await Promise.all(
    copies.map(async ([, source = '', target = '']): Promise<Layer> => {
      const prefix = target.slice(0, target.length - source.length)
      if (!target.endsWith(source)) throw new Error(`COPY to another name than ${source} is not known here: ${target}`)
      return { directory: root, paths: source === 'node_modules' ? await productionPackages() : [source], prefix }
    }),
  )
}

/** What `npm prune --omit=dev` leaves. A package's own packages come with it, and so do not count twice. */
async function productionPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  return (
    Object.entries(lock.packages)
      .filter(
        ([path, { dev, devOptional }]) =>
          dev !== true && devOptional !== true && /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path),
      )
      .map(([path]) => path)
      // Of the packages for other platforms only one's own is there.
      .filter((path) => existsSync(join(root, path)))
  )
}

function configOf(dockerfile: string): Record<string, unknown> {
  const stage = lastStage(dockerfile)
  const value = (instruction: string): string | undefined => new RegExp(`^${instruction} (.*)$`, 'm').exec(stage)?.[1]
  const ports = (value('EXPOSE') ?? '').split(' ').map((port) => [`${port}/tcp`, {}])
  return {
    Env: [...stage.matchAll(/^ENV (\S+)$/gm)].map(([, variable]) => variable),
    User: value('USER'),
    ExposedPorts: Object.fromEntries(ports),
    Entrypoint: JSON.parse(value('ENTRYPOINT') ?? '[]'),
    Cmd: JSON.parse(value('CMD') ?? '[]'),
  }
}

function lastStage(dockerfile: string): string {
  return dockerfile.slice(dockerfile.lastIndexOf('\nFROM ') + 1)
}
