/** Names what keeps replicas of the webhook from starting, each cause once, with the remedy for it. */
import type { ClusterEvent, ClusterPod, Deployment } from '../../cluster/objects.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { describeObject } from '../../diagnosis/kubectl-commands.ts'
import { valueOf, whyNot } from '../../diagnosis/lookup.ts'
import { singleLine } from '../../values/print/printable.ts'
import { quoteWord } from '../../values/shell.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { describeObstacle, obstaclesOf, type PodObstacle } from '../pod-waiting.ts'
import { isReadyReplica } from '../replicas.ts'
import type { Survey } from '../survey.ts'

export function checkReplicaStart(survey: Survey): readonly Finding[] {
  const { deployment, pods } = survey
  if (deployment.state !== 'found') return []
  const uncreated = checkCreation(deployment.value)
  if (pods.state !== 'found') return [...uncreated, unchecked('replica-start', whyNot(pods))]
  const current = pods.value.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const waiting = current.filter((pod) => !isReadyReplica(pod) && !isReplaced(pod, deployment.value))
  const findings = [...uncreated, ...checkPods(waiting, current, survey)]
  if (findings.length > 0) return findings
  return [
    ok('replica-start', waiting.length === 0 ? 'none is' : `${waiting.length} not ready yet, with no sign of why`),
  ]
}

/** An evicted pod stays until it is deleted; others have long taken its place. */
function isReplaced({ status }: ClusterPod, { spec, status: counts }: Deployment): boolean {
  const isOver = status?.phase === 'Failed' || status?.phase === 'Succeeded'
  return isOver && (counts?.readyReplicas ?? 0) >= (spec.replicas ?? 1)
}

/** The Deployment has the refusals of the API server from its ReplicaSets. */
function checkCreation({ metadata, status }: Deployment): readonly Finding[] {
  const failure = status?.conditions?.find(({ type, status: value }) => type === 'ReplicaFailure' && value === 'True')
  if (failure === undefined) return []
  const { reason = '', message = '' } = failure
  const cause = creationRemedies.find(([pattern]) => pattern.test(message))
  const finding = error('replica-start', `pods are not created, ${reason}: ${message}`, cause?.[1] ?? otherRefusal)
  return [
    withCommands(finding, describeObject({ kind: 'deployment', name: metadata.name, namespace: metadata.namespace })),
  ]
}

const otherRefusal = 'change what the API server refuses, in the values of the chart or in the namespace'

const creationRemedies: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /match these scopes|PriorityClass/,
    'let the namespace use the priority class, by a ResourceQuota for its scope, or set priorityClassName of the chart',
  ],
  [
    /exceeded quota|failed quota/,
    'raise the ResourceQuota of the namespace, or lower resources and replicas of the chart',
  ],
  [
    /violates PodSecurity/,
    "label the namespace for the level that the pods need: with the chart's own podSecurityContext and securityContext that is restricted, with hostNetwork privileged",
  ],
  [/service ?account/i, 'create the service account, or let the chart do it (serviceAccount.create)'],
]

interface Cause {
  readonly obstacle: PodObstacle
  readonly pods: readonly ClusterPod[]
}

function checkPods(waiting: readonly ClusterPod[], all: readonly ClusterPod[], survey: Survey): readonly Finding[] {
  const causes = causesOf(waiting)
  const silent = waiting.filter((pod) => obstaclesOf(pod).length === 0)
  return [...causes.map((cause) => describeCause(cause, all)), ...checkSilent(silent, all, survey)]
}

/** A pull fails and backs off by turns, and a crash is restarted: both are one cause for as long as the container is. */
function causesOf(pods: readonly ClusterPod[]): readonly Cause[] {
  const found = pods.flatMap((pod) => obstaclesOf(pod).map((obstacle) => ({ pod, obstacle })))
  const groups = Map.groupBy(found, ({ obstacle: { kind, reason, container } }) =>
    JSON.stringify([kind, container?.name, kind === 'image' ? container?.image : kind === 'crash' ? '' : reason]),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [{ obstacle: first.obstacle, pods: group.map(({ pod }) => pod) }]
  })
}

function describeCause({ obstacle, pods }: Cause, all: readonly ClusterPod[]): Finding {
  const [example] = pods
  const what = `${describeObstacle(obstacle)} (${countPods(pods)})`
  const { remedy, command } = remedies[obstacle.kind]
  const finding = severityFor(pods, all)('replica-start', what, remedy)
  return example === undefined ? finding : withCommands(finding, command(example, obstacle))
}

interface Mend {
  readonly remedy: string
  readonly command: (pod: ClusterPod, obstacle: PodObstacle) => string
}

const remedies: Readonly<Record<PodObstacle['kind'], Mend>> = {
  image: {
    remedy:
      "see that the image is in its registry under this name, and that nodes may pull it (image.* and imagePullSecrets of the chart); a pull secret has to be in the webhook's namespace",
    command: describePod,
  },
  crash: {
    remedy:
      'read what the container wrote before it ended; exit code 137 (OOMKilled) asks for more memory (resources of the chart)',
    command: ({ metadata: { name, namespace = '' } }, { container }) =>
      `kubectl logs ${quoteWord(name)} -n ${quoteWord(namespace)} -c ${quoteWord(container?.name ?? '')} --previous`,
  },
  start: { remedy: 'put right what the kubelet names, in the values of the chart', command: describePod },
  scheduling: {
    remedy: 'make room on the nodes, or change nodeSelector, tolerations, affinity or resources of the chart',
    command: describePod,
  },
  pod: { remedy: 'see what the kubelet says of the pod and its node; a new pod takes its place', command: describePod },
}

function describePod({ metadata: { name, namespace } }: ClusterPod): string {
  return describeObject({ kind: 'pod', name, namespace })
}

/** Pods whose status says nothing: volumes and probes have their reasons in events alone. */
function checkSilent(silent: readonly ClusterPod[], all: readonly ClusterPod[], survey: Survey): readonly Finding[] {
  const { warnings } = survey
  if (silent.length === 0) return []
  if (warnings.state !== 'found') {
    return [
      unchecked('replica-start', `${countPods(silent)} not ready, and their events are not known: ${whyNot(warnings)}`),
    ]
  }
  const seen = silent.flatMap((pod) => {
    const event = lastEventOf(pod, warnings.value)
    return event === undefined ? [] : [{ pod, event }]
  })
  const groups = Map.groupBy(seen, ({ event }) => event.reason ?? '')
  return [...groups].flatMap(([reason, group]) => {
    const [first] = group
    if (first === undefined) return []
    const pods = group.map(({ pod }) => pod)
    const what = `${reason}: ${singleLine(first.event.message ?? '')} (${countPods(pods)})`
    const finding = severityFor(pods, all)('replica-start', what, eventRemedy(reason))
    return [withCommands(finding, ...eventCommands(reason, first.pod, survey))]
  })
}

function eventRemedy(reason: string): string {
  if (reason === 'FailedMount') {
    return 'see why the object is not there: with cert-manager its Certificate says so, and certificates.secretName names a Secret of yours'
  }
  return reason === 'Unhealthy'
    ? 'the log of the replica says why it is not ready: the certificate is missing or not valid now'
    : 'see what the events of the pod say'
}

function eventCommands(reason: string, pod: ClusterPod, { deployment }: Survey): readonly string[] {
  const namespace = pod.metadata.namespace ?? ''
  if (reason === 'Unhealthy') return [`kubectl logs ${quoteWord(pod.metadata.name)} -n ${quoteWord(namespace)}`]
  const certificate = valueOf(deployment)?.metadata.name ?? ''
  return reason === 'FailedMount'
    ? [
        describePod(pod),
        `kubectl describe certificates.cert-manager.io ${quoteWord(certificate)} -n ${quoteWord(namespace)}`,
      ]
    : [describePod(pod)]
}

function lastEventOf({ metadata }: ClusterPod, events: readonly ClusterEvent[]): ClusterEvent | undefined {
  const own = events.filter(
    ({ involvedObject }) => involvedObject?.kind === 'Pod' && involvedObject.name === metadata.name,
  )
  return own.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).at(-1)
}

function timeOf({ lastTimestamp, eventTime, metadata }: ClusterEvent): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? ''
}

/** While another pod of the same template is ready, the release works and one pod is ill. */
function severityFor(pods: readonly ClusterPod[], all: readonly ClusterPod[]): typeof error {
  const hashes = new Set(pods.map(templateHash))
  return all.some((pod) => isReadyReplica(pod) && hashes.has(templateHash(pod))) ? warning : error
}

function templateHash({ metadata }: ClusterPod): string | undefined {
  return metadata.labels?.['pod-template-hash']
}

function countPods(pods: readonly ClusterPod[]): string {
  const [first] = pods
  return `${pods.length} ${pods.length === 1 ? 'pod' : 'pods'}, as ${first?.metadata.name ?? ''}`
}
