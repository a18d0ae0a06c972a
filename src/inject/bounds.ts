/** Bounds of a plan and of the patch that comes of it; those of the request stand in request/bounds.ts. */
import { statusAnnotation } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import type { PodLimits } from '../config/limits.ts'
import type { Diagnostic } from '../reasons.ts'
import { patchText } from './patch.ts'
import type { Operation } from 'fast-json-patch'
import type { InjectionPlan } from './injection-plan.ts'
import type { Pod } from '../pod/pod.ts'
import { longestStatus } from './status.ts'
import { exceeded } from '../request/bounds.ts'

/**
 * Checks a plan before it is written into the pod: a long path in each of a thousand mounts is one text until then. A lower
 * bound of the patch that adds these parts to a pod that has none of them.
 */
export function exceededPlan(pod: Pod, plan: InjectionPlan, { limits }: Config): Diagnostic | undefined {
  const { nodeAffinity } = pod.spec.affinity ?? {}
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.length ?? 1
  const parts = [plan.loaders, plan.volumes, plan.additions.map(({ volumeMount, env }) => [volumeMount, env])]
  const length = lengthOf(parts) + terms * lengthOf(plan.scheduling.nodeLabels)
  return length > limits.patchBytes ? exceededPatch(length, limits, 'at least ') : undefined
}

export function exceededResult(
  patch: readonly Operation[],
  status: string,
  { limits, annotationPrefix }: Config,
): Diagnostic | undefined {
  if (status.length > longestStatus) {
    return {
      reason: 'LimitExceeded',
      field: `metadata.annotations[${annotationPrefix}${statusAnnotation}]`,
      problem: `would have ${status.length} characters, more than one pod may have`,
      accepted: `at most ${longestStatus} characters`,
      remedy: smaller,
    }
  }
  const bytes = Buffer.byteLength(patchText(patch))
  return bytes > limits.patchBytes ? exceededPatch(bytes, limits) : undefined
}

const smaller = 'use fewer models or containers, or shorter paths and sources'

function exceededPatch(bytes: number, limits: PodLimits, atLeast = ''): Diagnostic {
  return exceeded('patchBytes', bytes, limits, { field: 'pod', unit: 'bytes of patch', remedy: smaller, atLeast })
}

/** Characters of JSON without its punctuation. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) return value.reduce<number>((length, item) => length + lengthOf(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  const fields = value as Readonly<Record<string, unknown>>
  let length = 0
  for (const key in fields) length += key.length + lengthOf(fields[key])
  return length
}
