/** A rollout that is stuck, and replicas that do not start, are told with their cause, the pods and the remedy. */
import t from 'tap'
import type { ClusterEvent, ClusterPod, Deployment, ReplicaSet } from '../../../src/cluster/objects.ts'
import type { PodStatus } from '../../../src/cluster/pod-status.ts'
import type { Finding } from '../../../src/diagnosis/finding.ts'
import { found, unknown } from '../../../src/diagnosis/lookup.ts'
import type { Survey } from '../../../src/check/survey.ts'
import { checkReplicaStart } from '../../../src/check/topics/replica-start.ts'
import { checkRollout } from '../../../src/check/topics/rollout.ts'
import { goodSurvey, makeCertificates, the } from './good-survey.ts'

const good = goodSurvey(await makeCertificates(t.testdir({})))
const image = 'registry.example.com/model-injector@sha256:00'
const namespace = 'model-injector'

function withStatus(status: NonNullable<Deployment['status']>, change: Partial<Survey> = {}): Survey {
  const deployment = the(good.deployment)
  const annotations = { 'meta.helm.sh/release-name': 'mi', 'meta.helm.sh/release-namespace': namespace }
  const metadata = { ...deployment.metadata, annotations }
  return { ...good, deployment: found({ ...deployment, metadata, status }), ...change }
}

function set(name: string, revision: number, counts: { replicas: number; ready: number }): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace, annotations: { 'deployment.kubernetes.io/revision': String(revision) } },
    spec: { replicas: counts.replicas, template: { spec: { containers: [{ name: 'webhook', image: `x:${name}` }] } } },
    status: { replicas: counts.replicas, readyReplicas: counts.ready },
  }
}

function replica(name: string, status: PodStatus, hash = 'new'): ClusterPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { 'pod-template-hash': hash } },
    spec: { containers: [{ name: 'webhook', image }] },
    status,
  }
}

function waiting(name: string, reason: string, message = '', hash = 'new'): ClusterPod {
  return replica(name, { containerStatuses: [{ name: 'webhook', state: { waiting: { reason, message } } }] }, hash)
}

function ready(name: string, hash: string): ClusterPod {
  return replica(name, { conditions: [{ type: 'Ready', status: 'True' }] }, hash)
}

function warningAbout(pod: string, reason: string, message: string, lastTimestamp: string): ClusterEvent {
  const involvedObject = { kind: 'Pod', name: pod, namespace }
  return { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, involvedObject, reason, message, lastTimestamp }
}

t.test('a stuck rollout shows the ReplicaSets side by side, and how to go back', (t) => {
  const stuck = {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: 'ReplicaSet "b" has timed out progressing.',
  }
  const replicaSets = found([
    set('oldest', 1, { replicas: 0, ready: 0 }),
    set('a', 2, { replicas: 2, ready: 2 }),
    set('b', 10, { replicas: 1, ready: 0 }),
  ])
  const survey = withStatus({ replicas: 3, readyReplicas: 2, updatedReplicas: 1, conditions: [stuck] }, { replicaSets })
  const [finding] = checkRollout(survey)
  t.match(finding, {
    severity: 'error',
    what: 'stuck, ProgressDeadlineExceeded: ReplicaSet "b" has timed out progressing.; new: b (0 of 1 ready, image x:b); old: a (2 of 2 ready, image x:a)',
    commands: ['helm rollback mi -n model-injector'],
  })
  const [first] = checkRollout({ ...survey, replicaSets: found([set('b', 1, { replicas: 1, ready: 0 })]) })
  t.equal(first?.commands, undefined, 'there is nothing to go back to')
  t.match(checkRollout({ ...survey, replicaSets: unknown('missing permission: list replicasets.apps') }), [
    { severity: 'error', what: /its ReplicaSets are not known: missing permission: list replicasets\.apps$/ },
  ])
  t.end()
})

t.test('an image that no replica can pull is one error, with image, message, count and example', (t) => {
  const message = 'Back-off pulling image: ErrImagePull: not found'
  const pods = found([waiting('p1', 'ImagePullBackOff', message), waiting('p2', 'ErrImagePull', 'not found')])
  const findings = checkReplicaStart(withStatus({ updatedReplicas: 2 }, { pods }))
  t.match(findings, [
    {
      severity: 'error',
      what: `container webhook: ImagePullBackOff of ${image}: ${message} (2 pods, as p1)`,
      commands: ['kubectl describe pod p1 -n model-injector'],
    },
  ])
  t.equal(findings.length, 1)
  t.end()
})

t.test('new replicas that do not start are an error although the old ones are ready', (t) => {
  const pods = found([ready('o1', 'old'), ready('o2', 'old'), waiting('n1', 'CrashLoopBackOff')])
  const [finding] = checkReplicaStart(withStatus({ readyReplicas: 2, updatedReplicas: 1 }, { pods }))
  t.match(finding, { severity: 'error', commands: ['kubectl logs n1 -n model-injector -c webhook --previous'] })
  t.end()
})

t.test('one ill replica beside a ready one of the same template is a warning', (t) => {
  const pods = found([ready('o1', 'new'), waiting('n1', 'CrashLoopBackOff')])
  t.match(checkReplicaStart(withStatus({ readyReplicas: 1 }, { pods })), [{ severity: 'warning' }])
  t.end()
})

t.test('an evicted pod whose place was taken is not spoken of', (t) => {
  const evicted = replica('e', { phase: 'Failed', reason: 'Evicted' })
  const taken = withStatus({ readyReplicas: 2 }, { pods: found([evicted]) })
  t.match(checkReplicaStart(taken), [{ severity: 'ok' }])
  t.match(checkReplicaStart(withStatus({ readyReplicas: 1 }, { pods: found([evicted]) })), [
    { severity: 'error', what: 'Evicted (1 pod, as e)' },
  ])
  t.end()
})

t.test('a Secret that is not there is read from the latest event of the pod', (t) => {
  const pods = found([waiting('p1', 'ContainerCreating')])
  const warnings = found([
    warningAbout('p1', 'FailedMount', 'secret "model-injector-tls" not found', '2026-01-01T00:02:00Z'),
    warningAbout('p1', 'FailedScheduling', 'earlier', '2026-01-01T00:01:00Z'),
    warningAbout('other', 'Unhealthy', 'later, of another', '2026-01-01T00:03:00Z'),
  ])
  t.match(checkReplicaStart(withStatus({}, { pods, warnings })), [
    { severity: 'error', what: 'FailedMount: secret "model-injector-tls" not found (1 pod, as p1)' },
  ])
  t.match(checkReplicaStart(withStatus({}, { pods, warnings: unknown('missing permission: list events') })), [
    {
      severity: 'unchecked',
      what: '1 pod, as p1 not ready, and their events are not known: missing permission: list events',
    },
  ])
  t.match(checkReplicaStart(withStatus({}, { pods })), [{ severity: 'ok', what: /^1 not ready yet/ }])
  t.end()
})

const refusals: readonly (readonly [message: string, remedy: RegExp])[] = [
  ['pods "x" is forbidden: exceeded quota: compute, requested: limits.memory=512Mi', /raise the ResourceQuota/],
  ['insufficient quota to match these scopes: [{PriorityClass In [system-cluster-critical]}]', /priority class/],
  ['pods "x" is forbidden: violates PodSecurity "restricted:latest": host namespaces', /label the namespace/],
  [
    'pods "x" is forbidden: error looking up service account a/b: serviceaccount "b" not found',
    /serviceAccount\.create/,
  ],
  ['admission webhook "x" denied the request', /what the API server refuses/],
]

for (const [message, remedy] of refusals) {
  t.test(`the remedy fits the refusal: ${message}`, (t) => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }]
    const [finding] = checkReplicaStart(withStatus({ conditions })) as readonly [Finding]
    t.match(finding, { severity: 'error', what: `pods are not created, FailedCreate: ${message}`, remedy })
    t.end()
  })
}
