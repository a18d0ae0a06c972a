import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { imageNodeFlags } from '../../../deploy/image/node-flags.ts'
import { serveCommand } from '../../../src/cli/serve.ts'
import { connectTls, get, keptAliveAgent, post, readSocket } from '../../kit/webhook/https-client.ts'
import { mountDirectory, temporaryDirectory } from '../../kit/webhook/mounted-directory.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { createPki, type LogLine, type Pki } from '../../kit/webhook/server-kit.ts'
import { listeningPorts } from '../../kit/tools/listening-ports.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

interface Process {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly lines: LogLine[]
  /** Exit code or signal, standard error. */
  readonly ended: Promise<{ code: number | string; stderr: string }>
}

/** Killed at the end of the test, should it still run. */
function runCommand(t: Test, args: readonly string[], env: Readonly<Record<string, string>> = {}): Process {
  // The loaders of the test runner are none of its business.
  const child = spawn(process.execPath, [...imageNodeFlags, main, 'serve', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: LogLine[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as LogLine)
  })
  const stderr = text(child.stderr)
  const ended = once(child, 'close').then(async ([code, signal]) => ({
    code: (code ?? signal) as number | string,
    stderr: await stderr,
  }))
  return { child, lines, ended }
}

interface ServeProcess extends Process {
  readonly port: number
  readonly healthPort: number
  readonly pki: Pki
}

async function serve(t: Test, ...args: string[]): Promise<ServeProcess> {
  const directory = await temporaryDirectory(t)
  const pki = await createPki(directory)
  const { path } = await mountDirectory(directory, 'tls', { ...(await pki.issue('server')) })
  const running = runCommand(t, ['--tls-dir', path, '--port', '0', '--health-port', '0', ...args])
  const { port, healthPort } = (await waitForLine(running, 'listening')) as LogLine & {
    port: number
    healthPort: number
  }
  return { ...running, port, healthPort, pki }
}

async function waitForLine({ lines, ended }: Process, message: string): Promise<LogLine> {
  const exit = new AbortController()
  void ended.then(({ code, stderr }) => {
    exit.abort(new Error(`it ended with ${code}: ${stderr}`))
  })
  const find = (): Promise<LogLine | undefined> => Promise.resolve(lines.find(({ msg }) => msg === message))
  return waitFor(`the log to say ${message}`, find, { signal: exit.signal })
}

t.test('SIGUSR1 opens no inspector, and the webhook goes on answering', async (t) => {
  const { child, port, healthPort, pki, ended } = await serve(t, '--drain-seconds', '0')
  child.kill('SIGUSR1')
  for (let i = 0; i < 20; i++) {
    t.match(await post({ port, ca: pki.ca, agent: false }, reviewOf(annotatedManifest())), { statusCode: 200 })
  }
  t.strictSame(
    await listeningPorts(child.pid),
    [port, healthPort].toSorted((a, b) => a - b),
  )
  child.kill('SIGTERM')
  t.strictSame(await ended, { code: 0, stderr: '' }, 'an inspector would say its address')
})

t.test('SIGTERM', async (t) => {
  const server = await serve(t, '--drain-seconds', '1')
  const { child, port, healthPort, pki } = server
  const review = reviewOf(annotatedManifest())
  const agent = keptAliveAgent({ ca: pki.ca })
  t.teardown(() => {
    agent.destroy()
  })
  const idle = await connectTls({ port, ca: pki.ca })
  const before = await post({ port, agent }, review)
  t.match(await get(healthPort, '/readyz'), { statusCode: 200 })
  await t.test('comes to a process that has logged, in this order, what to know of its start', (t) => {
    t.match(server.lines, [
      { level: 40, msg: 'the loader image is not pinned by digest' },
      { level: 30, msg: 'certificate loaded' },
      { level: 30, msg: 'listening', port, healthPort, time: /^\d{4}-\d\d-\d\dT/ },
      { level: 30, msg: 'admission', outcome: 'injected' },
    ])
    t.end()
  })
  child.kill('SIGTERM')
  await waitForLine(server, 'shutting down')

  await t.test('makes it unready at once, but not dead', async (t) => {
    t.match(await get(healthPort, '/readyz'), { statusCode: 503, body: 'shutting down' })
    t.match(await get(healthPort, '/healthz'), { statusCode: 200 })
  })
  await t.test('lets it answer old and new connections for a while, and close each after its answer', async (t) => {
    t.not(before.headers.connection, 'close')
    t.match(await post({ port, agent }, review), { statusCode: 200, reused: true, headers: { connection: 'close' } })
    t.match(await post({ port, ca: pki.ca, agent: false }, review), {
      statusCode: 200,
      headers: { connection: 'close' },
    })
  })
  await t.test('lets a request that is on its way finish after the port was closed', async (t) => {
    const body = JSON.stringify(review)
    const slow = await connectTls({ port, ca: pki.ca })
    slow.write(
      `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 100)}`,
    )
    await waitFor('the port to be closed', async () =>
      connectTls({ port, ca: pki.ca }).then(
        (socket) => {
          socket.destroy()
        },
        () => true as const,
      ),
    )
    slow.write(body.slice(100))
    t.match(await readSocket(slow), /^HTTP\/1\.1 200 [^]*connection: close[^]*"patchType":"JSONPatch"/)
  })
  await t.test('ends it with exit code 0, and with idle connections closed', async (t) => {
    await readSocket(idle)
    t.strictSame(await server.ended, { code: 0, stderr: '' })
    t.equal(server.lines.at(-1)?.msg, 'closed')
  })
})

t.test('a second signal ends the drain', async (t) => {
  const server = await serve(t, '--drain-seconds', '600')
  server.child.kill('SIGINT')
  await waitForLine(server, 'shutting down')
  server.child.kill('SIGINT')
  t.strictSame(await server.ended, { code: 0, stderr: '' })
})

t.test('a fault at the start ends it with exit code 2, one message and no stack, before it listens', async (t) => {
  const directory = await temporaryDirectory(t)
  const file = join(directory, 'config.yaml')
  await writeFile(file, 'polices: {}\nopenshift: perhaps\ndefaults:\n  volume: tape\n')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port: taken } = other.address() as AddressInfo
  const onLoopback = ['--tls-dir', directory, '--address', '127.0.0.1']
  const cases: [string, string[], RegExp | string][] = [
    [
      'all problems of a bad configuration',
      [...onLoopback, '--config', file],
      /config\.yaml is not a valid configuration:\n.* {2}polices.*\n.* {2}openshift.*\n/,
    ],
    [
      'a taken port',
      [...onLoopback, '--port', String(taken), '--health-port', '0'],
      `model-injector: cannot listen on 127.0.0.1:${taken}: something else listens there already\n`,
    ],
    [
      'Events outside of a pod',
      [...onLoopback, '--events', '--service-account-dir', directory],
      /^model-injector: --events needs the service account of a pod: .*\n$/,
    ],
  ]
  const running = cases.map(([, args]) => runCommand(t, args))
  for (const [i, [what, , message]] of cases.entries()) {
    await t.test(what, async (t) => {
      const { code, stderr } = await running[i]!.ended
      t.equal(code, 2)
      t.match(stderr, message)
      t.notMatch(stderr, /\n.*\bat .*\.ts/)
      t.strictSame(
        running[i]!.lines.filter(({ msg }) => msg === 'listening'),
        [],
      )
    })
  }
})

for (const [args, message] of [
  [[], /--tls-dir/],
  [['--tls-dir', 'x', '--port', '65536'], /--port .*not a port/],
  [['--tls-dir', 'x', '--loader-image', ''], /--loader-image .*not an image reference/],
  [['--tls-dir', 'x', '--loader-image', 'an image'], /--loader-image .*not an image reference/],
  [['--tls-dir', 'x', '--drain-seconds', 'soon'], /--drain-seconds .*not a number of seconds/],
  [['--tls-dir', 'x', '--tls-min-version', 'TLSv1.1'], /TLSv1\.3, TLSv1\.2/],
  [['--tls-dir', 'x', '--log-level', 'loud'], /trace, debug, info/],
] as const) {
  t.test(`the options "${args.join(' ')}" are refused`, async (t) => {
    let printed = ''
    const command = serveCommand()
      .exitOverride()
      .configureOutput({
        writeErr: (line) => {
          printed += line
        },
      })
    await t.rejects(command.parseAsync(args, { from: 'user' }), { name: 'CommanderError' })
    t.match(printed, message)
  })
}

for (const value of ['', 'model-injector:', '$(LOADER_IMAGE)']) {
  t.test(
    `the image "${value}" in the environment ends it before it listens, by the name of the variable`,
    async (t) => {
      const { lines, ended } = runCommand(t, ['--tls-dir', 'x'], { MODEL_INJECTOR_LOADER_IMAGE: value })
      const { code, stderr } = await ended
      t.equal(code, 64)
      t.match(
        stderr,
        `--loader-image <image> (from MODEL_INJECTOR_LOADER_IMAGE) "${value}" is not an image reference; accepted: `,
      )
      t.strictSame(lines, [])
    },
  )
}

t.test('the image in the environment is that of the loaders', async (t) => {
  const directory = await temporaryDirectory(t)
  const pki = await createPki(directory)
  const { path } = await mountDirectory(directory, 'tls', { ...(await pki.issue('server')) })
  const args = ['--tls-dir', path, '--port', '0', '--health-port', '0']
  const running = runCommand(t, args, { MODEL_INJECTOR_LOADER_IMAGE: 'registry.example.com/model-injector:9' })
  const { port } = (await waitForLine(running, 'listening')) as LogLine & { port: number }
  const { body } = await post({ port, ca: pki.ca, agent: false }, reviewOf(annotatedManifest()))
  const { patch } = (JSON.parse(body) as { response: { patch: string } }).response
  t.match(Buffer.from(patch, 'base64').toString(), '"image":"registry.example.com/model-injector:9"')
})
