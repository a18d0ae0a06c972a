import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { annotatedManifest, plainPod, reviewOf } from '../../kit/webhook/reviews.ts'
import { buildTestServer, captureLog, metric, type TestServer } from '../../kit/webhook/server-kit.ts'

const MiB = 1024 * 1024
const json = { 'content-type': 'application/json' }

interface Review {
  apiVersion: string
  kind: string
  response: Record<string, unknown>
}

async function post(
  server: TestServer,
  payload: string | Buffer | object,
  headers: Record<string, string> = json,
): Promise<LightMyRequestResponse> {
  return server.app.inject({ method: 'POST', url: '/mutate?timeout=5s', headers, payload })
}

t.test('an annotated pod gets HTTP 200, its own uid and a patch', async (t) => {
  const server = buildTestServer()
  const answer = await post(server, reviewOf(annotatedManifest()))
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.match(answer.json<Review>(), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      allowed: true,
      patchType: 'JSONPatch',
      patch: String,
      warnings: [String],
    },
  })
})

const allowedUntouched: [string, object, string][] = [
  ['a pod without annotations', reviewOf(plainPod()), 'NotAnnotated'],
  ['a pod that opted out', reviewOf(annotatedManifest({ 'models.example.io/inject': 'false' })), 'OptedOut'],
  ['an UPDATE', reviewOf(annotatedManifest(), { operation: 'UPDATE' }), 'NotPodCreation'],
  [
    'a Deployment instead of a pod',
    reviewOf(annotatedManifest(), {
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    }),
    'NotPodCreation',
  ],
]

for (const [what, review, reason] of allowedUntouched) {
  t.test(`${what} is allowed without a patch`, async (t) => {
    const answer = await post(buildTestServer(), review)
    t.equal(answer.statusCode, 200)
    t.match(answer.json<Review>().response, { allowed: true, auditAnnotations: { decision: 'skipped', reason } })
    t.notOk('patch' in answer.json<Review>().response)
  })
}

t.test('a bad annotation is denied with HTTP 200 and code 422', async (t) => {
  const answer = await post(
    buildTestServer(),
    reviewOf(annotatedManifest({ 'models.example.io/size': 'big', 'models.example.io/sorce': 'x' })),
  )
  t.equal(answer.statusCode, 200)
  const { response } = answer.json<Review>()
  t.match(response, {
    allowed: false,
    status: { code: 422, reason: 'Invalid', message: /^model-injector: 2 problems\n/ },
  })
  t.notOk('patch' in response)
})

t.test('a pod with duplicate container names is denied', async (t) => {
  const container = { name: 'app', image: 'a' }
  const answer = await post(
    buildTestServer(),
    reviewOf({ ...annotatedManifest(), spec: { containers: [container, container] } }),
  )
  t.equal(answer.statusCode, 200)
  t.match(answer.json<Review>().response, { allowed: false, auditAnnotations: { reason: 'InvalidPod' } })
})

const review = JSON.stringify(reviewOf(annotatedManifest()))
const badRequests: [string, string | Buffer, Record<string, string>, number][] = [
  ['an empty body', '', json, 400],
  ['an empty body without a content type', '', {}, 400],
  ['no JSON', 'apiVersion: v1', json, 400],
  ['half a review', review.slice(0, 200), json, 400],
  ['two reviews', review + review, json, 400],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x01]), json, 400],
  ['JSON null', 'null', json, 400],
  ['a JSON list', `[${review}]`, json, 400],
  ['a review of v1beta1', review.replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1'), json, 400],
  ['a pod without a review', JSON.stringify(annotatedManifest()), json, 400],
  ['a review without a request', JSON.stringify({ ...reviewOf(null), request: null }), json, 400],
  ['a review without a uid', JSON.stringify(reviewOf(annotatedManifest(), { uid: undefined })), json, 400],
  ['a __proto__ key', review.replace('"metadata"', '"__proto__"'), json, 400],
  ['text', review, { 'content-type': 'text/plain' }, 415],
  ['YAML', review, { 'content-type': 'application/yaml' }, 415],
  ['no content type', review, { 'content-type': '' }, 415],
  ['a form', review, { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['8 MiB', JSON.stringify(reviewOf({ ...annotatedManifest(), padding: 'x'.repeat(8 * MiB) })), json, 413],
]

for (const [what, payload, headers, statusCode] of badRequests) {
  t.test(`${what} gets HTTP ${statusCode}, a small JSON body and no admission`, async (t) => {
    const server = buildTestServer()
    const answer = await post(server, payload, headers)
    t.equal(answer.statusCode, statusCode)
    const body = answer.json<Record<string, unknown>>()
    t.strictSame(Object.keys(body).sort(), ['error', 'message', 'statusCode'])
    t.equal(body.statusCode, statusCode)
    t.ok(answer.body.length < 300)
    t.strictSame(server.log.admissions(), [])
    t.equal(await metric(server.metrics.registry, `model_injector_requests_refused_total{status="${statusCode}"}`), 1)
  })
}

t.test('a body of just less than 7 MiB is admitted', async (t) => {
  const answer = await post(
    buildTestServer(),
    reviewOf({ ...annotatedManifest(), padding: 'x'.repeat(7 * MiB - 2000) }),
  )
  t.equal(answer.statusCode, 200)
  t.match(answer.json<Review>().response, { allowed: true, patch: String })
})

t.test('a content type with a charset is JSON too', async (t) => {
  const answer = await post(buildTestServer(), review, { 'content-type': 'application/json; charset=utf-8' })
  t.equal(answer.statusCode, 200)
})

for (const [method, url] of [
  ['GET', '/mutate'],
  ['PUT', '/mutate'],
  ['DELETE', '/mutate'],
  ['POST', '/'],
  ['POST', '/mutate/x'],
  ['GET', '/metrics'],
  ['GET', '/healthz'],
] as const) {
  t.test(`${method} ${url} is not served on the webhook port`, async (t) => {
    const answer = await buildTestServer().app.inject({ method, url })
    t.equal(answer.statusCode, 404)
    t.match(answer.json(), { statusCode: 404, error: 'Not Found', message: 'only POST /mutate is served here' })
  })
}

t.test('a fault of ours', async (t) => {
  const server = buildTestServer({
    getConfig: () => {
      throw new TypeError('secret detail')
    },
  })
  const answer = await post(server, reviewOf(annotatedManifest()))

  t.test('gets HTTP 500 and neither an allow nor a deny, so that the failurePolicy decides', (t) => {
    t.equal(answer.statusCode, 500)
    t.strictSame(answer.json(), { statusCode: 500, error: 'Internal Server Error', message: 'the webhook failed' })
    t.end()
  })
  t.test('is logged once, with its stack', (t) => {
    t.equal(server.log.lines.length, 1)
    t.match(server.log.lines[0], {
      level: 50,
      outcome: 'failed',
      reason: 'InternalError',
      err: { message: 'secret detail', stack: /protocol\.test/ },
    })
    t.end()
  })
  t.test('is counted as failed and as nothing else', async (t) => {
    t.equal(
      await metric(server.metrics.registry, 'model_injector_admissions_total{outcome="failed",reason="InternalError"}'),
      1,
    )
    t.equal(
      await metric(server.metrics.registry, 'model_injector_admissions_total{outcome="injected",reason="Injected"}'),
      0,
    )
  })
})

t.test('every admission is logged in exactly one line', async (t) => {
  const server = buildTestServer()
  await post(server, reviewOf(annotatedManifest(), { uid: 'one', dryRun: true }))
  await post(server, reviewOf(plainPod(), { uid: 'two', name: 'web' }))
  await post(server, reviewOf(annotatedManifest({ 'models.example.io/size': 'big' }), { uid: 'three' }))
  t.equal(server.log.lines.length, 3)
  t.match(server.log.lines, [
    {
      level: 30,
      uid: 'one',
      namespace: 'ml',
      pod: 'llama-5d9c7b9f8- (generated)',
      operation: 'CREATE',
      dryRun: true,
      outcome: 'injected',
      reason: 'Injected',
      durationMs: Number,
      ops: Number,
      warnings: 1,
    },
    {
      level: 30,
      uid: 'two',
      pod: 'web',
      dryRun: false,
      outcome: 'skipped',
      reason: 'NotAnnotated',
      ops: 0,
      warnings: 0,
    },
    { level: 30, uid: 'three', outcome: 'denied', reason: 'InvalidAnnotation', ops: 0 },
  ])
  t.ok(Number(server.log.lines[0]?.ops) > 0)
})

t.test('the patch is logged at debug only', async (t) => {
  const log = captureLog('debug')
  await post(buildTestServer({}, log), reviewOf(annotatedManifest()))
  t.strictSame(
    log.lines.map(({ level, msg }) => [level, msg]),
    [
      [30, 'admission'],
      [20, 'patch'],
    ],
  )
  t.ok(Array.isArray(log.lines[1]?.patch))
})

t.test('names of any length and content fill one short line of the log', async (t) => {
  const server = buildTestServer()
  await post(
    server,
    reviewOf(plainPod(), {
      name: `\n{"level":60}\ud800${'n'.repeat(MiB)}`,
      namespace: 'x'.repeat(MiB),
      operation: 'y'.repeat(MiB),
    }),
  )
  t.equal(server.log.lines.length, 1)
  t.ok(JSON.stringify(server.log.lines[0]).length < 2000)
})

t.test('admissions are counted by outcome and reason, all of which exist from the start', async (t) => {
  const server = buildTestServer()
  const count = (labels: string): Promise<number | undefined> =>
    metric(server.metrics.registry, `model_injector_admissions_total{${labels}}`)
  t.equal(await count('outcome="denied",reason="UnsupportedOS"'), 0)
  await post(server, reviewOf(annotatedManifest()))
  await post(server, reviewOf(annotatedManifest()))
  await post(server, reviewOf(plainPod()))
  t.equal(await count('outcome="injected",reason="Injected"'), 2)
  t.equal(await count('outcome="skipped",reason="NotAnnotated"'), 1)
  t.equal(
    await metric(server.metrics.registry, 'model_injector_admission_duration_seconds_count{outcome="injected"}'),
    2,
  )
})

t.test('text of users becomes no label', async (t) => {
  const server = buildTestServer()
  await post(
    server,
    reviewOf(annotatedManifest({ 'models.example.io/marker': 'xyzzy' }), { namespace: 'xyzzy', name: 'xyzzy' }),
  )
  await server.app.inject({ method: 'POST', url: '/xyzzy' })
  t.notMatch(await server.metrics.registry.metrics(), /xyzzy/)
})

t.test('the configuration is asked for at every admission', async (t) => {
  let config = defaultConfig
  const server = buildTestServer({ getConfig: () => config })
  t.match((await post(server, reviewOf(annotatedManifest()))).json(), { response: { allowed: true } })
  config = { ...defaultConfig, policy: { rules: [{ name: 'nobody', namespaces: ['other'] }] } }
  t.match((await post(server, reviewOf(annotatedManifest()))).json(), { response: { allowed: false } })
})

t.test('an API server that reuses a connection after 90 s finds it open', (t) => {
  const { app } = buildTestServer()
  t.ok(app.server.keepAliveTimeout >= 95_000)
  t.ok(app.server.timeout > app.server.keepAliveTimeout)
  t.ok(app.server.requestTimeout > 0 && app.server.requestTimeout <= 30_000)
  t.ok(app.server.headersTimeout <= app.server.requestTimeout)
  t.end()
})
