/** The obstacles of a pod are read from statuses as the kubelet and the scheduler write them. */
import t from 'tap'
import { describeObstacle, obstaclesOf, type PodObstacle } from '../../../src/check/pod-waiting.ts'
import type { ClusterPod } from '../../../src/cluster/objects.ts'

const image = 'registry.example.com/model-injector@sha256:00'

function pod(status: NonNullable<ClusterPod['status']>): ClusterPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'x' },
    spec: { containers: [{ name: 'app', image: 'app:1' }], initContainers: [{ name: 'model-loader', image }] },
    status,
  }
}

const pulling = 'Back-off pulling image "registry.example.com/model-injector@sha256:00": ErrImagePull: not found'

const cases: readonly (readonly [
  what: string,
  status: NonNullable<ClusterPod['status']>,
  kind: PodObstacle['kind'],
  says: string,
])[] = [
  [
    'an image that cannot be pulled',
    {
      initContainerStatuses: [
        { name: 'model-loader', image: '', state: { waiting: { reason: 'ImagePullBackOff', message: pulling } } },
      ],
      containerStatuses: [{ name: 'app', state: { waiting: { reason: 'PodInitializing' } } }],
    },
    'image',
    `init container model-loader: ImagePullBackOff of ${image}: ${pulling}`,
  ],
  [
    'a crash loop, with its last end',
    {
      containerStatuses: [
        {
          name: 'app',
          restartCount: 5,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 2m40s restarting failed container' } },
          lastState: { terminated: { exitCode: 1, reason: 'Error', message: 'no such file:\n  /etc/config\n' } },
        },
      ],
    },
    'crash',
    'container app: CrashLoopBackOff, restarted 5 times; it ended with exit code 1: no such file: /etc/config',
  ],
  [
    'a container between two restarts',
    {
      containerStatuses: [
        {
          name: 'app',
          ready: false,
          restartCount: 1,
          state: { running: {} },
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
        },
      ],
    },
    'crash',
    'container app: OOMKilled, restarted 1 time; it ended with exit code 137 (OOMKilled)',
  ],
  [
    'an init container that has ended for good',
    {
      phase: 'Failed',
      initContainerStatuses: [
        {
          name: 'model-loader',
          state: { terminated: { exitCode: 10, reason: 'Error', message: 'access denied: s3://models/llama/' } },
        },
      ],
    },
    'crash',
    'init container model-loader: Error; it ended with exit code 10: access denied: s3://models/llama/',
  ],
  [
    'a Secret that is not there',
    {
      containerStatuses: [
        {
          name: 'app',
          state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "keys" not found' } },
        },
      ],
    },
    'start',
    'container app: CreateContainerConfigError: secret "keys" not found',
  ],
  [
    'a pod that fits no node',
    {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/3 nodes are available: 3 Insufficient memory.',
        },
      ],
    },
    'scheduling',
    'Unschedulable: 0/3 nodes are available: 3 Insufficient memory.',
  ],
  [
    'a pod with a scheduling gate',
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    'scheduling',
    'SchedulingGated',
  ],
  [
    'an evicted pod',
    { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: ephemeral-storage.' },
    'pod',
    'Evicted: The node was low on resource: ephemeral-storage.',
  ],
]

for (const [what, status, kind, says] of cases) {
  t.test(`${what} is named`, (t) => {
    const obstacles = obstaclesOf(pod(status))
    t.strictSame(obstacles.map(describeObstacle), [says])
    t.equal(obstacles[0]?.kind, kind)
    t.end()
  })
}

const unobstructed: readonly (readonly [string, ClusterPod['status']])[] = [
  ['without a status', undefined],
  [
    'that starts',
    {
      conditions: [{ type: 'PodScheduled', status: 'True' }],
      initContainerStatuses: [{ name: 'model-loader', state: { running: {} } }],
      containerStatuses: [{ name: 'app', state: { waiting: { reason: 'PodInitializing' } } }],
    },
  ],
  [
    'that runs, after an init container of which one try failed',
    {
      initContainerStatuses: [
        {
          name: 'model-loader',
          ready: true,
          restartCount: 1,
          state: { terminated: { exitCode: 0 } },
          lastState: { terminated: { exitCode: 14 } },
        },
      ],
      containerStatuses: [{ name: 'app', ready: true, state: { running: {} } }],
    },
  ],
  [
    'that is ready again after a crash',
    {
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          restartCount: 1,
          state: { running: {} },
          lastState: { terminated: { exitCode: 1 } },
        },
      ],
    },
  ],
]

for (const [what, status] of unobstructed) {
  t.test(`a pod ${what} has no obstacle`, (t) => {
    t.strictSame(obstaclesOf(pod(status ?? {})), [])
    t.end()
  })
}
