/**
 * The start of the image, in the image's own files, with variables that another webhook or an attacker added to the container after our
 * last pass: no foreign code runs, no foreign server is believed, and what an operator set still holds.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { build as bundle } from 'esbuild'
import t from 'tap'
import { commandNodeFlags, imageNodeFlags } from '../../deploy/image/node-flags.ts'
import { loaderImageVariable } from '../../src/config/loader-image.ts'
import { version } from '../../src/version.ts'
import { layOutProduct, prepareProductImage, productCommand } from '../kit/cluster/image-contents.ts'
import { startConnectProxy } from '../kit/s3/connect-proxy.ts'
import { endsWith } from '../kit/s3/loader-end.ts'
import type { LoaderEngine } from '../kit/s3/loader-run.ts'
import { holdsModel, holdsNothing, stageOf, startLoaderWorld, type Stage } from '../kit/s3/loader-world.ts'
import { privateMounts } from '../kit/tools/private-mounts.ts'
import { writeCertificates } from '../kit/webhook/webhook-process.ts'

const said = 'FOREIGN CODE'
const flags = [...imageNodeFlags, '--openssl-config=/dev/null']
const directory = t.testdir({ world: {} })
const image = join(directory, 'image')
// At one path inside the image and outside.
const shared = join(directory, 'world')

await prepareProductImage()
await layOutProduct(image, join(directory, 'app'))
await writeForeignCode()
const mounts = await privateMounts()
t.teardown(() => mounts.stop())
for (const path of ['/proc', '/dev', shared]) {
  await mkdir(join(image, path), { recursive: true })
  await mounts.run('mount --rbind "$2" "$1$2"', image, path)
}

const start = await productCommand([])
const engine: LoaderEngine = {
  name: 'native',
  command: (terminationLog) => [...start, 'load', '--start-jitter', '0', '--termination-log', terminationLog],
  environment: (file): Record<string, string> =>
    file === undefined ? {} : { MODEL_CA_CERTIFICATES: readFileSync(file, 'utf8') },
}
const world = await startLoaderWorld(shared, engine)
t.teardown(() => world.stop())
const authorities = join(shared, 'authorities.crt')
await copyFile(world.proxy.caCertificateFile ?? '', authorities)

/** Sees the image's own files and nothing else; the environment is that of the process. */
function inside(command: readonly string[]): readonly string[] {
  return mounts.wrap(['/usr/sbin/chroot', image, ...command])
}

/** Code that says so when it runs, in each form in which an environment can name it. It lies in the image alone. */
async function writeForeignCode(): Promise<void> {
  const place = join(image, 'foreign')
  await mkdir(place)
  const script = `process.getBuiltinModule('node:fs').writeSync(2, '${said}\\n')`
  await writeFile(join(place, 'code.cjs'), script)
  await writeFile(join(place, 'code.mjs'), script)
  const source = join(directory, 'code.c')
  await writeFile(
    source,
    `#include <unistd.h>\n__attribute__((constructor)) void run(void) { write(2, "${said}\\n", 13); }\n`,
  )
  await promisify(execFile)('cc', ['-shared', '-fPIC', '-o', join(place, 'code.so'), source])
  await writeFile(
    join(place, 'openssl.cnf'),
    'nodejs_conf = all\n[all]\nproviders = list\n[list]\nforeign = one\n[one]\nmodule = /foreign/code.so\nactivate = 1\n',
  )
}

const foreignCode: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a module that Node requires': { NODE_OPTIONS: '--require /foreign/code.cjs' },
  'a module that Node imports': { NODE_OPTIONS: '--import /foreign/code.mjs' },
  'a library of the dynamic linker': { LD_PRELOAD: '/foreign/code.so' },
  'a provider of OpenSSL': { OPENSSL_CONF: '/foreign/openssl.cnf' },
}

t.test('foreign code does not run in a load', async (t) => {
  for (const [what, env] of Object.entries(foreignCode)) {
    await t.test(what, async (t) => {
      const stage = await stageWithModel(what)
      const end = await stage.run(env, inside)
      endsWith(t, end, 0)
      t.notMatch(end.log, said)
      await holdsModel(t, stage)
    })
  }
})

t.test('nor does that of a configuration of OpenSSL in the place where authorities are mounted', async (t) => {
  const place = join(image, 'etc', 'ssl')
  await mkdir(place)
  await copyFile(join(image, 'foreign', 'openssl.cnf'), join(place, 'openssl.cnf'))
  t.teardown(() => rm(place, { recursive: true }))
  const stage = await stageWithModel('configuration of OpenSSL')
  const end = await stage.run({}, inside)
  endsWith(t, end, 0)
  t.notMatch(end.log, said)

  await bundle({
    entryPoints: ['src/loader/deadline.ts'],
    outfile: join(image, 'foreign', 'deadline.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
  })
  const script = `import { endStuckProcess } from '/foreign/deadline.js'
    endStuckProcess(17)
    setInterval(() => undefined, 1000)`
  const [file = '', ...args] = inside(['/usr/local/bin/node', ...flags, '--input-type=module', '--eval', script])
  const stuck = spawn(file, args, { env: {}, stdio: ['ignore', 'ignore', 'pipe'] })
  const [log, [code]] = await Promise.all([text(stuck.stderr), once(stuck, 'close') as Promise<[number | null]>])
  t.strictSame({ log, code }, { log: '', code: 17 }, 'nor when a process that hangs makes way for another')
})

t.test('options that would keep Node from starting, or open its inspector, do not count', async (t) => {
  for (const options of ['--require /no/such/module', '--no-such-option', '--inspect=127.0.0.1:0']) {
    await t.test(options, async (t) => {
      const stage = await stageWithModel(options)
      const end = await stage.run({ NODE_OPTIONS: options }, inside)
      endsWith(t, end, 0)
      t.notMatch(end.log, /Debugger listening/)
    })
  }
})

const foreignAuthorities: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'authorities that Node adds': { NODE_EXTRA_CA_CERTS: authorities },
  'no authority at all': { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  'the authorities of OpenSSL': { NODE_OPTIONS: '--use-openssl-ca', SSL_CERT_FILE: authorities },
  'the authorities of the system': { NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: authorities },
}

t.test('a server is believed by authorities of the operator alone', async (t) => {
  for (const [what, env] of Object.entries(foreignAuthorities)) {
    await t.test(what, async (t) => {
      const stage = await stageWithModel(what)
      const end = await stage.run({ ...env, MODEL_CA_CERTIFICATES: '' }, inside)
      endsWith(t, end, 11, /TLS: /)
      t.notMatch(end.log, /^loading /m, 'not even its listing')
      await holdsNothing(t, stage)
      endsWith(t, await stage.run(env, inside), 0)
      await holdsModel(t, stage)
    })
  }
})

t.test("the operator's proxy, program and choice of endpoints hold", async (t) => {
  const { port } = new URL(world.proxy.endpoint)
  const proxy = await startConnectProxy(Number(port))
  t.teardown(() => proxy.stop())
  const stage = await stageWithModel('proxy')
  const throughProxy = { HTTPS_PROXY: proxy.url, MODEL_ENDPOINT: `https://s3.example.test:${port}` }
  endsWith(t, await stage.run(throughProxy, inside), 0)
  await holdsModel(t, stage)
  t.ok(proxy.asked.length > 0)

  const copied = await stageWithModel('s5cmd')
  endsWith(t, await copied.run({ MODEL_ENGINE: 's5cmd', ...foreignCode['a module that Node requires'] }, inside), 0)
  await holdsModel(t, copied)

  endsWith(t, await stage.run({ AWS_USE_FIPS_ENDPOINT: 'true' }, inside), 64, /AWS_USE_FIPS_ENDPOINT/)
})

t.test('SIGTERM reaches the loader', async (t) => {
  const stage = await stageWithModel('terminated')
  const listed = Promise.withResolvers<undefined>()
  const run = (): void => {
    listed.resolve(undefined)
  }
  stage.fault({ match: { operation: 'list' }, action: { kind: 'run', run } })
  stage.fault({ match: { operation: 'list' }, action: { kind: 'hang' } })
  const { child, end } = await stage.start({}, inside)
  await listed.promise
  child.kill('SIGTERM')
  endsWith(t, await end, 143, /^SIGTERM: /)
})

t.test('the webhook has the variables that it reads and no others', async (t) => {
  await writeCertificates(shared)
  const env = {
    ...Object.assign({}, ...Object.values(foreignCode)),
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    KUBERNETES_SERVICE_PORT: '443',
    [loaderImageVariable]: 'registry.example.com/model-injector:1.0.0',
    NODE_OPTIONS: '--require /foreign/code.cjs',
    HOME: '/foreign',
    DD_TRACE_ENABLED: 'true',
  } as Record<string, string>
  const ports = ['--address', '127.0.0.1', '--port', '0', '--health-port', '0', '--drain-seconds', '0']
  const [file = '', ...args] = inside([...start, 'serve', '--tls-dir', join(shared, 'tls'), ...ports])
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('"msg":"listening"')) break
  }
  t.strictSame((await textsOf(child, 'cmdline')).slice(0, 6), [
    '/usr/local/bin/node',
    ...flags,
    ...commandNodeFlags.serve,
    '/app/dist/main.js',
    'serve',
  ])
  t.strictSame((await textsOf(child, 'environ')).sort(), [
    'KUBERNETES_SERVICE_HOST=10.0.0.1',
    'KUBERNETES_SERVICE_PORT=443',
    'MALLOC_ARENA_MAX=1',
    'MODEL_INJECTOR_LOADER_IMAGE=registry.example.com/model-injector:1.0.0',
  ])
  child.kill('SIGTERM')
  await once(child, 'close')
  t.notMatch(errors, said)
})

t.test('commands that people run keep the environment', async (t) => {
  const [file = '', ...args] = inside([...start, '--version'])
  const env = { NODE_OPTIONS: '--require /foreign/code.cjs' }
  const { stdout, stderr } = await promisify(execFile)(file, args, { env })
  t.equal(stdout.trim(), version)
  t.match(stderr, said)
})

/** As the kernel has them, whatever the program reports. */
async function textsOf({ pid = 0 }: ChildProcess, what: 'cmdline' | 'environ'): Promise<string[]> {
  return (await readFile(`/proc/${pid}/${what}`, 'utf8')).split('\0').filter((text) => text !== '')
}

async function stageWithModel(name: string): Promise<Stage> {
  const root = join(shared, `volume-${name.replaceAll(/\W/g, '-')}`)
  await mkdir(root)
  const stage = stageOf(world, name, root)
  await stage.put('config.json', '{}')
  await stage.put(
    'weights.bin',
    new Uint8Array(20 * 2 ** 20).map((_, i) => i % 251),
    { checksum: 'CRC32C' },
  )
  return stage
}
