/** Evaluates the operator's policy for a pod, injected or not: for tests of a policy, never for admission. */
import type { Config } from '../config/config.ts'
import type { PolicyMode } from '../config/policy.ts'
import type { Diagnostic, Omitted, SkipReason, Warning } from '../reasons.ts'
import { matchesAny } from '../values/pattern.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import { Findings } from '../request/findings.ts'
import { annotatedPod, type AnnotatedPod } from './annotated-pod.ts'
import { inject, type Denied, type Outcome } from './inject.ts'
import { finalServiceAccount } from './plan.ts'
import { readPod } from '../pod/read-pod.ts'
import { allowsModel, judgeModel, policyMode, type PolicySubject, type PolicyVerdict } from './policy.ts'
import { detectInjection } from './ownership/detect-injection.ts'
import { readRequest } from '../request/read-request.ts'
import type { ModelRequest } from '../request/model-request.ts'
import { uninject } from './ownership/uninject.ts'

export interface ModelVerdict extends PolicyVerdict {
  readonly name: string
  readonly source: string
  /** Every rule that would allow it, not the first alone. */
  readonly allowing: readonly string[]
}

export type PodVerdict =
  | { readonly state: 'skipped'; readonly reason: SkipReason }
  /** Denied by the webhook for mistakes that have nothing to do with the policy. */
  | ({
      readonly state: 'invalid'
      readonly mode: PolicyMode
      readonly diagnostics: readonly Diagnostic[]
      readonly omitted?: Omitted
    } & Remarks)
  | ({ readonly state: 'judged'; readonly mode: PolicyMode; readonly models: readonly ModelVerdict[] } & Remarks)

interface Remarks {
  readonly warnings: readonly Warning[]
}

export function evaluatePodPolicy(object: unknown, namespace: string, config: Config): PodVerdict {
  const prefix = config.annotationPrefix
  const skipReason = skipReasonOf(object, prefix)
  if (skipReason !== undefined) return { state: 'skipped', reason: skipReason }
  const mode = policyMode(config.policy, namespace)
  const read = readPod(object)
  if (!read.ok) return { state: 'invalid', mode, diagnostics: read.diagnostics, omitted: read.omitted, warnings: [] }
  const annotated = annotatedPod(read.pod, prefix)
  const pod = detectInjection(annotated).state === 'notInjected' ? read.pod : uninject(annotated)
  const outcome = inject(pod, namespace, config)
  // The verdict about a model says it.
  const warnings = outcome.warnings.filter(({ reason }) => reason !== 'PolicyWouldDeny')
  return hasMistakes(outcome)
    ? { state: 'invalid', mode, diagnostics: outcome.diagnostics, omitted: outcome.omitted ?? {}, warnings }
    : { state: 'judged', mode, models: judgeModels({ ...annotated, pod }, namespace, config), warnings }
}

function hasMistakes(outcome: Outcome): outcome is Denied {
  return outcome.outcome === 'denied' && outcome.diagnostics.some(({ reason }) => reason !== 'NotAllowed')
}

function judgeModels(
  { pod, annotations }: Pick<AnnotatedPod, 'pod' | 'annotations'>,
  namespace: string,
  config: Config,
): readonly ModelVerdict[] {
  const request = readRequest(annotations, config, new Findings())
  const subject = { namespace, serviceAccount: finalServiceAccount(pod, request), request }
  return request.models.map((model) => ({
    name: model.name,
    source: model.source.uri,
    ...judgeModel(model, subject, config.policy),
    allowing: allowingRules(model, subject, config),
  }))
}

function allowingRules(model: ModelRequest, subject: PolicySubject, { policy }: Config): readonly string[] {
  const about = policy.rules.filter((rule) => matchesAny(rule.namespaces, subject.namespace))
  return about.filter((rule) => allowsModel(rule, model, subject)).map(({ name }) => name)
}
