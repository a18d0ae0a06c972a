/** Requests of commands to the API server, and their errors if it refuses. */
import t, { type Test } from 'tap'
import { collect } from '../../../src/cluster/collect.ts'
import { connectCluster } from '../../../src/cluster/connect.ts'
import type { Cluster } from '../../../src/cluster/cluster.ts'
import { ClusterError } from '../../../src/cluster/cluster-error.ts'
import { resources } from '../../../src/cluster/resources.ts'
import {
  startFakeAPIServer,
  writeKubeconfig,
  type FakeAnswer,
  type FakeAPIServer,
  type FakeRequest,
} from './fake-api-server.ts'

async function clusterOf(
  t: Test,
  answer: (request: FakeRequest) => FakeAnswer | undefined,
): Promise<{ cluster: Cluster; server: FakeAPIServer }> {
  const server = await startFakeAPIServer(answer)
  const cluster = connectCluster({
    kubeconfig: await writeKubeconfig(`${t.testdir({})}/config`, server.url, { namespace: 'apps' }),
  })
  t.teardown(async () => {
    cluster.close()
    await server.close()
  })
  return { cluster, server }
}

function status(code: number, message: string, more: object = {}): FakeAnswer {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', code, message, ...more } }
}

async function failureOf(work: Promise<unknown>): Promise<ClusterError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (failure instanceof ClusterError) return failure
  throw new Error('it did not fail as a ClusterError', { cause: failure })
}

t.test('a list comes page by page, as it is asked for, and its items say what they are', async (t) => {
  const { cluster, server } = await clusterOf(t, ({ query }) => {
    const page = Number(query.get('continue') ?? '0')
    return {
      body: {
        metadata: page < 2 ? { continue: String(page + 1) } : {},
        items: [{ metadata: { name: `pod-${page}` }, spec: { newerField: 1 } }],
      },
    }
  })
  const pods = cluster.list(resources.pods, { labelSelector: 'app=x', pageSize: 1 })
  t.strictSame(await pods.next(), {
    done: false,
    value: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod-0' }, spec: { newerField: 1 } },
  })
  t.equal(server.requests.length, 1, 'the second page is fetched on demand')
  t.strictSame(
    (await collect(pods)).map(({ metadata }) => metadata.name),
    ['pod-1', 'pod-2'],
  )
  t.strictSame(
    server.requests.map(({ path, query }) => `${path}?${query.toString()}`),
    [
      '/api/v1/pods?limit=1&labelSelector=app%3Dx',
      '/api/v1/pods?limit=1&labelSelector=app%3Dx&continue=1',
      '/api/v1/pods?limit=1&labelSelector=app%3Dx&continue=2',
    ],
  )
})

t.test('pages are of 500, and lists of a namespace ask for no other', async (t) => {
  const { cluster, server } = await clusterOf(t, () => ({ body: { metadata: { continue: '' }, items: null } }))
  t.strictSame(await collect(cluster.list(resources.deployments, { namespace: 'a b' })), [])
  t.strictSame(
    server.requests.map(({ path, query }) => `${path}?${query.toString()}`),
    ['/apis/apps/v1/namespaces/a%20b/deployments?limit=500'],
  )
})

t.test(
  'a list that took so long that its state is forgotten goes on with that of now, and repeats nothing',
  async (t) => {
    const { cluster, server } = await clusterOf(t, ({ query }) => {
      const at = query.get('continue')
      if (at === null) return { body: { metadata: { continue: 'old' }, items: [{ metadata: { name: 'a' } }] } }
      if (at === 'old') {
        return status(410, 'The provided continue parameter is too old', {
          reason: 'Expired',
          metadata: { continue: 'fresh' },
        })
      }
      return { body: { metadata: {}, items: [{ metadata: { name: 'b' } }] } }
    })
    t.strictSame(
      (await collect(cluster.list(resources.pods))).map(({ metadata }) => metadata.name),
      ['a', 'b'],
    )
    t.equal(server.requests.length, 3)
  },
)

t.test('a list that cannot go on fails, and does not ask for ever', async (t) => {
  const { cluster, server } = await clusterOf(t, ({ query }) =>
    query.get('continue') === null
      ? { body: { metadata: { continue: 'old' }, items: [] } }
      : status(410, 'too old', { metadata: { continue: 'old' } }),
  )
  t.match(await failureOf(collect(cluster.list(resources.pods))), {
    status: 410,
    message: 'cannot list pods: HTTP 410: too old',
  })
  t.equal(server.requests.length, 2)
})

t.test('a missing permission is named with its verb, its kind and where it is needed', async (t) => {
  const { cluster } = await clusterOf(t, () => status(403, 'deployments.apps is forbidden: User "eve" cannot do that'))
  const listed = await failureOf(collect(cluster.list(resources.deployments)))
  t.equal(
    listed.message,
    'cannot list deployments: HTTP 403: deployments.apps is forbidden: User "eve" cannot do that; missing permission: list deployments.apps in the whole cluster',
  )
  t.strictSame(listed.missing, { verb: 'list', group: 'apps', resource: 'deployments', namespace: undefined })
  t.equal(listed.code, 'ClusterRefused')
  t.match(
    (await failureOf(cluster.get(resources.secrets, 'tls', 'apps'))).message,
    /^cannot get Secret apps\/tls: .*missing permission: get secrets in the namespace apps$/,
  )
  const pod = { namespace: 'apps', name: 'p', port: 9090 }
  t.match(
    (await failureOf(cluster.fetchFromPod(pod, '/metrics'))).message,
    /missing permission: get pods\/proxy in the namespace apps$/,
  )
})

t.test('a missing object is undefined, and an existing one has every field', async (t) => {
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: { a: 'b' },
    newer: { field: 1 },
  }
  const { cluster } = await clusterOf(t, ({ path }) =>
    path === '/api/v1/namespaces/apps/configmaps/x' ? { body: configMap } : status(404, 'not found'),
  )
  t.strictSame(await cluster.get(resources.configMaps, 'x', 'apps'), configMap)
  t.equal(await cluster.get(resources.configMaps, 'y', 'apps'), undefined)
})

t.test('unknown credentials, and pages of a proxy in between, are reported in one line', async (t) => {
  const { cluster } = await clusterOf(t, ({ path }) =>
    path === '/version'
      ? status(401, 'Unauthorized')
      : { status: 502, body: '<html><body>Bad Gateway\n\u001b[31m</body></html>' },
  )
  const unauthorized = await failureOf(cluster.serverVersion())
  t.equal(
    unauthorized.message,
    'cannot ask for the version of the API server: HTTP 401: Unauthorized; the API server does not know these credentials: log in again',
  )
  t.equal((await failureOf(cluster.get(resources.nodes, 'n'))).message, 'cannot get Node n: HTTP 502')
})

t.test('a missing answer is distinguished from a refusal, without the token', async (t) => {
  const gone = await startFakeAPIServer(() => ({ body: {} }))
  await gone.close()
  const cluster = connectCluster({ kubeconfig: await writeKubeconfig(`${t.testdir({})}/config`, gone.url) })
  const failure = await failureOf(cluster.serverVersion())
  t.match(failure, { code: 'ClusterUnreachable', status: undefined })
  t.match(
    failure.message,
    new RegExp(`^cannot ask for the version of the API server: ${gone.url} gives no answer: .*ECONNREFUSED`),
  )
  t.notMatch(failure.message, 'secret-token')
})

t.test('one connection serves any number of requests', async (t) => {
  const { cluster, server } = await clusterOf(t, () => ({
    body: { major: '1', minor: '31+', gitVersion: 'v1.31.2-eks' },
  }))
  for (let i = 0; i < 20; i++) {
    t.strictSame(await cluster.serverVersion(), { gitVersion: 'v1.31.2-eks', major: 1, minor: 31 })
  }
  t.equal(server.requests.length, 20)
  t.equal(server.connections(), 1)
})

t.test('a list goes on where the server closed the resting connection, and nothing is created twice', async (t) => {
  let requests = 0
  const { cluster, server } = await clusterOf(t, ({ method }) => {
    requests++
    if (requests === 2 || method === 'POST') return undefined
    return {
      body: {
        metadata: requests === 1 ? { continue: 'more' } : {},
        items: [{ metadata: { name: `pod-${requests}` } }],
      },
    }
  })
  t.strictSame(
    (await collect(cluster.list(resources.pods))).map(({ metadata }) => metadata.name),
    ['pod-1', 'pod-3'],
  )
  t.equal(server.connections(), 2)
  await failureOf(cluster.dryRunCreate(resources.pods, { metadata: { name: 'x' } }, 'apps'))
  t.equal(requests, 4)
})

t.test('a dry run tells what was created, with the warnings', async (t) => {
  const { cluster, server } = await clusterOf(t, ({ body }) => ({
    status: 201,
    body,
    headers: { warning: ['299 - "first, with a comma"', '299 - "said \\"so\\""'] },
  }))
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'x-' } }
  t.strictSame(await cluster.dryRunCreate(resources.pods, pod, 'apps'), {
    created: true,
    object: pod,
    warnings: ['first, with a comma', 'said "so"'],
  })
  t.match(server.requests, [{ method: 'POST', path: '/api/v1/namespaces/apps/pods' }])
  t.equal(server.requests[0]?.query.get('dryRun'), 'All')
})

t.test('a dry run that admission refuses is an answer; one that the user may not make is a failure', async (t) => {
  let allowed = true
  const { cluster } = await clusterOf(t, ({ path }) =>
    path.endsWith('selfsubjectaccessreviews')
      ? { status: 201, body: { status: { allowed } } }
      : status(403, 'violates PodSecurity', { reason: 'Forbidden' }),
  )
  t.strictSame(await cluster.dryRunCreate(resources.pods, {}, 'apps'), {
    created: false,
    status: 403,
    reason: 'Forbidden',
    message: 'violates PodSecurity',
    warnings: [],
  })
  allowed = false
  t.strictSame((await failureOf(cluster.dryRunCreate(resources.pods, {}, 'apps'))).missing, {
    verb: 'create',
    group: '',
    resource: 'pods',
    namespace: 'apps',
  })
})

t.test('what I may do is asked with group, kind, subresource and namespace', async (t) => {
  const { cluster, server } = await clusterOf(t, () => ({ status: 201, body: { status: { allowed: true } } }))
  t.equal(await cluster.canI('create', resources.pods, { namespace: 'apps', subresource: 'portforward' }), true)
  t.match(server.requests[0]?.body, {
    spec: {
      resourceAttributes: {
        verb: 'create',
        group: '',
        resource: 'pods',
        subresource: 'portforward',
        namespace: 'apps',
      },
    },
  })
})
