/**
 * The core: a pod and the operator's configuration in, an outcome out. Pure: no file, clock, environment, logger or
 * network, and nothing that waits. The webhook and the command line are two front ends of this one function.
 */
import type { Config } from '../config/config.ts'
import { statusAnnotation } from '../annotations.ts'
import type { DenyReason, Diagnostic, InjectReason, Omitted, SkipReason, Warning } from '../reasons.ts'
import { annotatedPod, type AnnotatedPod } from './annotated-pod.ts'
import { apply } from './apply.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import { sealStatus } from './ownership/digest.ts'
import { Findings, shortened } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { fitToMesh } from './mesh/mesh-fit.ts'
import { diff } from './patch.ts'
import type { Operation } from 'fast-json-patch'
import { type Pod, annotationsOf } from '../pod/pod.ts'
import { readPod } from '../pod/read-pod.ts'
import { exceededPlan, exceededResult } from './bounds.ts'
import { exceededRequest } from '../request/bounds.ts'
import { plan } from './plan.ts'
import { detectInjection, type Detection } from './ownership/detect-injection.ts'
import { readRequest } from '../request/read-request.ts'
import type { InjectionRequest } from '../request/model-request.ts'
import { hasStatus } from './read-status.ts'
import type { Status } from './status.ts'
import { comparePod } from './ownership/compare-pod.ts'
import type { PartChange } from './ownership/loader-change.ts'
import { uninject } from './ownership/uninject.ts'
import { planAgain } from './second-pass.ts'
import { printable } from '../values/print/printable.ts'

export type Outcome = Skipped | Injected | Denied

interface Skipped {
  readonly outcome: 'skipped'
  readonly reason: SkipReason
  readonly warnings: readonly Warning[]
}

export interface Injected {
  readonly outcome: 'injected'
  readonly reason: InjectReason
  readonly pod: Pod
  readonly patch: readonly Operation[]
  readonly warnings: readonly Warning[]
  readonly models: readonly { readonly name: string; readonly source: string; readonly delivery: string }[]
  /** Names of the policy rules that allowed it. */
  readonly rules: readonly string[]
}

export interface Denied {
  readonly outcome: 'denied'
  /** The reason of the first diagnostic. */
  readonly reason: DenyReason
  readonly diagnostics: readonly [Diagnostic, ...Diagnostic[]]
  /** The number of further denials by reason, after the limit of diagnostics. */
  readonly omitted?: Omitted
  readonly warnings: readonly Warning[]
  /** Names of the policy rules about the pod's namespace that all refused a model of it. */
  readonly rules: readonly string[]
}

/** `namespace` is that of the request: a pod has none of its own yet when it is created. Never changes `object`. */
export function inject(object: unknown, namespace: string, config: Config): Outcome {
  const prefix = config.annotationPrefix
  const skipReason = skipReasonOf(object, prefix)
  if (skipReason !== undefined) return { outcome: 'skipped', reason: skipReason, warnings: [] }
  const read = readPod(object)
  if (!read.ok) return deniedForAll(read.diagnostics, read.omitted)
  const exceeded = exceededRequest(read.pod, config)
  if (exceeded !== undefined) return deniedFor(exceeded)
  const annotated = annotatedPod(read.pod, prefix)
  const detection = detectInjection(annotated)
  const context = { namespace, config }
  return detection.state === 'injected'
    ? injectAgain(annotated, detection.status, context)
    : injectPod(annotated, detection, context)
}

/** The operator's policy is asked again: a pod that brings its parts was perhaps never seen by it. */
function injectAgain(annotated: AnnotatedPod, status: Status, { namespace, config }: Context): Outcome {
  const { pod, prefix } = annotated
  const findings = new Findings()
  const {
    request,
    bare,
    plan: again,
  } = planAgain(annotated, status, { namespace, config, findings, keepResources: true })
  if (findings.denied) return denied(findings, findings.misread ? [] : again.refusedBy)
  const { restored, changes } = comparePod({ pod, bare, plan: again, status, config })
  const fitted = fitToMesh(restored, again.status)
  if (fitted === pod) return { outcome: 'skipped', reason: 'AlreadyInjected', warnings: policyWarnings(findings) }
  const exceeded = exceededPlan(bare, again, config)
  if (exceeded !== undefined) return deniedFor(exceeded)
  const isMoved = restored === pod
  return bounded(
    pod,
    {
      reason: isMoved ? 'MovedForMesh' : 'Healed',
      pod: isMoved ? fitted : sealStatus(fitted, again.status, prefix),
      warnings: isMoved ? policyWarnings(findings) : [...changes.flatMap(describeChange), ...findings.warnings],
      models: modelsOf(request),
      rules: again.rules,
    },
    config,
  )
}

/** Everything else was said in the first pass. */
function policyWarnings({ warnings }: Findings): readonly Warning[] {
  return warnings.filter(({ reason }) => reason === 'PolicyWouldDeny')
}

function describeChange({ field, class: own, expected }: PartChange): readonly Warning[] {
  if (own === 'harmless') return []
  const action = expected === undefined ? 'was taken out' : 'was put back'
  const part = printable(field.replace(/^spec\.(?:initC|c)ontainers\[([^\]]*)\]\./, '$1: '))
  return [
    own === 'steering'
      ? { reason: 'SteeringChange', field, message: `${part} ${action}` }
      : { reason: 'UnknownChange', field, message: `${part} ${action}: not known to be harmless` },
  ]
}

/** The patch is made last, and only then is it known how long it is. */
function bounded(before: Pod, result: Omit<Injected, 'outcome' | 'patch'>, config: Config): Outcome {
  const patch = diff(before, result.pod)
  const status = annotationsOf(result.pod)[config.annotationPrefix + statusAnnotation] ?? ''
  const exceeded = exceededResult(patch, status, config)
  return exceeded === undefined ? { outcome: 'injected', ...result, patch } : deniedFor(exceeded)
}

interface Context {
  readonly namespace: string
  readonly config: Config
}

function injectPod(
  annotated: AnnotatedPod,
  detection: Exclude<Detection, { state: 'injected' }>,
  { namespace, config }: Context,
): Outcome {
  const { pod, prefix, annotations, annotationsHash } = annotated
  const findings = new Findings()
  reportTraces(pod, detection, prefix, findings)
  const bare = detection.state === 'notInjected' ? pod : uninject(annotated)
  const request = readRequest(annotations, config, findings)
  checkSources(request, prefix, findings)
  findings.suppressFollowUpErrors()
  const firstPass = { keptTargets: new Map(), keptLoaders: [] }
  const injectionPlan = plan(bare, request, { namespace, config, findings, annotationsHash, ...firstPass })
  if (findings.denied) return denied(findings, findings.misread ? [] : injectionPlan.refusedBy)
  const exceeded = exceededPlan(bare, injectionPlan, config)
  if (exceeded !== undefined) return deniedFor(exceeded)
  const parts = apply(bare, injectionPlan)
  const injected = sealStatus(fitToMesh(parts, injectionPlan.status), injectionPlan.status, prefix)
  return bounded(
    pod,
    {
      reason: 'Injected',
      pod: injected,
      warnings: findings.warnings,
      models: modelsOf(request),
      rules: injectionPlan.rules,
    },
    config,
  )
}

function modelsOf({ models }: InjectionRequest): Injected['models'] {
  return models.map(({ name, source, delivery }) => ({ name, source: source.uri, delivery }))
}

function reportTraces(
  pod: Pod,
  detection: Exclude<Detection, { state: 'injected' }>,
  prefix: string,
  findings: Findings,
): void {
  const status = (): string => annotationField(prefix + statusAnnotation)
  if (detection.state === 'stale') {
    findings.warn('StatusOutdated', 'the pod carried parts for other annotations; they were replaced', status())
  }
  if (detection.state === 'notInjected' && hasStatus(pod, prefix)) {
    findings.warn(
      'StatusWithoutParts',
      `${prefix}status describes parts the pod does not have; it was ignored`,
      status(),
    )
  }
  for (const field of detection.foreign) {
    findings.deny({
      reason: 'NameTaken',
      field,
      problem: 'is a name that model-injector uses for its own parts',
      remedy: 'rename it',
    })
  }
}

function checkSources(request: InjectionRequest, prefix: string, findings: Findings): void {
  if (request.models.length > 0 || findings.denied) return
  findings.deny({
    reason: 'MissingSource',
    field: annotationField(annotationKey(prefix, 'source')),
    problem: 'is missing, so there is nothing to inject',
    remedy: `add it, or set ${annotationKey(prefix, 'inject')} to "false"`,
  })
}

function denied({ diagnostics, warnings, omitted }: Findings, rules: readonly string[]): Denied {
  const [first, ...rest] = diagnostics
  if (first === undefined) throw new Error('a denial without a diagnostic')
  return {
    outcome: 'denied',
    reason: first.reason,
    diagnostics: [first, ...rest],
    ...(Object.keys(omitted).length > 0 && { omitted }),
    warnings,
    rules,
  }
}

/** A denial after which the rest of the pod is not checked. */
function deniedFor(diagnostic: Diagnostic): Denied {
  return deniedForAll([diagnostic], {})
}

function deniedForAll([first, ...rest]: Denied['diagnostics'], omitted: Omitted): Denied {
  return {
    outcome: 'denied',
    reason: first.reason,
    diagnostics: [shortened(first), ...rest.map(shortened)],
    ...(Object.keys(omitted).length > 0 && { omitted }),
    warnings: [],
    rules: [],
  }
}
