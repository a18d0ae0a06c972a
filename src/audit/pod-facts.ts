/** Facts of a pod that judgements need: the parts it carries, the recorded status, and the plan of today's configuration. */
import { injectedLabel } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import type { SkipReason } from '../reasons.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import { inject, type Outcome } from '../inject/inject.ts'
import { annotatedPod } from '../inject/annotated-pod.ts'
import type { OwnAnnotation } from '../request/keys.ts'
import { ownedFields, type OwnedFields } from '../inject/ownership/owned-fields.ts'
import type { Pod } from '../pod/pod.ts'
import { detectInjection, type Detection } from '../inject/ownership/detect-injection.ts'
import { hasStatus, readStatus, type Status } from '../inject/status.ts'
import { uninject } from '../inject/ownership/uninject.ts'

export interface PodFacts {
  readonly pod: Pod
  /** The annotations that users wrote for the injector, sorted by key. */
  readonly annotations: readonly OwnAnnotation[]
  readonly namespace: string
  readonly config: Config
  /** The reason for which the webhook would leave the pod alone. */
  readonly skipReason: SkipReason | undefined
  readonly detection: Detection
  /** The recorded status: evidence, not proof. */
  readonly status: Status | undefined
  /** The webhook's outcome for the pod without its injected parts. */
  readonly outcome: Outcome
  /** The fields that we own, as they are; undefined where no status says which those are. */
  readonly found: OwnedFields | undefined
  /** The same as they would be today. */
  readonly planned: PlannedParts | undefined
}

export interface PlannedParts {
  readonly fields: OwnedFields
  readonly status: Status
}

/** Undefined for a pod that neither asks for a model nor says or shows that it has one. */
export function collectFacts(pod: Pod, namespace: string, config: Config): PodFacts | undefined {
  const prefix = config.annotationPrefix
  const skipReason = skipReasonOf(pod, prefix)
  const annotated = annotatedPod(pod, prefix)
  const { annotations, status } = annotated
  const detection = detectInjection(annotated)
  if (
    !asksForModel(annotations, skipReason) &&
    detection.state === 'notInjected' &&
    !hasStatus(pod, prefix) &&
    !hasLabel(pod, prefix)
  ) {
    return undefined
  }
  const outcome = inject(detection.state === 'notInjected' ? pod : uninject(annotated), namespace, config)
  const planned = outcome.outcome === 'injected' ? plannedParts(outcome.pod, status, prefix) : undefined
  return {
    pod,
    annotations,
    namespace,
    config,
    skipReason,
    detection,
    status,
    outcome,
    planned,
    found: foundFields(pod, detection, status ?? planned?.status),
  }
}

/** In a pod without injected parts, its own mounts at our paths are not ours either. */
function foundFields(pod: Pod, { state }: Detection, status: Status | undefined): OwnedFields | undefined {
  return status === undefined || state === 'notInjected' ? undefined : ownedFields(pod, status)
}

/**
 * A token volume that the identity webhook mounts in the app's containers, too, is not taken out of the pod, and so is not
 * added again: it counts as ours where it was ours.
 */
function plannedParts(pod: Pod, recorded: Status | undefined, prefix: string): PlannedParts | undefined {
  const status = readStatus(pod, prefix)
  if (status === undefined) return undefined
  const kept = (recorded?.added.volumes ?? []).filter(
    (name) => pod.spec.volumes?.some((volume) => volume.name === name) === true,
  )
  const volumes = [...new Set([...status.added.volumes, ...kept])]
  return { status, fields: ownedFields(pod, { ...status, added: { ...status.added, volumes } }) }
}

export function hasLabel(pod: Pod, prefix: string): boolean {
  return pod.metadata?.labels?.[prefix + injectedLabel] !== undefined
}

/** The mirror of a static pod may ask, and cannot be given anything. */
function asksForModel(annotations: readonly OwnAnnotation[], skipReason: SkipReason | undefined): boolean {
  return skipReason === undefined || (skipReason === 'MirrorPod' && annotations.length > 0)
}

/** A pod from a file may not have been created yet. */
export function isCreated({ metadata }: Pod): boolean {
  return typeof metadata?.uid === 'string'
}
