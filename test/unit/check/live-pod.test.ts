/** The state of a live pod in words: what its status and its events say, and what of that is wrong. */
import t from 'tap'
import { judgePod, needsEvents } from '../../../src/check/why/live/judge-pod.ts'
import type { Health } from '../../../src/check/why/live/live-state.ts'
import type { ContainerStatus } from '../../../src/cluster/pod-status.ts'
import type { ClusterEvent, ClusterPod } from '../../../src/cluster/objects.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { found, unknown } from '../../../src/diagnosis/lookup.ts'
import { inject } from '../../../src/inject/inject.ts'
import { exits, failureLine, LoaderFailure, readFailureLine, type Exit } from '../../../src/loader/exit-codes.ts'

const prefix = 'models.example.io/'
const config = parseConfig('policy: { rules: [{ name: all, namespaces: ["*"], sources: ["node://*", "s3://*"] }] }')
if (!config.ok) throw new Error(config.problems.join('; '))
const settings = config.config

function injectedPod(source = 's3://models/llama/'): ClusterPod {
  const annotations = { [`${prefix}source`]: source, ...(source.startsWith('s3:') && { [`${prefix}size`]: '1Gi' }) }
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app-x', namespace: 'apps', annotations },
    spec: { serviceAccountName: 'reader', containers: [{ name: 'app', image: 'app:1' }] },
  }
  const outcome = inject(pod, 'apps', settings)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod as unknown as ClusterPod
}

const onNode = [{ type: 'PodScheduled', status: 'True' }]
const turn = { waiting: { reason: 'PodInitializing' } }

function podWith(status: ClusterPod['status'], spec: object = { nodeName: 'node-1' }, source?: string): ClusterPod {
  const pod = injectedPod(source)
  return { ...pod, spec: { ...pod.spec, ...spec }, status: { phase: 'Pending', conditions: onNode, ...status } }
}

/** The loader in a state, and the app before its turn. */
function loading(loader: Omit<ContainerStatus, 'name'>, phase = 'Pending'): ClusterPod {
  return podWith({
    phase,
    initContainerStatuses: [{ name: 'model-loader', ...loader }],
    containerStatuses: [{ name: 'app', state: turn }],
  })
}

function loaded(app: Omit<ContainerStatus, 'name'>, phase = 'Running'): ClusterPod {
  const terminated = {
    exitCode: 0,
    reason: 'Completed',
    startedAt: '2026-01-11T09:00:00Z',
    finishedAt: '2026-01-11T09:00:42Z',
  }
  return podWith({
    phase,
    initContainerStatuses: [{ name: 'model-loader', state: { terminated } }],
    containerStatuses: [{ name: 'app', ...app }],
  })
}

function ended(exitCode: number, message?: string, more: object = {}): NonNullable<ContainerStatus['state']> {
  return { terminated: { exitCode, reason: 'Error', ...(message !== undefined && { message }), ...more } }
}

const crashing = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s restarting failed container' } }

function event(reason: string, message: string, more: Partial<ClusterEvent> = {}): ClusterEvent {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${reason}-${message.length}` },
    type: 'Warning',
    reason,
    message,
    count: 1,
    lastTimestamp: '2026-01-11T09:12:44Z',
    ...more,
  }
}

const denied = failureLine(new LoaderFailure('Denied', 's3://models/llama/: AccessDenied'))

interface Row {
  readonly of: string
  readonly pod: ClusterPod
  readonly events?: readonly ClusterEvent[]
  readonly health: Health
  readonly brief: string
  /** Of the finding that decides. */
  readonly what: string | RegExp
  readonly remedy?: string | RegExp
  readonly commands?: readonly string[]
}

const logs = 'kubectl logs app-x -n apps -c model-loader'
const describeCommand = 'kubectl describe pod app-x -n apps'

const rows: readonly Row[] = [
  {
    of: 'a loader whose access is denied, between two runs',
    pod: loading({ restartCount: 5, state: crashing, lastState: ended(10, denied) }),
    health: 'wrong',
    brief: 'its loader fails: access denied (exit 10)',
    what: 'model-loader: CrashLoopBackOff after 5 restarts; the last run ended with access denied (exit 10): s3://models/llama/: AccessDenied',
    remedy: 'allow s3:GetObject and s3:ListBucket on the prefix',
    commands: ['model-injector check --identity apps/reader', logs],
  },
  {
    of: 'a loader that ended for good, without a message',
    pod: loading(
      { state: ended(13, undefined, { startedAt: '2026-01-11T09:00:00Z', finishedAt: '2026-01-11T09:00:03Z' }) },
      'Failed',
    ),
    health: 'wrong',
    brief: 'its loader fails: not enough space (exit 13)',
    what: 'model-loader: ended with not enough space (exit 13) after 3 s',
    remedy: exits.NoSpace.remedy,
    commands: [logs],
  },
  {
    of: 'a loader that runs again after an end that no run heals',
    pod: loading({ restartCount: 1, state: { running: {} }, lastState: ended(12) }),
    health: 'wrong',
    brief: 'its loader fails: nothing is there (exit 12)',
    what: 'model-loader: runs again after 1 restart; the last run ended with nothing is there (exit 12)',
    commands: [`${logs} --previous`],
  },
  {
    of: 'a loader that runs again after an end that may heal',
    pod: loading({ restartCount: 1, state: { running: {} }, lastState: ended(14) }),
    health: 'starting',
    brief: 'its loader tries again: the download failed (exit 14)',
    what: /^model-loader: runs again after 1 restart/,
  },
  {
    of: 'a loader that had too little memory',
    pod: loading({ restartCount: 2, state: crashing, lastState: ended(137, undefined, { reason: 'OOMKilled' }) }),
    health: 'wrong',
    brief: 'its loader fails: OOMKilled (exit 137)',
    what: /ended with OOMKilled \(exit 137\)$/,
    remedy: /annotation memory/,
  },
  {
    of: 'a loader that left only its log, of several lines and with a control character',
    pod: loading({
      state: crashing,
      lastState: ended(1, "node:internal\nError: Cannot find module '/otel.js'\u001b[2J\n"),
    }),
    health: 'wrong',
    brief: 'its loader fails: an error (exit 1)',
    what: /an error \(exit 1\): node:internal Error: Cannot find module '\/otel\.js'\\u001b\[2J$/,
    remedy: 'see the log of the loader',
  },
  {
    of: 'an image that cannot be pulled',
    pod: loading({ state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } } }),
    health: 'wrong',
    brief: 'its loader cannot start: ImagePullBackOff',
    what: 'model-loader: ImagePullBackOff: Back-off pulling image "x"',
    remedy: /loader\.imagePullSecrets/,
    commands: [describeCommand],
  },
  {
    of: 'a Secret that is not there',
    pod: loading({ state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' } } }),
    health: 'wrong',
    brief: 'its loader cannot start: CreateContainerConfigError',
    what: 'model-loader: CreateContainerConfigError: secret "keys" not found',
  },
  {
    of: 'a loader at work',
    pod: loading({ state: { running: { startedAt: '2026-01-11T09:00:00Z' } } }),
    health: 'starting',
    brief: 'its loader is loading',
    what: 'model-loader: loading since 2026-01-11T09:00:00Z',
    commands: [logs],
  },
  {
    of: 'a pull of the image',
    pod: loading({ state: turn }),
    events: [
      event('Pulling', 'Pulling image "loader:1"', {
        type: 'Normal',
        involvedObject: { fieldPath: 'spec.initContainers{model-loader}' },
      }),
    ],
    health: 'starting',
    brief: 'the image of its loader is being pulled',
    what: 'model-loader: Pulling image "loader:1", since 2026-01-11T09:12:44Z',
  },
  {
    of: 'a pod whose volume cannot be mounted',
    pod: loading({ state: turn }),
    events: [
      event('FailedMount', 'MountVolume.SetUp failed: old', { lastTimestamp: '2026-01-11T09:00:00Z' }),
      event('FailedMount', 'MountVolume.SetUp failed: new', { count: 7 }),
    ],
    health: 'wrong',
    brief: 'its volumes cannot be mounted: FailedMount',
    what: 'FailedMount (7 times, last at 2026-01-11T09:12:44Z): MountVolume.SetUp failed: new',
    commands: [describeCommand],
  },
  {
    of: 'a node without the model',
    pod: podWith({}, { nodeName: 'node-1' }, 'node:///opt/models/llama'),
    events: [event('FailedMount', 'hostPath type check failed: /opt/models/llama is not a directory')],
    health: 'wrong',
    brief: 'its volumes cannot be mounted: FailedMount',
    what: /hostPath type check failed/,
    remedy: /does not have the model/,
    commands: [describeCommand, 'model-injector check --delivery node apps'],
  },
  {
    of: 'a pod without a network',
    pod: loading({ state: turn }),
    events: [event('FailedCreatePodSandBox', 'failed to setup network')],
    health: 'wrong',
    brief: 'its sandbox cannot be made',
    what: 'FailedCreatePodSandBox (at 2026-01-11T09:12:44Z): failed to setup network',
  },
  ...[
    [
      '0/3 nodes are available: 3 Insufficient ephemeral-storage.',
      'no node has room for it: ephemeral-storage',
      /lower size/,
    ],
    ['0/3 nodes are available: 3 Insufficient nvidia.com/gpu.', 'no node has room for it', /add nodes/],
    [
      '0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}.',
      'no node can take it: taints',
      /tolerate/,
    ],
    [
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
      'no node can take it: no node has the labels',
      /labels/,
    ],
    [
      'pod has unbound immediate PersistentVolumeClaims.',
      'no node can take it: its claim is not bound',
      /describe pvc/,
    ],
    ['no nodes available to schedule pods', 'no node can take it', /events/],
  ].map(([message, brief, remedy]) => ({
    of: `no node: ${String(message)}`,
    pod: podWith(
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: String(message) }] },
      {},
    ),
    health: 'wrong' as const,
    brief: String(brief),
    what: `Unschedulable: ${String(message)}`,
    remedy: remedy as RegExp,
  })),
  {
    of: 'a node that is on its way',
    pod: podWith(
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' }] },
      {},
    ),
    events: [event('Nominated', 'Pod should schedule on: nodeclaim/x', { type: 'Normal' })],
    health: 'starting',
    brief: 'a node is being made for it',
    what: /Insufficient cpu; an autoscaler makes a node for it: Nominated .*nodeclaim\/x$/,
  },
  {
    of: 'a scheduling gate',
    pod: podWith(
      { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      { schedulingGates: [{ name: 'a.example/gate' }] },
    ),
    health: 'wrong',
    brief: 'it waits for its scheduling gates',
    what: 'SchedulingGated: no scheduler looks at it before its gates are gone: a.example/gate',
  },
  {
    of: 'a scheduler that does not run',
    pod: podWith({ conditions: [] }, { schedulerName: 'mine' }),
    health: 'starting',
    brief: 'it waits for a scheduler',
    what: 'no scheduler has looked at it yet (schedulerName mine)',
  },
  {
    of: 'an app that is ready',
    pod: loaded({ ready: true, restartCount: 2, state: { running: {} }, lastState: ended(1) }),
    health: 'good',
    brief: 'its app is ready',
    what: 'app: ready (app runs after 2 restarts)',
  },
  {
    of: 'an app that is not ready yet',
    pod: loaded({ ready: false, state: { running: {} } }),
    health: 'starting',
    brief: 'its app is not ready yet',
    what: 'app: not ready yet',
  },
  {
    of: 'an app that fails',
    pod: loaded({ restartCount: 3, state: crashing, lastState: ended(3, 'no CUDA') }),
    health: 'wrong',
    brief: 'its app fails: an error (exit 3)',
    what: 'app: CrashLoopBackOff after 3 restarts; the last run ended with an error (exit 3): no CUDA',
    commands: ['kubectl logs app-x -n apps -c app'],
  },
  {
    of: 'an app whose image cannot be pulled',
    pod: loaded({ state: { waiting: { reason: 'ErrImagePull' } } }, 'Pending'),
    health: 'wrong',
    brief: 'its app cannot start: ErrImagePull',
    what: 'app: ErrImagePull',
    remedy: /pull secret/,
  },
  {
    of: 'a pod that has done its work',
    pod: loaded({ state: ended(0) }, 'Succeeded'),
    health: 'good',
    brief: 'its app has ended well',
    what: 'all containers ended with 0',
  },
  {
    of: 'an evicted pod',
    pod: podWith({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "model-data" exceeds the limit "1Gi".',
    }),
    health: 'wrong',
    brief: 'it was ended: Evicted',
    what: 'Evicted: Usage of EmptyDir volume "model-data" exceeds the limit "1Gi".',
    remedy: /raise size/,
  },
]

for (const { of, pod, events = [], health, brief, what, remedy, commands } of rows) {
  t.test(`${of}: ${brief}`, (t) => {
    const state = judgePod({ pod, events: found(events) }, prefix)
    t.equal(state.brief, brief)
    t.equal(state.health, health)
    t.equal(state.injected, true)
    const severities = { wrong: ['error'], starting: ['ok', 'warning'], good: ['ok'], unknown: ['unchecked'] }[health]
    const decisive = state.findings.findLast(({ severity }) => severities.includes(severity))
    if (typeof what === 'string') t.equal(decisive?.what, what)
    else t.match(decisive?.what, what)
    if (remedy !== undefined) t.match(decisive?.remedy, remedy)
    if (commands !== undefined) t.strictSame(decisive?.commands, commands)
    t.equal(
      state.findings.some(({ severity }) => severity === 'error'),
      health === 'wrong',
    )
    t.end()
  })
}

t.test('the time that a loader took is said, and how often it had to start', (t) => {
  const pod = loaded({ ready: true, state: { running: {} } })
  const [first] = judgePod({ pod, events: undefined }, prefix).findings
  t.match(first, { id: 'pod-loader', severity: 'ok', what: 'model-loader: loaded in 42 s' })
  t.end()
})

t.test('the word of the autoscaler stands beside that of the scheduler', (t) => {
  const pod = podWith(
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no nodes available' }] },
    {},
  )
  const events = [
    event('FailedScheduling', 'no nodes available'),
    event('NotTriggerScaleUp', "pod didn't trigger scale-up: 1 Insufficient ephemeral-storage", { type: 'Normal' }),
  ]
  const { findings, health } = judgePod({ pod, events: found(events) }, prefix)
  t.equal(health, 'wrong')
  t.match(findings[0]?.details, [/^NotTriggerScaleUp .*ephemeral-storage$/])
  t.end()
})

t.test('a sidecar that did not end well is nothing about a pod that has', (t) => {
  const pod = loaded({ state: ended(0) }, 'Succeeded')
  const proxy = { name: 'istio-proxy', state: ended(137) }
  const both = {
    ...pod,
    spec: { ...pod.spec, initContainers: [...(pod.spec.initContainers ?? []), { name: 'istio-proxy' }] },
    status: { ...pod.status, initContainerStatuses: [...(pod.status?.initContainerStatuses ?? []), proxy] },
  }
  t.equal(judgePod({ pod: both, events: undefined }, prefix).health, 'good')
  const failing = { ...both, status: { ...both.status, phase: 'Pending' } }
  t.equal(judgePod({ pod: failing, events: undefined }, prefix).brief, 'an init container fails: killed (exit 137)')
  t.end()
})

t.test('a loader that only checks a model that is there is not said to load it', (t) => {
  const pod = loaded({ ready: true, state: { running: {} } })
  const initContainers = [{ name: 'model-loader', args: ['load', '--verify'] }]
  const checking = { ...pod, spec: { ...pod.spec, initContainers } }
  t.match(judgePod({ pod: checking, events: undefined }, prefix).findings[0]?.what, 'model-loader: checked in 42 s')
  const running = loading({ state: { running: {} } })
  const atWork = { ...running, spec: { ...running.spec, initContainers } }
  t.equal(judgePod({ pod: atWork, events: undefined }, prefix).brief, 'its loader is checking the model')
  t.end()
})

t.test('every exit of the table is named, with the remedy of its own line or the one of the table', (t) => {
  for (const [name, { code, summary, remedy }] of Object.entries(exits)) {
    const exit = name as Exit
    const own = failureLine(new LoaderFailure(exit, 'a; b', { remedy: 'do this' }))
    for (const [message, expected] of [
      [own, 'do this'],
      [failureLine(new LoaderFailure(exit, 'a; b')), remedy],
      [undefined, remedy],
    ] as const) {
      const pod = loading({ state: crashing, lastState: ended(code, message) })
      const state = judgePod({ pod, events: undefined }, prefix)
      t.equal(state.brief, `its loader fails: ${summary} (exit ${code})`)
      t.equal(state.findings[0]?.remedy, expected, name)
      if (message !== undefined) t.equal(readFailureLine(message)?.finding, 'a; b')
    }
  }
  t.equal(readFailureLine('access denied: it; do that (exit 11)'), undefined, 'of another code')
  t.end()
})

t.test('other warnings are listed, the newest first and five at most, and do not decide', (t) => {
  const pod = loaded({ ready: false, state: { running: {} } })
  const events = [1, 2, 3, 4, 5, 6, 7].map((day) =>
    event('Unhealthy', `probe ${day} failed`, { lastTimestamp: `2026-01-0${day}T00:00:00Z` }),
  )
  const state = judgePod({ pod, events: found([...events, ...events]) }, prefix)
  t.equal(state.health, 'starting')
  t.match(state.findings.at(-1), {
    id: 'pod-events',
    severity: 'warning',
    what: 'Unhealthy (2 times, last at 2026-01-07T00:00:00Z): probe 7 failed',
  })
  t.equal(state.findings.at(-1)?.details?.length, 5)
  t.equal(state.findings.at(-1)?.details?.at(-1), 'and 2 more')
  t.end()
})

t.test('events that may not be read are said, and what is known decides all the same', (t) => {
  const events = unknown('cannot list events: HTTP 403; missing permission: list events in the namespace apps')
  const failing = judgePod({ pod: loading({ state: crashing, lastState: ended(10, denied) }), events }, prefix)
  t.equal(failing.health, 'wrong')
  t.match(failing.findings.at(-1), { id: 'pod-events', severity: 'unchecked', what: /missing permission: list events/ })
  t.equal(judgePod({ pod: loading({ state: turn }), events }, prefix).health, 'unknown')
  t.end()
})

t.test('events are read only of pods about which they say more than the status', (t) => {
  const ready = [...onNode, { type: 'Ready', status: 'True' }]
  const wellPod = loaded({ ready: true, state: { running: {} } })
  t.notOk(needsEvents({ ...wellPod, status: { ...wellPod.status, conditions: ready } }))
  t.notOk(needsEvents(loading({ state: { running: {} } })))
  t.notOk(needsEvents(loaded({}, 'Succeeded')))
  t.ok(needsEvents(loading({ state: turn })))
  t.ok(needsEvents(loaded({ ready: false, state: { running: {} } })))
  t.end()
})

t.test('the times of the scheduler, which writes a series, are those of its last event', (t) => {
  const pod = loading({ state: turn })
  const series = { count: 9, lastObservedTime: '2026-01-11T10:00:00.123456Z' }
  const late = event('FailedMount', 'late', { lastTimestamp: null, series })
  const state = judgePod({ pod, events: found([event('FailedMount', 'early'), late]) }, prefix)
  t.match(state.findings[0]?.what, /^FailedMount \(9 times, last at 2026-01-11T10:00:00Z\): late$/)
  t.end()
})
