/** The image's root file system as the Dockerfile copies it, and nothing else: the product runs in it as in a container. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { globSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readRuntimeLock } from '../../deploy/image/runtime-lock.ts'
import { defaultS5cmdPath } from '../../src/values/engine.ts'
import { version } from '../../src/version.ts'
import { layOutProduct, prepareProductImage } from '../kit/cluster/image-contents.ts'
import { runPythonTool } from '../kit/tools/python-tools.ts'

const lock = readRuntimeLock()
await prepareProductImage()
const directory = t.testdir()
const image = join(directory, 'image')
await layOutProduct(image, join(directory, 'app'))

/** As root of a user namespace, so that it needs no root outside. tap adds to the environment of each process: `env` drops it. */
async function runInside(...args: readonly string[]): Promise<string> {
  const namespace = ['--user', '--map-root-user', 'env', '--ignore-environment']
  const chroot = ['/usr/sbin/chroot', image, '/usr/local/bin/node']
  return (await promisify(execFile)('unshare', [...namespace, ...chroot, ...args])).stdout.trim()
}

async function evaluate(script: string): Promise<unknown> {
  return JSON.parse(await runInside('--eval', `console.log(JSON.stringify(${script}))`)) as unknown
}

t.test('the product starts with nothing but these files', async (t) => {
  t.equal(await runInside('/app/dist/main.js', '--version'), version)
  t.match(await runInside('/app/dist/main.js', 'explain', 'mount-path'), 'mount-path')
})

t.test('Node and the C library have the versions of the lock file', async (t) => {
  t.equal(await evaluate('process.versions.node'), lock.node.version)
  const library = await evaluate('process.report.getReport().header.glibcVersionRuntime')
  t.equal(library, lock.debian.packages.libc6?.version.split('-')[0])
})

t.test('the tests run on the very Node of the image', async (t) => {
  const [own, its] = await Promise.all([readFile(process.execPath), readFile(join(image, 'usr/local/bin/node'))])
  t.ok(own.equals(its), process.execPath)
})

t.test('native code of the packages is for this C library', async (t) => {
  const script = "require('node:module').createRequire('/app/dist/')('@node-rs/crc32').crc32c('123456789')"
  t.equal(await evaluate(script), 0xe3069283)
})

t.test('s5cmd is the release that go.mod pins, and stands where the loader looks for it', async (t) => {
  const [, release = ''] =
    /^require \S+\/s5cmd\/v2 (\S+)$/m.exec(await readFile('deploy/image/s5cmd/go.mod', 'utf8')) ?? []
  const script = `require('node:child_process').execFileSync('${defaultS5cmdPath}', ['version']).toString()`
  t.equal(String(await evaluate(script)), `${release}-module\n`)
})

t.test('authorities come with Node, as the image has no file of them', async (t) => {
  t.ok(Number(await evaluate("require('node:tls').getCACertificates('default').length")) > 100)
})

t.test('names are looked up in /etc/hosts first, where hostAliases of pods are', async (t) => {
  await writeFile(join(image, 'etc', 'hosts'), '192.0.2.7 alias.example.com\n')
  const script =
    "require('node:dns').lookup('alias.example.com', (error, address) => console.log(error?.code ?? address))"
  t.equal(await runInside('--eval', script), '192.0.2.7')
})

t.test('the user of the image has an entry, and all can write to /tmp', async (t) => {
  t.match(await readFile(join(image, 'etc', 'passwd'), 'utf8'), /^nonroot:x:65532:65532:/m)
  t.equal(statSync(join(image, 'tmp')).mode & 0o7777, 0o1777)
})

t.test('the licence of everything in it is there', (t) => {
  t.strictSame(readdirSync(join(image, 'licenses')).sort(), [
    'LICENSE',
    'gcc-12-base',
    'libc6',
    'node',
    'packages',
    's5cmd',
  ])
  const linked = readdirSync(join(image, 'licenses', 's5cmd'), { recursive: true, encoding: 'utf8' })
  for (const path of ['go/LICENSE', 'github.com/peak/s5cmd/v2/LICENSE', 'github.com/aws/aws-sdk-go/LICENSE.txt']) {
    t.ok(linked.includes(path), path)
  }
  const bundled = join(image, 'licenses', 'packages')
  for (const name of ['fastify', '@aws-sdk+client-sts', 'yaml']) t.ok(readdirSync(join(bundled, name)).length > 0, name)
  t.end()
})

t.test('no other package, no tool of development and no shell is in it', (t) => {
  t.strictSame(globSync('@*/*', { cwd: join(image, 'app', 'node_modules') }).sort(), [
    '@node-rs/crc32',
    `@node-rs/crc32-linux-${process.arch}-gnu`,
  ])
  t.strictSame(readdirSync(join(image, 'app', 'node_modules')), ['@node-rs'], 'every other package is in the bundle')
  t.strictSame(
    readdirSync(image).filter((name) => ['bin', 'sbin'].includes(name)),
    [],
  )
  t.strictSame(readdirSync(join(image, 'usr', 'local', 'bin')), ['model-injector', 'node', 's5cmd'])
  t.end()
})

t.test('the Dockerfile has nothing that hadolint remarks', async (t) => {
  const { code, output } = await runPythonTool('hadolint', ['--failure-threshold', 'style', 'Dockerfile'])
  t.equal(code, 0, output)
})
