/**
 * Bounds of what one pod may ask for, counted before anything is planned: planning takes time that grows with models times
 * containers, and one replica answers for everybody. Each bound is one denial; nothing else is reported with it.
 */
import type { Config } from '../config/config.ts'
import type { PodLimits } from '../config/limits.ts'
import type { Diagnostic } from '../reasons.ts'
import { annotationKey, ownAnnotations, type OwnAnnotation } from './keys.ts'
import { annotationsOf, appContainers, type Pod } from '../pod/pod.ts'

/** What a pod's annotations ask for in numbers. */
export function exceededRequest(pod: Pod, config: Config): Diagnostic | undefined {
  const { annotationPrefix, limits } = config
  const own = ownAnnotations(pod, annotationPrefix)
  const sources = own.filter(({ name }) => name === 'source')
  const field = 'metadata.annotations'
  if (sources.length > limits.models) {
    return exceeded('models', sources.length, limits, {
      field,
      unit: 'models',
      remedy: 'bring fewer, or spread them over several pods',
    })
  }
  if (own.length > limits.annotations) {
    return exceeded('annotations', own.length, limits, {
      field,
      unit: `annotations below ${annotationPrefix}`,
      remedy: 'remove those that no model needs',
    })
  }
  const pairs = countPairs(pod, sources, config)
  if (pairs <= limits.modelContainerPairs) return undefined
  return exceeded('modelContainerPairs', pairs, limits, {
    field,
    unit: 'pairs of model and container',
    remedy: `name the containers that need a model in ${annotationKey(annotationPrefix, 'containers')}[.NAME]`,
  })
}

/** Before containers are looked up: what is named counts, known or not. */
function countPairs(pod: Pod, sources: readonly OwnAnnotation[], config: Config): number {
  const apps = appContainers(pod, config.sidecars).length
  return sources.reduce((pairs, { suffix }) => {
    const named = annotationsOf(pod)[annotationKey(config.annotationPrefix, 'containers', suffix)]
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
