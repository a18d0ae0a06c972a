/** `servePage` as a process, from the compiled product: what is served is read from its own files, which are JavaScript there. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { openBrowser, shownPods } from './browser.ts'
import { aboutSample, makePod } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())
const sources = join(import.meta.dirname, '..', '..', '..', 'src')
const auditPage = JSON.stringify(pathToFileURL(join(sources, 'cli', 'audit', 'write-page.ts')).href)
const pod = makePod(1, { name: 'served' })

interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly firstLine: string
  readonly errors: () => string
}

async function serve(listen: string): Promise<Serving> {
  const script = `
    import { servePage } from ${auditPage}
    await servePage({ listen: ${listen} }, async function* () { yield ${JSON.stringify(pod)} }, ${JSON.stringify(aboutSample)})
    process.stdout.write('returned\\n')`
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [firstLine] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, firstLine, url: / (http:\S+) /.exec(firstLine)?.[1] ?? '', errors: () => errors }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`it listens on loopback, says where, and ends at ${signal}, although a browser is connected`, async (t) => {
    const { child, url, firstLine, errors } = await serve('undefined')
    t.match(firstLine, /^The audit is at http:\/\/127\.0\.0\.1:\d+\/ until Ctrl-C\.$/)
    const { page, complaints } = await browser.openUrl(url)
    await page.getByRole('button', { name: 'served' }).waitFor()
    t.strictSame(await shownPods(page), ['served'])
    t.strictSame(complaints, [])
    const idle = connect(Number(new URL(url).port), '127.0.0.1')
    idle.on('error', () => undefined)
    await once(idle, 'connect')
    await page.context().close()
    child.kill(signal)
    const [code] = (await once(child, 'exit')) as [number | null]
    t.equal(code, 0)
    t.equal(errors(), '')
    idle.destroy()
  })
}

t.test('to listen for everybody is said to be what it is', async (t) => {
  const { child, url, errors } = await serve('{ host: "0.0.0.0", port: 0 }')
  t.match(url, /^http:\/\/localhost:\d+\/$/)
  t.equal((await fetch(url)).status, 200)
  child.kill('SIGINT')
  await once(child, 'exit')
  t.match(errors(), 'everyone who reaches port')
})

t.test('a port that is taken is an error that says so', async (t) => {
  const { url } = await serve('undefined')
  const { port } = new URL(url)
  const { servePage } = (await import(
    JSON.parse(auditPage) as string
  )) as typeof import('../../../src/cli/audit/write-page.ts')
  const audit = async function* (): AsyncGenerator<typeof pod> {
    await Promise.resolve()
    yield pod
  }
  await t.rejects(servePage({ listen: { host: '127.0.0.1', port: Number(port) } }, audit, aboutSample), {
    code: 'ListenFailed',
    message: `cannot listen on 127.0.0.1:${port}: something else listens there already`,
  })
})
