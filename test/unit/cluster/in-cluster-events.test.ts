import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { inClusterEvents } from '../../../src/cluster/in-cluster-events.ts'
import { createCertificateAuthority, issueCertificate } from '../../kit/webhook/pki.ts'

interface Call {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

interface Server {
  readonly calls: readonly Call[]
  readonly directory: string
  readonly environment: Record<string, string>
  answer: { status: number; body: object }
}

/** An API server with given answers, and a directory as the kubelet mounts it. */
async function startServer(t: Test): Promise<Server> {
  const directory = t.testdir()
  const authority = await createCertificateAuthority(directory, 'ca')
  const { certificateFile, keyFile } = await issueCertificate(directory, authority, {
    name: 'api',
    subject: '/CN=api',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
  await writeFile(join(directory, 'ca.crt'), await readFile(authority.certificateFile))
  await writeFile(join(directory, 'token'), 'first\n')
  const calls: Call[] = []
  const state: Server = { calls, directory, environment: {}, answer: { status: 201, body: {} } }
  const server = createServer(
    { cert: await readFile(certificateFile), key: await readFile(keyFile) },
    (request, response) => {
      void json(request).then((body) => {
        calls.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
        response
          .writeHead(state.answer.status, { 'content-type': 'application/json' })
          .end(JSON.stringify(state.answer.body))
      })
    },
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  state.environment.KUBERNETES_SERVICE_HOST = '127.0.0.1'
  state.environment.KUBERNETES_SERVICE_PORT = String((server.address() as AddressInfo).port)
  return state
}

t.test('Events are written with the token of the pod, which is read each time', async (t) => {
  const server = await startServer(t)
  const events = inClusterEvents(server.directory, server.environment)
  t.teardown(() => {
    events.close()
  })
  await events.create('ml', { kind: 'Event' })
  await writeFile(join(server.directory, 'token'), 'second\n')
  t.equal(await events.patch('ml', 'a', { series: { count: 2 } }), true)
  t.match(server.calls, [
    {
      method: 'POST',
      path: '/apis/events.k8s.io/v1/namespaces/ml/events',
      headers: { authorization: 'Bearer first', 'content-type': 'application/json' },
      body: { kind: 'Event' },
    },
    {
      method: 'PATCH',
      path: '/apis/events.k8s.io/v1/namespaces/ml/events/a',
      headers: { authorization: 'Bearer second', 'content-type': 'application/merge-patch+json' },
      body: { series: { count: 2 } },
    },
  ])
})

t.test('an Event that is gone is no failure, nor is one that is there already', async (t) => {
  const server = await startServer(t)
  const events = inClusterEvents(server.directory, server.environment)
  t.teardown(() => {
    events.close()
  })
  server.answer = { status: 404, body: {} }
  t.equal(await events.patch('ml', 'a', {}), false)
  await t.rejects(events.create('gone', {}), { message: 'cannot create Event: HTTP 404' })
  server.answer = { status: 409, body: {} }
  await events.create('ml', {})
})

t.test('a refusal says which permission is missing', async (t) => {
  const server = await startServer(t)
  const events = inClusterEvents(server.directory, server.environment)
  t.teardown(() => {
    events.close()
  })
  server.answer = { status: 403, body: { message: 'no' } }
  await t.rejects(events.create('ml', {}), {
    message: 'cannot create Event: HTTP 403: no; missing permission: create events.events.k8s.io in the namespace ml',
  })
})

t.test('an API server that is not ours is not believed', async (t) => {
  const [server, other] = [await startServer(t), await startServer(t)]
  const events = inClusterEvents(other.directory, server.environment)
  t.teardown(() => {
    events.close()
  })
  await t.rejects(events.create('ml', {}), { code: 'ClusterUnreachable' })
  t.strictSame(server.calls, [])
})

t.test('outside of a pod it says what is missing', (t) => {
  const directory = t.testdir()
  t.throws(() => inClusterEvents(directory, {}), {
    message:
      '--events needs the service account of a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
  })
  const environment = { KUBERNETES_SERVICE_HOST: '::1', KUBERNETES_SERVICE_PORT: '443' }
  t.throws(() => inClusterEvents(directory, environment), {
    message: /has no token and ca\.crt that can be read; does the pod set automountServiceAccountToken\?$/,
  })
  t.end()
})

t.test('the webhook loads no client library for it', async (t) => {
  const program = `await import(${JSON.stringify(join(import.meta.dirname, '..', '..', '..', 'src', 'cluster', 'in-cluster-events.ts'))})
    process.stdout.write('loaded')`
  const hook = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'
    registerHooks({ resolve: (name, context, next) => { process.stderr.write(name + '\\n'); return next(name, context) } })`)}`
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', hook, '--input-type=module', '--eval', program],
    { env: { ...process.env, NODE_OPTIONS: '' } },
  )
  t.equal(stdout, 'loaded')
  const names = stderr.trim().split('\n')
  t.ok(names.includes('../version.ts'), 'imports are seen')
  t.strictSame(
    names.filter((name) => !/^(?:node:|\.|file:|data:|\/)/.test(name)),
    [],
  )
})
