/** `why` on the command line: what it reads, what it prints, and its exit codes. */
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { matchConditions } from '../../../src/match-conditions.ts'
import {
  startFakeAPIServer,
  writeKubeconfig,
  type FakeAnswer,
  type FakeRequest,
} from '../../unit/cluster/fake-api-server.ts'
import { badJob, cronJobManifest, deployment } from './manifests.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

const misplaced = `apiVersion: apps/v1
kind: Deployment
metadata: { name: misplaced, annotations: { models.example.io/source: "s3://models/llama/" } }
spec: { template: { spec: { containers: [{ name: app, image: app }] } } }
`

const directory = t.testdir({
  'config.yaml': 'unknownAnnotations: deny\n',
  'good.yaml': deployment,
  'job.yaml': cronJobManifest,
  'bad.yaml': badJob,
  'misplaced.yaml': misplaced,
  'several.yaml': `${deployment}---\n${cronJobManifest}---\n${badJob}`,
  'none.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n',
})
const offline = ['--config', `${directory}/config.yaml`]

t.test('a file and a configuration need no cluster', async (t) => {
  const { code, stdout, stderr } = await runShared(['why', '-f', `${directory}/good.yaml`, ...offline], {
    env: { HOME: directory, COLUMNS: '200' },
  })
  t.equal(stderr, '')
  t.equal(code, 0)
  t.match(stdout, /^deployment\/my-inference-app in the namespace apps would be injected\n/)
  t.match(stdout, '\n  -    namespace-selector  not evaluated: no cluster was asked\n')
  t.match(
    stdout,
    '\n  yes  match-conditions    annotated, not-opted-out, not-a-mirror-pod (those of the chart; no cluster was asked for its own)\n',
  )
  t.match(stdout, /\n {2}yes {2}outcome {13}.*model <- s3:\/\/my-ml-bucket/)
  t.notMatch(stdout, '\u001b')
})

t.test('a mistake is reported with its place and exit code 1', async (t) => {
  const { code, stdout } = await runShared(['why', '-f', `${directory}/bad.yaml`, ...offline], {
    env: { COLUMNS: '200' },
  })
  t.equal(code, 1)
  t.match(stdout, /^job\/broken in the namespace default would be denied\n {2}the webhook denies it: 2 mistakes/)
  t.match(
    stdout.replace(/\s+/g, ' '),
    'metadata.annotations[models.example.io/sise]: is no annotation of model-injector; did you mean models.example.io/size?',
  )
  const { stdout: json } = await runShared(['why', '-f', `${directory}/bad.yaml`, ...offline, '-o', 'json'])
  const [{ steps }] = JSON.parse(json) as [{ steps: { id: string; details: string[] }[] }]
  const details = steps.find(({ id }) => id === 'annotations')?.details ?? []
  t.equal(details.length, 2)
  for (const detail of details) {
    t.match(detail, /^\S+bad\.yaml:\d+:\d+: spec\.template\.metadata\.annotations\[/)
    const [, line = '', column = ''] = /:(\d+):(\d+): /.exec(detail) ?? []
    const [, key = ''] = /annotations\[([^\]]+)\]/.exec(detail) ?? []
    const there = badJob.split('\n')[Number(line) - 1]?.slice(Number(column) - 1)
    t.match(there, key, 'an editor jumps to the key')
  }
})

t.test('annotations on the workload instead of its template are the first hint', async (t) => {
  const { code, stdout } = await runShared(['why', '-f', `${directory}/misplaced.yaml`, ...offline], {
    env: { COLUMNS: '200' },
  })
  t.equal(code, 1)
  t.match(
    stdout.replace(/\s+/g, ' '),
    /hint \S+misplaced\.yaml:3:45: models\.example\.io\/source stands in metadata\.annotations, where nothing reads it; move it to spec\.template\.metadata\.annotations /,
  )
})

t.test('every object of every document is answered, and one that is not injected decides the exit code', async (t) => {
  const { code, stdout } = await runShared([
    'why',
    '-f',
    `${directory}/several.yaml`,
    ...offline,
    '-o',
    'json',
    '-n',
    'batch',
  ])
  t.equal(code, 1)
  const explanations = JSON.parse(stdout) as { title: string; namespace: string; verdict: string; live: boolean }[]
  t.strictSame(
    explanations.map(({ title, namespace, verdict, live }) => [title, namespace, verdict, live]),
    [
      ['deployment/my-inference-app', 'apps', 'injected', false],
      ['cronjob/nightly', 'batch', 'injected', false],
      ['job/broken', 'batch', 'denied', false],
    ],
  )
})

t.test('nothing of others moves the cursor', async (t) => {
  const stdin = cronJobManifest.replace('name: nightly', 'name: "a\\u001b[2Jb"\n  namespace: "n\\u009b2J"')
  const { stdout } = await runShared(['why', '-f', '-', ...offline], { stdin })
  t.match(stdout, 'in the namespace n\\u009b2J')
  t.notMatch(stdout.replaceAll('\n', ''), /\p{Cc}/u)
})

t.test('stdin is a file, too', async (t) => {
  const { code, stdout } = await runShared(['why', '-f', '-', ...offline], { stdin: cronJobManifest })
  t.equal(code, 0)
  t.match(stdout, /^cronjob\/nightly in the namespace default would be injected\n/)
})

t.test('a file without a pod, and a missing cluster, are reported', async (t) => {
  t.strictSame(await runShared(['why', '-f', `${directory}/none.yaml`, ...offline]), {
    code: 2,
    stdout: '',
    stderr: `model-injector: ${directory}/none.yaml: holds neither a pod nor a workload\n`,
  })
  const { code, stderr } = await runShared(['why', '-f', `${directory}/good.yaml`], { env: { HOME: directory } })
  t.equal(code, 2)
  t.match(stderr, /^model-injector: no cluster is known: .*; or give --config FILE, so that no cluster is asked\n$/)
})

t.test('a command line that is not understood ends with exit code 64', async (t) => {
  const wrong = [
    [],
    ['pod', '-f', 'x'],
    ['a', 'b', 'c'],
    ['a/b', 'c'],
    ['a/b/c'],
    ['a/'],
    ['pod', '-o', 'yaml'],
    ['-f', ''],
    ['-f', '-', '-f', '-'],
  ]
  for (const args of wrong) {
    const { code, stdout } = await runShared(['why', ...args])
    t.equal(code, 64, args.join(' '))
    t.equal(stdout, '')
  }
  const { code, stdout } = await runShared(['why', '--help'])
  t.equal(code, 0)
  t.match(stdout, /\nExit codes:\n[^]*\nExamples:\n {2}model-injector why /)
})

const webhook = {
  name: 'pods.models.example.io',
  clientConfig: { url: 'https://example.com/' },
  failurePolicy: 'Fail',
  rules: [{ apiGroups: [''], operations: ['CREATE'], resources: ['pods'] }],
  namespaceSelector: {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] }],
  },
  matchConditions: matchConditions('models.example.io/').map(({ name, expression }) => ({ name, expression })),
}

const replicaSet = { apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true }
const objects: Readonly<Record<string, object>> = {
  '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/model-injector': {
    metadata: { name: 'model-injector' },
    webhooks: [webhook],
  },
  '/api/v1/namespaces/apps': { metadata: { name: 'apps', labels: {} } },
  '/api/v1/namespaces/apps/pods/forgotten-1': {
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { containers: [{ name: 'app' }] },
    metadata: {
      name: 'forgotten-1',
      namespace: 'apps',
      uid: 'forgotten-1',
      ownerReferences: [{ ...replicaSet, name: 'forgotten', uid: 'forgotten-set' }],
    },
  },
  '/apis/apps/v1/namespaces/apps/replicasets/forgotten': {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    spec: { template: {} },
    metadata: {
      name: 'forgotten',
      namespace: 'apps',
      uid: 'forgotten-set',
      annotations: { 'models.example.io/source': 'x' },
      ownerReferences: [{ ...replicaSet, kind: 'Deployment', name: 'forgotten', uid: 'forgotten' }],
    },
  },
  '/apis/apps/v1/namespaces/apps/deployments/forgotten': {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: {
      selector: { matchLabels: { app: 'forgotten' } },
      template: { spec: { containers: [{ name: 'app' }] } },
    },
    metadata: {
      name: 'forgotten',
      namespace: 'apps',
      uid: 'forgotten',
      annotations: { 'models.example.io/source': 'x' },
    },
  },
}

const loadingPod = injectedPod('loading-1', 'apps', {
  initContainerStatuses: [{ name: 'model-loader', state: { waiting: { reason: 'PodInitializing' } } }],
})
const failingPod = injectedPod('failing-1', 'apps', {
  initContainerStatuses: [
    {
      name: 'model-loader',
      restartCount: 5,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: {
        terminated: { exitCode: 10, reason: 'Error', message: 'access denied: AccessDenied; ask AWS (exit 10)' },
      },
    },
  ],
})
const readyPod = injectedPod('ready-1', 'apps', {
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  initContainerStatuses: [{ name: 'model-loader', state: { terminated: { exitCode: 0 } } }],
  containerStatuses: [{ name: 'app', ready: true, state: { running: {} } }],
})

function injectedPod(name: string, namespace: string, status: object): object {
  const annotations = { 'models.example.io/source': 's3://models/llama/', 'models.example.io/size': '1Gi' }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: name, annotations },
    spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'app:1' }] },
  }
  const outcome = inject(pod, namespace, defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(outcome.outcome)
  return { ...outcome.pod, status: { phase: 'Pending', ...status } }
}

const livingPods: Readonly<Record<string, object>> = Object.fromEntries(
  [loadingPod, failingPod, readyPod].map((pod) => [
    `/api/v1/namespaces/apps/pods/${(pod as { metadata: { name: string } }).metadata.name}`,
    pod,
  ]),
)

const mountEvent = {
  metadata: { name: 'x' },
  type: 'Warning',
  reason: 'FailedMount',
  message: 'MountVolume.SetUp failed',
  count: 3,
  lastTimestamp: '2026-01-11T09:12:44Z',
}

const createEvent = {
  ...mountEvent,
  reason: 'FailedCreate',
  message: 'Error creating: admission webhook "pods.models.example.io" denied the request: first line\nsecond line',
  count: 7,
}
const events: Readonly<Record<string, object>> = {
  'involvedObject.uid=loading-1': mountEvent,
  'involvedObject.uid=refused-1': createEvent,
}

function owned(pod: object, apiVersion: string, kind: string, name: string): object {
  const { metadata } = pod as { metadata: object }
  return {
    ...pod,
    metadata: { ...metadata, ownerReferences: [{ apiVersion, kind, name, uid: name, controller: true }] },
  }
}

/** By selector: `app=chat`; without one all pods of the namespace. */
function listPods(selector: string | null): readonly object[] {
  const ofChat = [failingPod, readyPod].map((pod, i) => {
    const { metadata } = pod as { metadata: object }
    const named = { ...pod, metadata: { ...metadata, name: `chat-head-${i}`, uid: `chat-head-${i}` } }
    return owned(named, 'ray.io/v1', 'RayCluster', 'chat')
  })
  const forgotten = objects['/api/v1/namespaces/apps/pods/forgotten-1'] ?? {}
  if (selector === null) return [...ofChat, forgotten, owned(readyPod, 'example.com/v1', 'Widget', 'opaque')]
  return selector === 'app=forgotten' ? [forgotten] : []
}

function listReplicaSets(selector: string | null): readonly object[] {
  const sets = [objects['/apis/apps/v1/namespaces/apps/replicasets/forgotten'], refusedReplicaSet]
  if (selector === null) return sets.flatMap((set) => set ?? [])
  return selector === 'app=forgotten' ? [sets[0] ?? {}] : [refusedReplicaSet]
}

const annotatedTemplate = (annotations: object): object => ({
  metadata: { annotations },
  spec: { containers: [{ name: 'app', image: 'app:1' }] },
})

const refusedReplicaSet = owned(
  {
    metadata: { name: 'refused-1', namespace: 'apps', uid: 'refused-1' },
    spec: { replicas: 2 },
    status: { replicas: 0 },
  },
  'apps/v1',
  'Deployment',
  'refused',
)

const moreObjects: Readonly<Record<string, object>> = {
  '/apis/apps/v1/namespaces/apps/deployments/allowed': {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'allowed', namespace: 'apps', uid: 'allowed' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'allowed' } },
      template: annotatedTemplate({
        'models.example.io/source': 's3://models/llama/',
        'models.example.io/size': '1Gi',
      }),
    },
  },
  '/apis/apps/v1/namespaces/apps/deployments/refused': {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'refused', namespace: 'apps', uid: 'refused' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'refused' } },
      template: annotatedTemplate({
        'models.example.io/source': 's3://models/llama/',
        'models.example.io/size': '10Gx',
      }),
    },
  },
  ...Object.fromEntries(
    ['opaque', 'empty'].map((name) => [
      `/apis/example.com/v1/namespaces/apps/widgets/${name}`,
      { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace: 'apps', uid: name }, spec: {} },
    ]),
  ),
  '/apis/ray.io/v1/namespaces/apps/rayclusters/chat': {
    apiVersion: 'ray.io/v1',
    kind: 'RayCluster',
    metadata: { name: 'chat', namespace: 'apps', uid: 'chat' },
    spec: {
      headGroupSpec: {
        template: annotatedTemplate({
          'models.example.io/source': 's3://models/llama/',
          'models.example.io/size': '1Gi',
        }),
      },
      workerGroupSpecs: [{ groupName: 'cpu', template: annotatedTemplate({}) }],
    },
  },
}

const served = (group: string, version: string, kinds: Readonly<Record<string, string>>): object => ({
  metadata: { name: group },
  versions: [
    {
      version,
      resources: Object.entries(kinds).map(([resource, kind]) => ({
        resource,
        responseKind: { kind },
        scope: 'Namespaced',
        singularResource: kind.toLowerCase(),
        verbs: ['get', 'list'],
      })),
    },
  ],
})
const discovery: Readonly<Record<string, object>> = {
  '/api': { kind: 'APIGroupDiscoveryList', items: [served('', 'v1', { services: 'Service', pods: 'Pod' })] },
  '/apis': {
    kind: 'APIGroupDiscoveryList',
    items: [served('ray.io', 'v1', { rayclusters: 'RayCluster' }), served('example.com', 'v1', { widgets: 'Widget' })],
  },
}

function listOf(path: string, query: URLSearchParams): readonly object[] | undefined {
  const selector = query.get('labelSelector')
  const lists: Readonly<Record<string, () => readonly object[]>> = {
    '/api/v1/namespaces/apps/events': () => [events[query.get('fieldSelector') ?? '']].flatMap((event) => event ?? []),
    '/api/v1/namespaces/apps/pods': () => listPods(selector),
    '/apis/apps/v1/namespaces/apps/replicasets': () => listReplicaSets(selector),
    '/apis/apps/v1/namespaces/apps/deployments': () => [],
    '/apis/apps/v1/namespaces/apps/statefulsets': () => [],
    '/apis/batch/v1/namespaces/apps/jobs': () => [],
  }
  return lists[path]?.()
}

function answer({ path, method, query }: FakeRequest): FakeAnswer {
  const items = method === 'GET' ? listOf(path, query) : undefined
  if (items !== undefined) return { body: { items } }
  const single = discovery[path] ?? moreObjects[path]
  if (single !== undefined) return { body: single }
  if (livingPods[path] !== undefined) return { body: livingPods[path] }
  if (method === 'POST') return { status: 400, body: { message: 'exceeded quota\nby much' } }
  const object = objects[path]
  return object === undefined ? { status: 404, body: { message: 'not found' } } : { body: object }
}

t.test('a pod of the cluster', async (t) => {
  const server = await startFakeAPIServer(answer)
  t.teardown(() => server.close())
  const kubeconfig = await writeKubeconfig(`${directory}/kubeconfig`, server.url, { namespace: 'apps' })
  const inCluster = ['--kubeconfig', kubeconfig]

  await t.test('with annotations in the wrong place leads to the Deployment', async (t) => {
    const { code, stdout } = await runShared(['why', 'forgotten-1', ...inCluster], { env: { COLUMNS: '200' } })
    t.equal(code, 1)
    t.match(stdout, /^pod\/forgotten-1 in the namespace apps is not injected\n/)
    t.match(stdout, '\n  hint  deployment/forgotten: models.example.io/source stands in metadata.annotations')
    t.notMatch(stdout, 'replicaset/forgotten', 'the ReplicaSet only copies them')
  })

  await t.test(
    'whose loader fails says so first, with the remedy and a command, and then how it was admitted',
    async (t) => {
      const { code, stdout, stderr } = await runShared(['why', 'failing-1', ...inCluster], { env: { COLUMNS: '200' } })
      t.equal(stderr, '')
      t.equal(code, 1)
      t.match(
        stdout,
        /^pod\/failing-1 in the namespace apps is injected, and its loader fails: access denied \(exit 10\)\n {2}model <- s3:/,
      )
      t.match(
        stdout,
        '\n  ERROR    pod-loader           model-loader: CrashLoopBackOff after 5 restarts; the last run ended with access denied (exit 10): AccessDenied\n',
      )
      t.match(stdout, '\n           fix   ask AWS\n                 model-injector check --identity apps/default\n')
      t.ok(stdout.indexOf('pod-loader') < stdout.indexOf('registration'), 'the live state comes first')
    },
  )

  await t.test('whose volumes cannot be mounted says so by its events, as data too', async (t) => {
    const { code, stdout } = await runShared(['why', 'loading-1', '-o', 'json', ...inCluster])
    t.equal(code, 1)
    const [explanation] = JSON.parse(stdout) as [object]
    t.match(explanation, {
      verdict: 'injected',
      live: true,
      state: {
        health: 'wrong',
        what: 'its volumes cannot be mounted: FailedMount',
        findings: [
          {
            id: 'pod-volumes',
            severity: 'error',
            what: 'FailedMount (3 times, last at 2026-01-11T09:12:44Z): MountVolume.SetUp failed',
          },
          { id: 'pod-loader', severity: 'ok' },
        ],
      },
    })
  })

  await t.test('that is ready is good, without a look at its events', async (t) => {
    const { code, stdout } = await runShared(['why', 'ready-1', ...inCluster])
    t.equal(code, 0)
    t.match(stdout, /^pod\/ready-1 in the namespace apps is injected, and its app is ready\n/)
    t.notOk(server.requests.some(({ query }) => query.get('fieldSelector') === 'involvedObject.uid=ready-1'))
  })

  await t.test('or a workload of it is named as kubectl does', async (t) => {
    const names = [
      ['deployment/forgotten'],
      ['Deployments/forgotten'],
      ['deploy', 'forgotten'],
      ['deployments.v1.apps/forgotten'],
    ]
    for (const name of names) {
      const { code, stdout } = await runShared(['why', ...name, '-n', 'apps', ...inCluster])
      t.equal(code, 1)
      t.match(stdout, /^deployment\/forgotten in the namespace apps: 1 of 1 pods: not injected, and /)
      t.match(stdout, '\nA new pod would not be injected\n')
    }
  })

  await t.test('that is not there, or of a kind without pods, is reported', async (t) => {
    t.strictSame(await runShared(['why', 'nobody', ...inCluster]), {
      code: 2,
      stdout: '',
      stderr: `model-injector: there is no pod "nobody" in the namespace apps of ${server.url}\n`,
    })
    t.match(await runShared(['why', 'service/x', ...inCluster]), {
      code: 2,
      stderr: /^model-injector: "service" is no kind that has a pod; known: pod, deployment, /,
    })
    for (const [word, guess] of [
      ['deploymnt', 'did you mean deployment?'],
      ['rayclustr', 'did you mean raycluster?'],
      ['jobset', 'jobset is not installed in this cluster'],
      ['deployment.example.com', 'did you mean deployment?'],
    ] as const) {
      const { code, stderr } = await runShared(['why', word, 'x', ...inCluster])
      t.equal(code, 2)
      t.match(stderr, `model-injector: "${word}" is no kind that has a pod; ${guess}`)
    }
  })

  await t.test('whose workload could not make it is told by the refusal, with the line of each mistake', async (t) => {
    const { code, stdout, stderr } = await runShared(['why', 'deploy/refused', ...inCluster], {
      env: { COLUMNS: '200' },
    })
    t.equal(stderr, '')
    t.equal(code, 1)
    t.match(
      stdout,
      /^deployment\/refused in the namespace apps: no pods: the admission webhook "pods\.models\.example\.io" denies them\n/,
    )
    t.match(
      stdout,
      'replicaset/refused-1: FailedCreate (7 times, last at 2026-01-11T09:12:44Z): Error creating: admission webhook',
    )
    t.match(stdout, /\n +second line\n/)
    t.match(stdout, '\n                 kubectl describe replicaset refused-1 -n apps\n')
    t.match(stdout, /\nA new pod would be denied\n/)
  })

  await t.test('of a custom resource is found by what the API server serves, and the worst is shown', async (t) => {
    for (const name of [
      ['raycluster/chat'],
      ['rayclusters.ray.io/chat'],
      ['rayclusters.v1.ray.io', 'chat'],
      ['RayCluster', 'chat'],
    ]) {
      const { code, stdout } = await runShared(['why', ...name, ...inCluster, '-o', 'json'])
      t.equal(code, 1)
      const explanations = JSON.parse(stdout) as readonly { title: string; state?: object }[]
      t.strictSame(
        explanations.map(({ title }) => title),
        ['raycluster/chat (head)'],
      )
      t.match(explanations[0]?.state, {
        health: 'wrong',
        what: '1 of 2 pods: injected, and its loader fails: access denied (exit 10)',
        pods: {
          count: 2,
          shown: 'chat-head-0',
          groups: [
            { count: 1, health: 'wrong', injected: true, names: ['chat-head-0'] },
            {
              count: 1,
              health: 'good',
              injected: true,
              what: 'injected, and its app is ready',
              names: ['chat-head-1'],
            },
          ],
        },
      })
    }
  })

  await t.test('of an object whose templates are not known is explained by what it owns', async (t) => {
    const opaque = await runShared(['why', 'widget/opaque', ...inCluster])
    t.equal(opaque.code, 0, opaque.stdout + opaque.stderr)
    t.match(opaque.stdout, /^widget\/opaque in the namespace apps: 1 of 1 pods: injected, and its app is ready\n/)
    const empty = await runShared(['why', 'widget/empty', ...inCluster])
    t.equal(empty.code, 1)
    t.match(empty.stdout, /^widget\/empty in the namespace apps: no pods: its controller has made none yet\n/)
    t.match(empty.stdout, 'no pod template of this object is known, and it owns no pods')
    t.notMatch(empty.stdout, 'registration')
  })

  await t.test(
    'is judged by the built-in configuration where that of the cluster is not known, with a note',
    async (t) => {
      const { code, stdout } = await runShared(['why', '-f', `${directory}/good.yaml`, ...inCluster], {
        env: { COLUMNS: '200' },
      })
      t.equal(code, 0)
      t.match(
        stdout,
        /policy +no rule is needed \(the built-in configuration, since that of the cluster is not known: the webhook configuration names a URL, no Service\)/,
      )
      t.match(stdout, '\n  yes  namespace-selector  the namespace apps is selected\n')
    },
  )

  await t.test('is created as a dry run with --server, and what the API server says decides', async (t) => {
    const { code, stdout } = await runShared(['why', '-f', `${directory}/good.yaml`, '--server', ...inCluster])
    t.equal(code, 1)
    t.match(stdout, '\n  the API server refuses the pod: exceeded quota\n')
    const { path, query, body } = server.requests.findLast(({ method }) => method === 'POST') ?? {}
    t.equal(path, '/api/v1/namespaces/apps/pods')
    t.equal(query?.get('dryRun'), 'All')
    t.match(body, { kind: 'Pod', metadata: { generateName: 'my-inference-app-', namespace: 'apps' } })
  })
})

t.test('events that may not be read are one line, and an answer that is not whole is exit code 2', async (t) => {
  const server = await startFakeAPIServer((request) =>
    request.path.endsWith('/events') ? { status: 403, body: { message: 'events is forbidden' } } : answer(request),
  )
  t.teardown(() => server.close())
  const kubeconfig = await writeKubeconfig(`${directory}/forbidden`, server.url, { namespace: 'apps' })
  const env = { COLUMNS: '250' }
  const loading = await runShared(['why', 'loading-1', '--kubeconfig', kubeconfig], { env })
  t.equal(loading.code, 2)
  t.match(
    loading.stdout,
    '\n  -        pod-events           not checked: cannot list events in the namespace apps: HTTP 403: events is forbidden; missing permission: list events in the namespace apps\n',
  )
  const failing = await runShared(['why', 'failing-1', '--kubeconfig', kubeconfig], { env })
  t.equal(failing.code, 1, 'what is known decides')
  t.match(failing.stdout, 'its loader fails: access denied (exit 10)')
})

t.test('an object and pods that may not be read are said with the permission, and are no good answer', async (t) => {
  const server = await startFakeAPIServer((request) =>
    /\/(?:rayclusters\/chat|pods|replicasets)$/.test(request.path) && request.method === 'GET'
      ? { status: 403, body: { message: 'forbidden' } }
      : answer(request),
  )
  t.teardown(() => server.close())
  const kubeconfig = await writeKubeconfig(`${directory}/closed`, server.url, { namespace: 'apps' })
  const object = await runShared(['why', 'raycluster/chat', '--kubeconfig', kubeconfig])
  t.equal(object.code, 2)
  t.match(object.stderr, 'missing permission: get rayclusters.ray.io in the namespace apps')
  const pods = await runShared(['why', 'deploy/allowed', '--kubeconfig', kubeconfig], { env: { COLUMNS: '250' } })
  t.equal(pods.code, 2, pods.stdout + pods.stderr)
  t.match(pods.stdout, /workload-owned +not checked: .*missing permission: list pods in the namespace apps\n/)
  t.match(
    pods.stdout,
    /workload-owned +not checked: .*missing permission: list replicasets\.apps in the namespace apps\n/,
  )
  t.match(pods.stdout, /\nA new pod would be injected\n/, 'the rest goes on')
})

t.test('the cluster that --config names no longer is not asked, unless an option says so', async (t) => {
  await writeFile(`${directory}/broken-kubeconfig`, 'clusters: [')
  const env = { KUBECONFIG: `${directory}/broken-kubeconfig` }
  t.equal((await runShared(['why', '-f', `${directory}/good.yaml`, ...offline], { env })).code, 0)
  t.equal((await runShared(['why', '-f', `${directory}/good.yaml`, ...offline, '--server'], { env })).code, 2)
})
