import { hostname } from 'node:os'
import t from 'tap'
import type { AuditedPod } from '../../../../src/audit/judgement.ts'
import { buildPageServer } from '../../../../src/audit/page/build-page-server.ts'
import { startLiveAudit } from '../../../../src/audit/page/live-audit.ts'
import type { LiveState } from '../../../../src/audit/page/page-data.ts'
import { aboutSample, makePods, streamOf } from '../../../audit/page/sample-pods.ts'
import { waitFor } from '../../../kit/tools/wait-for.ts'

const live = startLiveAudit({ audit: () => streamOf(makePods(3)), about: () => aboutSample, restMs: 1e9, retryMs: 1e9 })
const app = await buildPageServer({ live, about: () => aboutSample, listenHost: 'audit.example.com' })
t.teardown(() => app.close())
await waitFor('the first audit', async () => (await Promise.resolve(live.look())).revision)

t.test('it gives the page, the state and the pods', async (t) => {
  const page = await app.inject('/')
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.body, '"isLive":true,"pods":[]')
  const state = (await app.inject('/state.json')).json<LiveState>()
  t.match(state, { isReading: false, revision: /^[0-9a-f]{16}$/, auditedAt: /Z$/ })
  t.strictSame((await app.inject('/pods.json')).json<AuditedPod[]>(), makePods(3))
})

t.test('every answer is closed to other pages, also that nothing is there', async (t) => {
  for (const url of ['/', '/state.json', '/pods.json', '/nothing', '/../../etc/passwd']) {
    const { headers, statusCode } = await app.inject(url)
    t.equal(statusCode, url === '/nothing' || url.includes('etc') ? 404 : 200, url)
    t.match(
      headers,
      {
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      },
      url,
    )
    const policy = String(headers['content-security-policy'])
    t.match(
      policy,
      /^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; img-src data:; connect-src 'self'; /,
    )
    t.match(policy, "frame-ancestors 'none'")
    t.notMatch(policy, /unsafe|\*/)
    t.equal(headers['access-control-allow-origin'], undefined)
  }
})

const hosts: readonly (readonly [host: string, status: number])[] = [
  ['localhost:1234', 200],
  ['LOCALHOST', 200],
  ['127.0.0.1:80', 200],
  ['[::1]:8080', 200],
  ['10.1.2.3:8080', 200],
  [`${hostname()}:1`, 200],
  ['audit.example.com', 200],
  ['attacker.example.com', 421],
  ['localhost.attacker.example.com:1', 421],
  ['127.0.0.1.attacker.example.com', 421],
  ['127.0.0.1@attacker.example.com', 421],
]

for (const [host, status] of hosts) {
  t.test(`the Host ${JSON.stringify(host)} gets ${status}`, async (t) => {
    const { statusCode, body } = await app.inject({ url: '/pods.json', headers: { host } })
    t.equal(statusCode, status)
    t.equal(body.includes('"namespace"'), status === 200)
  })
}

t.test('another page may link here, but not ask for data', async (t) => {
  const ask = async (url: string, site: string, mode: string): Promise<number> =>
    (await app.inject({ url, headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode } })).statusCode
  t.equal(await ask('/', 'cross-site', 'navigate'), 200)
  t.equal(await ask('/state.json', 'same-origin', 'cors'), 200)
  t.equal(await ask('/state.json', 'cross-site', 'no-cors'), 403)
  t.equal(await ask('/pods.json', 'same-site', 'cors'), 403, 'another port of localhost is the same site')
})

t.test('it only answers questions', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    t.equal((await app.inject({ method, url: '/' })).statusCode, 404)
  }
})
