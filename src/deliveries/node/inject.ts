/**
 * Injects `node://`: the model is part of the node's machine image and is mounted from there. The pod selects nodes by a
 * label that says they have the model, and tolerates the taint that reserves them for such pods.
 */
import { shortHash } from '../../values/short-hash.ts'
import type { Source } from '../../values/source.ts'
import { dataVolumeName } from '../../pod/injected-names.ts'
import { labelConflict, nodeLabelValue } from '../../pod/scheduling.ts'
import type { Volume } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import type { Deliverer, DeliveredModel, DeliveryContext } from '../delivery.ts'
import { verifyTask } from '../shared/verify-task.ts'

/**
 * Label of nodes that have a model at this absolute path: `node.models.example.io/<16 hexadecimal digits>` for the
 * annotation prefix `models.example.io/`; its value is `nodeLabelValue`. A path is too long for a label name.
 */
export function nodeLabelFor(path: string, annotationPrefix: string): string {
  return nodeLabelPrefix(annotationPrefix) + shortHash(path)
}

/** Common prefix of these labels. */
export function nodeLabelPrefix(annotationPrefix: string): string {
  return `node.${annotationPrefix}`
}

/**
 * The taint that keeps other pods off nodes with models: `models.example.io/baked:NoSchedule`. Injected pods tolerate it.
 */
export function bakedTaint(annotationPrefix: string): { readonly key: string; readonly effect: 'NoSchedule' } {
  return { key: `${annotationPrefix}baked`, effect: 'NoSchedule' }
}

export const nodeDelivery: Deliverer = {
  deliver: deliverNode,
  adds: ({ hostPath }: Volume, source: Source) => source.scheme === 'node' && hostPath?.path === source.path,
}

function deliverNode(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const { source, suffix, expect } = model
  if (source.scheme !== 'node') return undefined
  const volume = dataVolumeName(suffix)
  const { annotationPrefix } = context.config
  const label = nodeLabelFor(source.path, annotationPrefix)
  denyConflict(label, context)
  warnOfUnscheduled(model.name, label, context)
  return {
    volume,
    // Without the type the container runtime creates a missing directory, and the app starts on an empty one.
    volumes: [{ name: volume, hostPath: { path: source.path, type: 'Directory' } }],
    ...(expect !== undefined && { loader: verifyTask(model, volume, context.request) }),
    scheduling: { nodeLabels: [label], tolerations: [bakedTaint(annotationPrefix).key] },
  }
}

function denyConflict(label: string, { pod, findings }: DeliveryContext): void {
  const conflict = labelConflict(pod.spec, label)
  if (conflict === undefined) return
  findings.deny({
    reason: 'NodeConflict',
    ...conflict,
    problem: `excludes the nodes that have the model, ${label}: ${nodeLabelValue}`,
    remedy: 'remove it',
  })
}

/** With nodeName set, no scheduler checks the label. */
function warnOfUnscheduled(name: string, label: string, { pod, findings }: DeliveryContext): void {
  if (pod.spec.nodeSelector?.[label] === nodeLabelValue) return
  if (pod.spec.nodeName) {
    findings.warn(
      'NodeNameSet',
      `${name}: nodeName chooses the node, which refuses the pod if it does not have the model`,
      'spec.nodeName',
    )
  }
  if (pod.metadata?.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') === true) {
    findings.warn(
      'DaemonSetPending',
      `${name}: name the node label in the DaemonSet's nodeSelector, or pods stay Pending`,
      'spec.nodeSelector',
    )
  }
}
