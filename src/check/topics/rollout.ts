/** Checks whether the last rollout of the Deployment is complete, and shows its old and new ReplicaSets side by side. */
import type { Deployment, ReplicaSet } from '../../cluster/objects.ts'
import type { Condition } from '../../cluster/pod-status.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { releaseOf, rollBackRelease } from '../../diagnosis/helm-commands.ts'
import { whyNot } from '../../diagnosis/lookup.ts'
import { error, ok, warning } from '../installation-findings.ts'
import { webhookContainer } from '../mounted-file.ts'
import type { Survey } from '../survey.ts'

export function checkRollout(survey: Survey): readonly Finding[] {
  const { deployment } = survey
  if (deployment.state !== 'found') return []
  const { spec, status = {} } = deployment.value
  const { replicas = 0, updatedReplicas = 0, conditions } = status
  const { replicas: desired = 1 } = spec
  const stuck = conditions?.find(({ type, status: value }) => type === 'Progressing' && value === 'False')
  if (stuck !== undefined) return [stuckFinding(deployment.value, stuck, survey)]
  if (updatedReplicas >= desired && replicas <= updatedReplicas) {
    return [ok('rollout', `complete: ${updatedReplicas} of ${desired} replicas are of the newest ReplicaSet`)]
  }
  const what = `under way: ${updatedReplicas} of ${desired} replicas are of the newest ReplicaSet`
  return [warning('rollout', `${what}${sideBySide(survey)}`)]
}

function stuckFinding(deployment: Deployment, { reason = '', message = '' }: Condition, survey: Survey): Finding {
  const release = releaseOf(deployment)
  const finding = error('rollout', `stuck, ${reason}: ${message}${sideBySide(survey)}`)
  return release === undefined || setsWithPods(survey).length < 2
    ? finding
    : withCommands(finding, rollBackRelease(release))
}

/** `; new: model-injector-7d (2 of 3 ready, image A); old: model-injector-5c (2 of 2 ready, image B)` */
function sideBySide(survey: Survey): string {
  const { replicaSets } = survey
  if (replicaSets.state !== 'found') return `; its ReplicaSets are not known: ${whyNot(replicaSets)}`
  const texts = setsWithPods(survey).map((set, i) => `; ${i === 0 ? 'new' : 'old'}: ${describeSet(set)}`)
  return texts.join('')
}

function describeSet({ metadata, spec, status }: ReplicaSet): string {
  const image = spec.template === undefined ? undefined : webhookContainer(spec.template.spec)?.image
  const counts = `${status?.readyReplicas ?? 0} of ${spec.replicas ?? 1} ready`
  return `${metadata.name} (${counts}${image === undefined ? '' : `, image ${image}`})`
}

/** The newest first, whether it has pods or not; older ones only with pods. */
function setsWithPods({ replicaSets }: Survey): readonly ReplicaSet[] {
  if (replicaSets.state !== 'found') return []
  const sets = replicaSets.value.toSorted((a, b) => revisionOf(b) - revisionOf(a))
  return sets.filter(({ spec, status }, i) => i === 0 || (spec.replicas ?? 1) > 0 || (status?.replicas ?? 0) > 0)
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)
}
