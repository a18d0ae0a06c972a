/**
 * The image's root file system, in five layers: what Node needs to run, the program s5cmd, the packages of the product, the program
 * that starts Node, and the product. The Dockerfile and the test clusters both take it from here.
 */
import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { nativePackages } from './native-packages.ts'
import { debianArchives, nodeArchive } from './download.ts'
import { npmArchitecture, root, type Architecture } from './runtime-lock.ts'
import { layOutS5cmd } from './s5cmd.ts'
import { layOutStart } from './start.ts'

const run = promisify(execFile)

/** In the order in which the image has them. */
export const layers = {
  runtime: layOutRuntime,
  s5cmd: layOutS5cmd,
  packages: layOutPackages,
  start: layOutStart,
  app: layOutApp,
} as const
export type LayerName = keyof typeof layers

/** Node, the shared libraries of Debian that it is linked to, and the few files that the C library reads. */
async function layOutRuntime(directory: string, architecture: Architecture): Promise<void> {
  await mkdir(join(directory, 'etc'), { recursive: true })
  await writeFile(join(directory, 'etc', 'passwd'), 'nonroot:x:65532:65532:nonroot:/tmp:/nologin\n')
  await writeFile(join(directory, 'etc', 'group'), 'nonroot:x:65532:\n')
  // A pod's hostAliases are in /etc/hosts.
  await writeFile(join(directory, 'etc', 'nsswitch.conf'), 'hosts: files dns\n')
  await mkdir(join(directory, 'tmp'))
  await chmod(join(directory, 'tmp'), 0o1777)
  for (const { name, file } of await debianArchives(architecture)) await addLibraries(directory, name, file)
  await addNode(directory, await nodeArchive(architecture))
}

/** Takes the shared libraries alone, and not those of gconv: 8 MB of character sets, which Node converts itself. */
async function addLibraries(directory: string, name: string, archive: string): Promise<void> {
  await inScratch(async (unpacked) => {
    await run('dpkg-deb', ['--extract', archive, unpacked])
    const libraries = globSync('{lib,lib64,usr/lib}/**/*.so{,.*}', { cwd: unpacked, exclude: ['**/gconv'] })
    for (const path of libraries) {
      await cp(join(unpacked, path), join(directory, path), { verbatimSymlinks: true })
    }
    // The doc directory of some is a link to that of another, which has the text.
    const license = join(unpacked, 'usr/share/doc', name, 'copyright')
    if (existsSync(license)) await copyInto(license, join(directory, 'licenses', name, 'copyright'))
  })
}

async function addNode(directory: string, archive: string): Promise<void> {
  await inScratch(async (unpacked) => {
    await run('tar', ['--extract', '--file', archive, '--directory', unpacked, '--strip-components=1'])
    await copyInto(join(unpacked, 'bin', 'node'), join(directory, 'usr/local/bin/node'))
    await copyInto(join(unpacked, 'LICENSE'), join(directory, 'licenses/node/LICENSE'))
  })
}

/** The packages with native code for the image's platform, which may be another than this machine's. All others are in the bundle. */
async function layOutPackages(directory: string, architecture: Architecture): Promise<void> {
  await inScratch(async (app) => {
    await installPackages(app, architecture)
    for (const name of nativePackages) await takePackage(app, name, directory)
  })
}

/** With the packages that it depends on, of which one is its code for the platform. */
async function takePackage(app: string, name: string, directory: string): Promise<void> {
  const from = join(app, 'node_modules', name)
  const { optionalDependencies = {}, dependencies = {} } = JSON.parse(
    await readFile(join(from, 'package.json'), 'utf8'),
  ) as { readonly dependencies?: object; readonly optionalDependencies?: object }
  await cp(from, join(directory, 'app', 'node_modules', name), { recursive: true })
  for (const needed of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
    if (existsSync(join(app, 'node_modules', needed))) await takePackage(app, needed, directory)
  }
}

async function installPackages(app: string, architecture: Architecture): Promise<void> {
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) await copyInto(join(root, file), join(app, file))
  const platform = ['--os=linux', `--cpu=${npmArchitecture(architecture)}`, '--libc=glibc']
  await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--loglevel=error', ...platform], { cwd: app })
}

/** Built before, as `make build` does. */
async function layOutApp(directory: string): Promise<void> {
  const app = join(directory, 'app', 'dist')
  await cp(join(root, 'dist'), app, { recursive: true })
  await mkdir(join(directory, 'licenses'))
  await rename(join(app, 'licenses'), join(directory, 'licenses', 'packages'))
  await copyInto(join(root, 'package.json'), join(directory, 'app', 'package.json'))
  await copyInto(join(root, 'LICENSE'), join(directory, 'licenses', 'LICENSE'))
}

async function copyInto(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await copyFile(source, target)
}

async function inScratch(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-image-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}
