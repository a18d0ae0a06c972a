/**
 * Bounds of what one pod may ask for, counted before anything is planned: planning takes time that grows with models times
 * containers, and one replica answers for many pods. Each bound is one denial; nothing else is reported with it.
 */
import type { Config } from '../config/config.ts'
import type { PodLimits } from '../config/limits.ts'
import type { Diagnostic } from '../reasons.ts'
import { annotationKey, ownKeys } from './keys.ts'
import { annotationsOf, appContainers, type Pod } from '../pod/pod.ts'

/** Checks the number of models, annotations and mounts that a pod's annotations ask for. */
export function exceededRequest(pod: Pod, config: Config): Diagnostic | undefined {
  const { annotationPrefix, limits } = config
  const own = ownKeys(pod, annotationPrefix)
  const source = annotationKey(annotationPrefix, 'source')
  const suffixes = own.flatMap((key) =>
    key === source || key.startsWith(`${source}.`) ? key.slice(source.length) : [],
  )
  const field = 'metadata.annotations'
  if (suffixes.length > limits.models) {
    return exceeded('models', suffixes.length, limits, {
      field,
      unit: 'models',
      remedy: 'use fewer, or spread them over several pods',
    })
  }
  if (own.length > limits.annotations) {
    return exceeded('annotations', own.length, limits, {
      field,
      unit: `annotations below ${annotationPrefix}`,
      remedy: 'remove those that no model needs',
    })
  }
  const pairs = countPairs(pod, suffixes, config)
  if (pairs <= limits.modelContainerPairs) return undefined
  return exceeded('modelContainerPairs', pairs, limits, {
    field,
    unit: 'pairs of model and container',
    remedy: `name the containers that need a model in ${annotationKey(annotationPrefix, 'containers')}[.NAME]`,
  })
}

/** Before containers are looked up: what is named counts, known or not. */
function countPairs(pod: Pod, suffixes: readonly string[], { annotationPrefix, sidecars }: Config): number {
  const apps = appContainers(pod, sidecars).length
  return suffixes.reduce((pairs, suffix) => {
    const named = annotationsOf(pod)[annotationKey(annotationPrefix, 'containers') + suffix]
    if (named === undefined) return pairs + apps
    return pairs + (named.trim() === '*' ? pod.spec.containers.length : new Set(named.split(',')).size)
  }, 0)
}

interface Words {
  readonly field: string
  readonly unit: string
  readonly remedy: string
  readonly atLeast?: string
}

export function exceeded(
  limit: keyof PodLimits,
  found: number,
  limits: PodLimits,
  { field, unit, remedy, atLeast = '' }: Words,
): Diagnostic {
  return {
    reason: 'LimitExceeded',
    field,
    found: `${atLeast}${found} ${unit}`,
    problem: 'is more than one pod may ask for',
    accepted: `at most ${limits[limit]} (limits.${limit} of the operator's configuration)`,
    remedy,
  }
}
