/** Facts of a pod that judgements need: the parts it carries, the recorded status, and the plan of today's configuration. */
import { injectedLabel } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import type { Diagnostic, Omitted, SkipReason } from '../reasons.ts'
import { exceededRequest } from '../request/bounds.ts'
import { Findings } from '../request/findings.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import { apply } from '../inject/apply.ts'
import { inject } from '../inject/inject.ts'
import { annotatedPod, type AnnotatedPod } from '../inject/annotated-pod.ts'
import type { OwnAnnotation } from '../request/keys.ts'
import { comparePod } from '../inject/ownership/compare-pod.ts'
import type { PartChange } from '../inject/ownership/loader-change.ts'
import { ownedFields, type OwnedFields } from '../inject/ownership/owned-fields.ts'
import type { Pod } from '../pod/pod.ts'
import { detectInjection, type Detection } from '../inject/ownership/detect-injection.ts'
import { planAgain } from '../inject/second-pass.ts'
import { hasStatus, readStatus } from '../inject/read-status.ts'
import type { Status } from '../inject/status.ts'
import { uninject } from '../inject/ownership/uninject.ts'

export interface PodFacts {
  readonly pod: Pod
  /** The annotations that users wrote for the injector, sorted by key. */
  readonly annotations: readonly OwnAnnotation[]
  readonly annotationsHash: string
  readonly namespace: string
  readonly config: Config
  /** The reason for which the webhook would leave the pod alone. */
  readonly skipReason: SkipReason | undefined
  readonly detection: Detection
  /** The recorded status: evidence, not proof. */
  readonly status: Status | undefined
  /** The webhook's outcome for the pod without its injected parts. */
  readonly today: TodaysOutcome
  /** The fields that we own, as they are; undefined where no status says which those are. */
  readonly found: OwnedFields | undefined
}

interface TodaysOutcome {
  readonly diagnostics: readonly Diagnostic[]
  readonly omitted?: Omitted
  /** Names of the policy rules that allow it. */
  readonly rules: readonly string[]
  /** Undefined where nothing would be added. */
  readonly planned: PlannedParts | undefined
  /** Differences of the pod from the plan; undefined for one that was not made from its annotations. */
  readonly changes: readonly PartChange[] | undefined
}

/** `pod` has the parts. */
interface PlannedParts extends PlacedModels {
  readonly fields: OwnedFields
}

interface PlacedModels {
  readonly pod: Pod
  readonly status: Status
}

/** Undefined for a pod that neither asks for a model nor says or shows that it has one. */
export function collectFacts(pod: Pod, namespace: string, config: Config): PodFacts | undefined {
  const prefix = config.annotationPrefix
  const skipReason = skipReasonOf(pod, prefix)
  const annotated = annotatedPod(pod, prefix)
  const { annotations, annotationsHash, status } = annotated
  const detection = detectInjection(annotated)
  if (
    !asksForModel(annotations, skipReason) &&
    detection.state === 'notInjected' &&
    !hasStatus(pod, prefix) &&
    !hasLabel(pod, prefix)
  ) {
    return undefined
  }
  const today =
    detection.state === 'injected' && skipReason === undefined
      ? compareWithPlan(annotated, detection.status, namespace, config)
      : injectAnew(annotated, detection, namespace, config)
  return {
    pod,
    annotations,
    annotationsHash,
    namespace,
    config,
    skipReason,
    detection,
    status,
    today,
    found: foundFields(pod, detection, status ?? today.planned?.status),
  }
}

function compareWithPlan(annotated: AnnotatedPod, status: Status, namespace: string, config: Config): TodaysOutcome {
  const { pod } = annotated
  const exceeded = exceededRequest(pod, config)
  if (exceeded !== undefined) return deniedToday([exceeded])
  const findings = new Findings()
  const { bare, plan } = planAgain(annotated, status, { namespace, config, findings, keepResources: false })
  if (findings.denied) return deniedToday(findings.diagnostics, findings.omitted)
  return {
    diagnostics: [],
    rules: plan.rules,
    planned: plannedParts(apply(bare, plan), plan.status, status),
    changes: comparePod({ pod, bare, plan, status, config }).changes,
  }
}

function deniedToday(diagnostics: readonly Diagnostic[], omitted: Omitted = {}): TodaysOutcome {
  return { diagnostics, omitted, rules: [], planned: undefined, changes: undefined }
}

function injectAnew(annotated: AnnotatedPod, detection: Detection, namespace: string, config: Config): TodaysOutcome {
  const bare = detection.state === 'notInjected' ? annotated.pod : uninject(annotated)
  const outcome = inject(bare, namespace, config)
  if (outcome.outcome !== 'injected') {
    return outcome.outcome === 'denied' ? deniedToday(outcome.diagnostics, outcome.omitted) : deniedToday([])
  }
  const planned = readStatus(outcome.pod, config.annotationPrefix)
  return {
    diagnostics: [],
    rules: outcome.rules,
    planned: planned && plannedParts(outcome.pod, planned, annotated.status),
    changes: undefined,
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
function plannedParts(pod: Pod, status: Status, recorded: Status | undefined): PlannedParts {
  const present = new Set(pod.spec.volumes?.map(({ name }) => name))
  const kept = (recorded?.added.volumes ?? []).filter((name) => present.has(name))
  const volumes = [...new Set([...status.added.volumes, ...kept])]
  return { pod, status, fields: ownedFields(pod, { ...status, added: { ...status.added, volumes } }) }
}

export function hasLabel(pod: Pod, prefix: string): boolean {
  return pod.metadata?.labels?.[prefix + injectedLabel] !== undefined
}

/** A pod as it is, or as it would be created, with the status that describes its models; undefined without models. */
export function podWithModels({ pod, status, detection, today: { planned } }: PodFacts): PlacedModels | undefined {
  if (detection.state !== 'notInjected') return status && { pod, status }
  return isCreated(pod) ? undefined : planned
}

/** The mirror of a static pod may ask, and cannot be given anything. */
function asksForModel(annotations: readonly OwnAnnotation[], skipReason: SkipReason | undefined): boolean {
  return skipReason === undefined || (skipReason === 'MirrorPod' && annotations.length > 0)
}

/** A pod from a file may not have been created yet. */
export function isCreated({ metadata }: Pod): boolean {
  return typeof metadata?.uid === 'string'
}
