/** Annotations of others that hold comma lists, to which names of ours are added. */
import { annotationsOf, type Pod } from '../pod/pod.ts'

/** The identity webhook of EKS leaves the containers of this list alone. It does not trim its items. */
export const skipContainersAnnotation = 'eks.amazonaws.com/skip-containers'

/** Autoscalers do not remove a node with a pod that has local volumes, unless the pod says that they may go. */
export const safeToEvictAnnotation = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

/** The names that are not in the pod's list yet. */
export function missingFromList(pod: Pod, annotation: string, names: readonly string[]): readonly string[] {
  const known = new Set((annotationsOf(pod)[annotation] ?? '').split(','))
  return names.filter((name) => !known.has(name))
}

/** Appends the names to the list; its items stay as they are, and no name is added twice. */
export function mergeIntoList(pod: Pod, annotation: string, names: readonly string[]): string {
  const present = annotationsOf(pod)[annotation] ?? ''
  return [...(present === '' ? [] : [present]), ...missingFromList(pod, annotation, names)].join(',')
}

/** The list without the names; undefined where nothing is left. */
export function removeFromList(present: string, names: readonly string[]): string | undefined {
  const removed = new Set(names)
  const rest = present
    .split(',')
    .filter((item) => !removed.has(item))
    .join(',')
  return rest === '' ? undefined : rest
}
