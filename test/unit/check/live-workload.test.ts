/** The state of an object that owns pods: which pods are its own, which could not be made, and how the others are. */
import t from 'tap'
import { judgePod } from '../../../src/check/why/live/judge-pod.ts'
import { judgeWorkload, type OwnedPod, type SeenWorkload } from '../../../src/check/why/live/judge-workload.ts'
import { readOwned } from '../../../src/check/why/live/owned-objects.ts'
import { missingPods, type PodOwner } from '../../../src/check/why/live/pod-owner.ts'
import { readWorkload } from '../../../src/check/why/live/read-workload.ts'
import { readRefusal } from '../../../src/check/why/live/refusal.ts'
import type { ClusterEvent, ClusterPod, KubernetesObject } from '../../../src/cluster/objects.ts'
import { indexKinds, type KindIndex } from '../../../src/cluster/kind-index.ts'
import type { ServedKind } from '../../../src/cluster/served-kinds.ts'
import { found, unknown } from '../../../src/diagnosis/lookup.ts'
import { memoryCluster } from './deliveries/memory-cluster.ts'

const prefix = 'models.example.io/'
const request = { prefix, expectsModel: false }

function object(kind: string, name: string, owner?: KubernetesObject, more: object = {}): KubernetesObject {
  const apiVersions: Readonly<Record<string, string>> = { Pod: 'v1', Event: 'v1', Job: 'batch/v1', CronJob: 'batch/v1' }
  const custom: Readonly<Record<string, string>> = {
    JobSet: 'jobset.x-k8s.io/v1alpha2',
    TrainJob: 'trainer.kubeflow.org/v1alpha1',
  }
  const ownerReferences =
    owner === undefined
      ? []
      : [
          {
            apiVersion: owner.apiVersion,
            kind: owner.kind,
            name: owner.metadata.name,
            uid: owner.metadata.uid ?? '',
            controller: true,
          },
        ]
  const { metadata = {}, ...fields } = more as { metadata?: object }
  return {
    apiVersion: apiVersions[kind] ?? custom[kind] ?? 'apps/v1',
    kind,
    metadata: { name, namespace: 'apps', uid: `${kind}/${name}`, ownerReferences, ...metadata },
    ...fields,
  }
}

function pod(name: string, owner: KubernetesObject, status: object = {}, metadata: object = {}): ClusterPod {
  return object('Pod', name, owner, {
    metadata,
    spec: { nodeName: 'n', containers: [{ name: 'app' }] },
    status: { phase: 'Running', ...status },
  }) as ClusterPod
}

const readyApp = {
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [{ name: 'app', ready: true, state: { running: {} } }],
}
const crashing = {
  containerStatuses: [
    {
      name: 'app',
      restartCount: 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3 } },
    },
  ],
}

const deployment = object('Deployment', 'app', undefined, {
  spec: { replicas: 2 },
  status: { replicas: 2 },
}) as PodOwner
const replicaSet = object('ReplicaSet', 'app-1', deployment, {
  spec: { replicas: 2 },
  status: { replicas: 2 },
}) as PodOwner

function seen(more: Partial<SeenWorkload>): SeenWorkload {
  return { owner: deployment, pods: [], controllers: [replicaSet], short: [], unread: [], ...more }
}

function judged(...pods: readonly ClusterPod[]): readonly OwnedPod[] {
  return pods.map((one) => ({ pod: one, state: judgePod({ pod: one, events: undefined }, prefix) }))
}

function failedCreate(message: string, more: Partial<ClusterEvent> = {}): ClusterEvent {
  return {
    ...object('Event', `e${message.length}`),
    type: 'Warning',
    reason: 'FailedCreate',
    message: `Error creating: ${message}`,
    count: 4,
    lastTimestamp: '2026-01-11T09:12:44Z',
    ...more,
  }
}

const lacking = { ...replicaSet, status: { replicas: 0 } }
const denial =
  'admission webhook "pods.models.example.io" denied the request: metadata.annotations[models.example.io/size]: "10Gx" is no quantity\nmetadata.annotations[models.example.io/sise]: is unknown'

t.test('a refused pod is the headline of an object without pods, with every line of the refusal', (t) => {
  const state = judgeWorkload(
    seen({ short: [{ controller: lacking, events: found([failedCreate(denial)]) }] }),
    request,
  )
  t.equal(state.health, 'wrong')
  t.equal(state.what, 'no pods: the admission webhook "pods.models.example.io" denies them')
  t.match(state.findings[0], {
    id: 'workload-pods',
    severity: 'error',
    what: /^replicaset\/app-1: FailedCreate \(4 times, last at 2026-01-11T09:12:44Z\): Error creating: admission webhook .* is no quantity$/,
    details: ['metadata.annotations[models.example.io/sise]: is unknown'],
    remedy: 'correct what the lines name in the pod template',
    commands: ['kubectl describe replicaset app-1 -n apps'],
  })
  t.end()
})

t.test('the condition tells of it when the event is gone', (t) => {
  const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: denial }]
  const controller = { ...lacking, status: { replicas: 0, conditions } }
  const state = judgeWorkload(seen({ short: [{ controller, events: found([]) }] }), request)
  t.equal(state.what, 'no pods: the admission webhook "pods.models.example.io" denies them')
  t.end()
})

t.test('some pods are there, and others are refused', (t) => {
  const half = { ...replicaSet, status: { replicas: 1 } }
  const state = judgeWorkload(
    seen({
      pods: judged(pod('a', replicaSet, readyApp)),
      controllers: [half],
      short: [
        { controller: half, events: found([failedCreate('pods "x" is forbidden: exceeded quota: gpu, requested: x')]) },
      ],
    }),
    request,
  )
  t.equal(state.what, '1 of 2 pods are missing: the ResourceQuota "gpu" has no room for them')
  t.equal(state.health, 'wrong')
  t.end()
})

const refusals: readonly (readonly [text: string, brief: string, commands?: readonly string[]])[] = [
  [denial, 'the admission webhook "pods.models.example.io" denies them'],
  [
    'admission webhook "validate.kyverno.svc-fail" denied the request: no',
    'the admission webhook "validate.kyverno.svc-fail" denies them',
  ],
  [
    'Internal error occurred: failed calling webhook "pods.models.example.io": timeout',
    'the webhook "pods.models.example.io" gives no answer',
    ['model-injector check'],
  ],
  ['Internal error occurred: failed calling webhook "x.istio.io": timeout', 'the webhook "x.istio.io" gives no answer'],
  [
    "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'model-injector-guard' with binding 'b' denied request: no",
    'the ValidatingAdmissionPolicy "model-injector-guard" denies them',
    ['model-injector check'],
  ],
  [
    'pods "a" is forbidden: violates PodSecurity "restricted:latest": x',
    'Pod Security "restricted:latest" denies them',
  ],
  [
    'pods "a" is forbidden: failed quota: q: must specify limits.cpu',
    'the ResourceQuota "q" wants what they do not state',
  ],
  [
    'pods "a" is forbidden: error looking up service account apps/x: serviceaccount "x" not found',
    'their service account is not there',
  ],
  ['something else', 'the API server refuses them'],
]

for (const [text, brief, commands = []] of refusals) {
  t.test(`${text.slice(0, 60)}: ${brief}`, (t) => {
    t.match(readRefusal(text), { brief, commands })
    t.end()
  })
}

t.test('equal pods are one group, and the worst pod is shown', (t) => {
  const pods = judged(
    pod('good-1', replicaSet, readyApp),
    pod('bad', replicaSet, crashing),
    pod('good-2', replicaSet, readyApp),
  )
  const state = judgeWorkload(seen({ pods }), request)
  t.equal(state.health, 'wrong')
  t.equal(state.what, '1 of 3 pods: not injected, and its app fails: an error (exit 3)')
  t.strictSame(
    state.pods?.groups.map(({ count, health, names }) => [count, health, names]),
    [
      [1, 'wrong', ['bad']],
      [2, 'good', ['good-1', 'good-2']],
    ],
  )
  t.equal(state.pods?.shown, 'bad')
  t.match(
    state.findings.find(({ id }) => id === 'pod-app'),
    { severity: 'error', what: /^app: CrashLoopBackOff/ },
  )
  t.end()
})

t.test('a pod that asks for a model, or whose template does, and has none is wrong however well it is', (t) => {
  const asking = pod('asking', replicaSet, readyApp, { annotations: { [`${prefix}source`]: 's3://models/llama/' } })
  const state = judgeWorkload(seen({ pods: judged(asking) }), request)
  t.match(state, { health: 'wrong', what: '1 of 1 pods: without its model' })
  t.match(
    state.findings.find(({ id }) => id === 'pod-injected')?.what,
    'asking: its annotations ask for a model, and it has none',
  )
  const older = judgeWorkload(seen({ pods: judged(pod('older', replicaSet, readyApp)) }), {
    prefix,
    expectsModel: true,
  })
  t.match(older, { health: 'wrong', what: '1 of 1 pods: without its model' })
  t.end()
})

t.test('objects that rightly have no pods are well', (t) => {
  const cases: readonly (readonly [owner: PodOwner, what: string])[] = [
    [{ ...deployment, spec: { replicas: 0 }, status: {} }, 'no pods: it is scaled to 0'],
    [object('Job', 'j', undefined, { spec: { suspend: true } }), 'no pods: it is suspended'],
    [
      object('Job', 'j', undefined, { status: { conditions: [{ type: 'Complete', status: 'True' }] } }),
      'no pods: it is complete',
    ],
    [object('CronJob', 'c'), 'no pods: it has no Job yet'],
    [
      object('DaemonSet', 'd', undefined, { status: { desiredNumberScheduled: 0 } }),
      'no pods: no node is one of its nodes',
    ],
  ]
  for (const [owner, what] of cases) {
    t.match(judgeWorkload(seen({ owner, controllers: [] }), request), { health: 'good', what })
  }
  const fresh = judgeWorkload(seen({ owner: { ...deployment, status: {} }, controllers: [] }), request)
  t.match(fresh, { health: 'starting', what: 'no pods: its controller has made none yet' })
  t.end()
})

t.test('a rollout past its deadline and a failed Job are wrong', (t) => {
  const conditions = [
    { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' },
  ]
  const stuck = { ...deployment, status: { replicas: 2, conditions } }
  const state = judgeWorkload(seen({ owner: stuck, pods: judged(pod('a', replicaSet, readyApp)) }), request)
  t.equal(state.health, 'wrong')
  t.match(state.findings[0], { id: 'workload-progress', what: 'deployment/app: ProgressDeadlineExceeded: timed out' })
  const failed = object('Job', 'j', undefined, {
    status: { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] },
  })
  t.match(
    judgeWorkload(seen({ owner: failed, controllers: [] }), request).findings[0]?.what,
    'job/j: BackoffLimitExceeded',
  )
  t.end()
})

t.test('what may not be read is said, and nothing is good then', (t) => {
  const why = 'cannot list events: HTTP 403; missing permission: list events in the namespace apps'
  const state = judgeWorkload(seen({ short: [{ controller: lacking, events: unknown(why) }] }), request)
  t.equal(state.health, 'unknown')
  t.match(
    state.findings.find(({ severity }) => severity === 'unchecked'),
    { id: 'workload-pods', what: why },
  )
  const unread = judgeWorkload(
    seen({ pods: judged(pod('a', replicaSet, readyApp)), unread: ['cannot list jobs'] }),
    request,
  )
  t.equal(unread.health, 'unknown')
  t.end()
})

t.test('missing pods are counted as each kind counts them', (t) => {
  const cases: readonly (readonly [kind: string, fields: object, missing: number])[] = [
    ['ReplicaSet', { spec: {}, status: {} }, 1],
    ['StatefulSet', { spec: { replicas: 3 }, status: { replicas: 1 } }, 2],
    ['DaemonSet', { status: { desiredNumberScheduled: 4, currentNumberScheduled: 1 } }, 3],
    ['Job', { spec: { parallelism: 3, completions: 4 }, status: { active: 1, succeeded: 2 } }, 1],
    ['Job', { spec: { parallelism: 3 }, status: { conditions: [{ type: 'Failed', status: 'True' }] } }, 0],
    ['Job', { spec: { suspend: true } }, 0],
    ['RayCluster', {}, 0],
  ]
  for (const [kind, fields, missing] of cases) t.equal(missingPods(object(kind, 'x', undefined, fields)), missing, kind)
  t.end()
})

const noSearch: { kinds: KindIndex; namespace: string } = {
  namespace: 'apps',
  kinds: {
    all: async () => Promise.resolve([]),
    find: async () => Promise.resolve(undefined),
    inGroup: async () => Promise.resolve([]),
  },
}

function clusterOf(
  objects: readonly KubernetesObject[],
  forbidden: readonly string[] = [],
): ReturnType<typeof memoryCluster> {
  return memoryCluster({
    version: { gitVersion: 'v1.36.3', major: 1, minor: 36 },
    objects,
    unknownKinds: [],
    forbidden,
    dryRun: () => {
      throw new Error('nothing is created')
    },
  })
}

t.test('pods are found by their owners, at whatever depth, and pods of others are not', async (t) => {
  const other = object('ReplicaSet', 'other')
  const cluster = clusterOf([deployment, replicaSet, other, pod('mine', replicaSet), pod('theirs', other)])
  const owned = await readOwned(cluster, deployment, noSearch)
  t.strictSame(
    owned.pods.map(({ metadata }) => metadata.name),
    ['mine'],
  )
  t.strictSame(
    owned.controllers.map(({ metadata }) => metadata.name),
    ['app-1'],
  )

  const trainJob = object('TrainJob', 'train')
  const jobSet = object('JobSet', 'train', trainJob)
  const job = object('Job', 'train-0', jobSet)
  const leader = pod('leader', job)
  const workers = object('StatefulSet', 'workers', leader)
  const served: readonly ServedKind[] = [
    {
      group: 'jobset.x-k8s.io',
      version: 'v1alpha2',
      plural: 'jobsets',
      kind: 'JobSet',
      namespaced: true,
      singular: 'jobset',
      shortNames: [],
    },
  ]
  const deep = {
    ...clusterOf([trainJob, jobSet, job, leader, workers, pod('worker', workers), pod('x', other)]),
    servedKinds: async () => Promise.resolve(served),
  }
  const found = await readOwned(deep, trainJob, { namespace: 'apps', kinds: indexKinds(deep) })
  t.strictSame(found.pods.map(({ metadata }) => metadata.name).toSorted(), ['leader', 'worker'])
  t.strictSame(found.unread, [])
})

t.test('pods that may not be listed are said', async (t) => {
  const { unread } = await readOwned(clusterOf([deployment], ['pods']), deployment, noSearch)
  t.match(unread, [/missing permission: list pods in the namespace apps/])
})

t.test('owners that own each other do not lead in circles', async (t) => {
  const a = object('ReplicaSet', 'a')
  const b = object('StatefulSet', 'b', a)
  const circle = {
    ...a,
    metadata: {
      ...a.metadata,
      ownerReferences: b.metadata.ownerReferences?.map((one) => ({ ...one, uid: 'StatefulSet/b' })) ?? [],
    },
  }
  const { pods } = await readOwned(clusterOf([circle, b, pod('x', b)]), object('TrainJob', 't'), noSearch)
  t.strictSame(pods, [])
})

t.test('of a CronJob the newest Job counts, and failed pods that were replaced do not', async (t) => {
  const cronJob = object('CronJob', 'nightly')
  const [old, newest] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'].map((creationTimestamp, i) =>
    object('Job', `nightly-${i}`, cronJob, { metadata: { creationTimestamp }, spec: {}, status: { active: 1 } }),
  ) as [KubernetesObject, KubernetesObject]
  const at = (seconds: string): object => ({ creationTimestamp: `2026-01-02T00:00:${seconds}Z` })
  const cluster = clusterOf([
    cronJob,
    old,
    newest,
    pod('of-old', old, { phase: 'Failed' }),
    pod(
      'first',
      newest,
      { phase: 'Failed', containerStatuses: [{ name: 'app', state: { terminated: { exitCode: 1 } } }] },
      at('01'),
    ),
    pod('second', newest, readyApp, at('05')),
  ])
  const { state, shown } = await readWorkload(cluster, cronJob, request, noSearch)
  t.equal(state.what, '1 of 1 pods: not injected, and its app is ready')
  t.equal(shown?.metadata.name, 'second')
  t.end()
})
