import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AuditedPod } from '../../../../src/audit/judgement.ts'
import { embeddable } from '../../../../src/audit/page/page-data.ts'
import { renderPage } from '../../../../src/audit/page/render-page.ts'
import { parseListenAddress } from '../../../../src/cli/audit/listen-address.ts'
import { writePage } from '../../../../src/cli/audit/write-page.ts'
import { AppError } from '../../../../src/errors.ts'
import { aboutSample, makePod, makePods, streamOf } from '../../../audit/page/sample-pods.ts'

/** The text that the browser finds between the tags. */
function dataOf(html: string): { readonly about: unknown; readonly pods: unknown } {
  const [, json = ''] = /<script type="application\/json" id="audit">([^<]*)<\/script>/.exec(html) ?? []
  return JSON.parse(json) as { readonly about: unknown; readonly pods: unknown }
}

t.test('the file carries what was audited, when, by which configuration, and every pod as it is', async (t) => {
  const file = join(t.testdir(), 'report.html')
  await writePage(file, streamOf(makePods(3)), aboutSample)
  const { about, pods } = dataOf(readFileSync(file, 'utf8'))
  t.match(about, { ...aboutSample, version: /^\d/, auditedAt: /Z$/, judgements: { missing: { level: 'error' } } })
  t.strictSame(pods, makePods(3))
})

t.test('nothing in it refers to another place', async (t) => {
  const file = join(t.testdir(), 'report.html')
  await writePage(file, streamOf([]), { ...aboutSample, place: 'files' })
  const html = readFileSync(file, 'utf8').replace("xmlns='http://www.w3.org/2000/svg'", '')
  t.notMatch(html, /\b(?:https?:)?\/\/[a-z]+\.[a-z]/i)
  t.notMatch(html, /\ssrc=|@import|url\(|\son[a-z]+=|\sstyle=/)
})

t.test('no text in the data can end it', (t) => {
  const text = '</script><!--<script>\u2028'
  t.notMatch(embeddable({ [text]: text }), '<')
  t.strictSame(JSON.parse(embeddable({ [text]: text })), { [text]: text })
  t.end()
})

t.test('the script and the style are allowed by what they are, in a file and live', async (t) => {
  const [file, live] = [await renderPage('file'), await renderPage('live')]
  t.notMatch(file.policy, 'connect-src')
  t.match(live.policy, "connect-src 'self'")
  t.equal(
    file.policy.replace(/'sha256-[^']+'/g, 'HASH'),
    "default-src 'none'; script-src HASH; style-src HASH; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  )
})

t.test('an audit that fails half-way leaves the file of the last one, and no other', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'report.html')
  writeFileSync(file, 'the last one')
  const failing = async function* (): AsyncGenerator<AuditedPod> {
    yield* streamOf([makePod(1)])
    throw new AppError('ClusterUnreachable', 'no answer')
  }
  await t.rejects(writePage(file, failing(), aboutSample), { code: 'ClusterUnreachable', message: 'no answer' })
  t.equal(readFileSync(file, 'utf8'), 'the last one')
  t.strictSame(readdirSync(directory), ['report.html'])
})

t.test('a place that cannot be written is named', async (t) => {
  const file = join(t.testdir(), 'nowhere', 'report.html')
  await t.rejects(writePage(file, streamOf([]), aboutSample), {
    code: 'OutputUnwritable',
    message: `${file}: cannot be written: ENOENT`,
  })
  t.notOk(existsSync(file))
})

const addresses: readonly (readonly [text: string, host: string, port: number])[] = [
  ['8080', '127.0.0.1', 8080],
  ['0', '127.0.0.1', 0],
  ['0.0.0.0:8080', '0.0.0.0', 8080],
  ['[::1]:1', '::1', 1],
  ['localhost:65535', 'localhost', 65535],
  ['audit.example.com:80', 'audit.example.com', 80],
]

for (const [text, host, port] of addresses) {
  t.test(`--listen ${text} is port ${port} of ${host}`, (t) => {
    t.strictSame(parseListenAddress(text), { ok: true, value: { host, port } })
    t.end()
  })
}

for (const text of [
  '',
  ':8080',
  'localhost',
  '1.2.3.4:',
  '::1:8080',
  '[nonsense]:1',
  '1.2.3.4:65536',
  '-1',
  'http://localhost:1',
  '[::1]',
]) {
  t.test(`--listen ${JSON.stringify(text)} is refused`, (t) => {
    t.strictSame(parseListenAddress(text), { ok: false, problem: 'is no address with a port' })
    t.end()
  })
}
