/** Follows a pod through admission step by step, and reports the step that decides. */
import type { ClusterPod } from '../../cluster/objects.ts'
import { annotationKey } from '../../request/keys.ts'
import { inject, type Denied, type Injected, type Outcome } from '../../inject/inject.ts'
import { carriesInjection } from '../../inject/ownership/detect-injection.ts'
import type { Pod } from '../../pod/pod.ts'
import { readStatus } from '../../inject/read-status.ts'
import {
  countOmitted,
  formatDiagnostic,
  formatOmitted,
  splitOmitted,
  injectReasons,
  skipReasons,
  type Diagnostic,
} from '../../reasons.ts'
import { printable } from '../../values/print/printable.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import type { LiveObjectState } from './live/live-state.ts'
import { explainMatching } from './matching.ts'
import { fact, notEvaluated, passes, stops, type Step } from './step.ts'
import type { ExplainedPod, Surroundings } from './explained-pod.ts'

/** `not known`: the pod has no annotations yet that could be judged. */
export type InjectionVerdict = 'injected' | 'not injected' | 'denied' | 'not known'

export interface Explanation {
  readonly title: string
  readonly namespace: string
  /** True for an existing pod; otherwise the verdict is hypothetical. */
  readonly live: boolean
  /** Only for an object of the cluster: what its pods do now. */
  readonly state?: LiveObjectState
  readonly verdict: InjectionVerdict
  /** Reason of the first decisive step. */
  readonly because: string
  readonly steps: readonly Step[]
  readonly hints: readonly string[]
}

/** `asked`: the API server's own answer to a dry run, if requested. */
export function explainPod(explained: ExplainedPod, surroundings: Surroundings, asked: Step | undefined): Explanation {
  const outcome = inject(explained.pod, explained.namespace, surroundings.config)
  const isThere = explained.live !== undefined && carriesInjection(explained.pod, surroundings.config.annotationPrefix)
  const evaluated = [
    ...describeLive(explained.live, surroundings),
    ...explainMatching(explained, surroundings),
    ...explainCore(surroundings, outcome, explained),
  ]
  const steps = [...evaluated, ...(asked === undefined ? [] : [withoutRepetition(asked, outcome)])]
  const { title, namespace } = explained
  const conclusion = isThere
    ? { verdict: 'injected' as const, because: describeInjected(explained.pod as Pod, surroundings) }
    : conclude(steps, outcome, explained)
  return {
    title,
    namespace,
    live: explained.live !== undefined,
    ...conclusion,
    steps,
    hints: isThere ? [] : hintsFor(explained, surroundings, steps),
  }
}

/** An object that asks for a model, and whose pods are not known. */
export function explainUnknown(
  title: string,
  namespace: string,
  { isPending, description }: { readonly isPending: boolean; readonly description: string },
): Explanation {
  const because = isPending
    ? 'its annotations are not known until Argo fills them in'
    : 'it cannot be said: the pods of this object are not known'
  const steps = isPending
    ? [notEvaluated('annotations', because, [description])]
    : [stops('annotations', because, [description])]
  const verdict = isPending ? 'not known' : 'not injected'
  return { title, namespace, live: false, verdict, because, steps, hints: [] }
}

/** The API server passes on the same mistakes and warnings, which it cannot give a place in a file. */
function withoutRepetition(asked: Step, outcome: Outcome): Step {
  const mistakes = outcome.outcome === 'denied' ? outcome.diagnostics : []
  const said = [...mistakes.map(formatDiagnostic), ...outcome.warnings.map(({ message }) => `warning: ${message}`)]
  return { ...asked, details: asked.details.filter((detail) => !said.includes(detail)) }
}

function describeLive(live: ClusterPod | undefined, { registration }: Surroundings): readonly Step[] {
  if (live === undefined) return []
  const created = live.metadata.creationTimestamp ?? 'at an unknown time'
  const facts = [
    live.status?.phase ?? 'in an unknown phase',
    `created ${created}`,
    ...(live.spec.hostNetwork === true ? ['on the host network'] : []),
  ]
  const installed = valueOf(registration)?.metadata.creationTimestamp
  const isOlder = installed !== undefined && created < installed
  return [
    fact(
      'pod',
      facts.join(', '),
      isOlder ? [`older than the webhook configuration, which was created ${installed}`] : [],
    ),
  ]
}

function explainCore(
  { config, configPlace }: Surroundings,
  outcome: Outcome,
  explained: ExplainedPod,
): readonly Step[] {
  const prefix = config.annotationPrefix
  if (outcome.outcome === 'skipped') return explainSkip(outcome.reason, prefix)
  const optOut = passes('opt-out', `no ${annotationKey(prefix, 'inject')}: "false"`)
  if (outcome.outcome === 'denied') return [optOut, ...explainDenial(outcome, configPlace, explained)]
  const rules =
    outcome.rules.length === 0 ? 'no rule is needed' : `allowed by ${outcome.rules.map(printable).join(', ')}`
  return [
    optOut,
    passes('annotations', 'they can be read, and fit the pod', remarksOf(outcome, explained)),
    passes('policy', `${rules} (${configPlace})`),
    passes('outcome', `${injectReasons[outcome.reason]}: ${describeModels(outcome)}`),
  ]
}

function explainSkip(reason: keyof typeof skipReasons, prefix: string): readonly Step[] {
  if (reason === 'OptedOut') return [stops('opt-out', `${annotationKey(prefix, 'inject')} is "false"`)]
  if (reason === 'AlreadyInjected') {
    return [passes('opt-out', `no ${annotationKey(prefix, 'inject')}: "false"`), passes('outcome', skipReasons[reason])]
  }
  return [stops('outcome', `the webhook would leave it alone: ${skipReasons[reason]}`)]
}

function remarksOf({ warnings }: Outcome, { describeWarning = ({ message }) => message }: ExplainedPod): string[] {
  return warnings.map((warning) => `warning: ${describeWarning(warning)}`)
}

function explainDenial(outcome: Denied, configPlace: string, explained: ExplainedPod): readonly Step[] {
  const { diagnostics, omitted = {} } = outcome
  const more = splitOmitted(omitted)
  const { describe = formatDiagnostic } = explained
  const [refused, mistakes] = [
    diagnostics.filter(isOfPolicy),
    diagnostics.filter((diagnostic) => !isOfPolicy(diagnostic)),
  ]
  const remarks = remarksOf(outcome, explained)
  const count = mistakes.length + countOmitted(more.others)
  return [
    mistakes.length > 0
      ? stops(
          'annotations',
          `the webhook denies it: ${count === 1 ? 'a mistake' : `${count} mistakes`} in the pod or its annotations`,
          [...mistakes.map(describe), ...formatOmitted(more.others), ...remarks],
        )
      : passes('annotations', 'they can be read, and fit the pod', remarks),
    refused.length > 0
      ? stops('policy', `the operator's policy does not allow it (${configPlace})`, [
          ...refused.map(describe),
          ...formatOmitted(more.refused),
        ])
      : notEvaluated('policy', 'the annotations come first'),
  ]
}

function isOfPolicy({ reason }: Diagnostic): boolean {
  return reason === 'NotAllowed'
}

function describeModels({ models }: Injected): string {
  return models.map(({ name, source, delivery }) => `${name} <- ${printable(source)} (${delivery})`).join(', ')
}

/** Read from the status annotation, which the core has compared with the injected parts of the pod. */
function describeInjected(pod: Pod, { config }: Surroundings): string {
  const status = readStatus(pod, config.annotationPrefix)
  const models = (status?.models ?? [])
    .map(({ name, source, mountPath }) => `${name} <- ${printable(source)} at ${printable(mountPath)}`)
    .join(', ')
  const sameConfig = status?.config === config.hash ? '' : ', with another configuration than that of now'
  return `${models} (by version ${printable(status?.injector ?? 'unknown')}${sameConfig})`
}

function conclude(
  steps: readonly Step[],
  outcome: Outcome,
  { live }: ExplainedPod,
): Pick<Explanation, 'verdict' | 'because'> {
  const stop = decisive(steps)
  if (stop !== undefined) {
    const isDenial =
      live === undefined && outcome.outcome === 'denied' && (stop.id === 'annotations' || stop.id === 'policy')
    return { verdict: isDenial ? 'denied' : 'not injected', because: stop.what }
  }
  if (live !== undefined) return { verdict: 'not injected', because: 'it would be if it were created now' }
  return {
    verdict: 'injected',
    because: steps.findLast(({ id, verdict }) => verdict === 'passes' && id !== 'dry-run')?.what ?? '',
  }
}

/** The first step that stops, unless the API server's own answer shows that none did. */
function decisive(steps: readonly Step[]): Step | undefined {
  const asked = steps.find(({ id }) => id === 'dry-run')
  return asked?.verdict === 'passes' ? undefined : steps.find(({ verdict }) => verdict === 'stops')
}

/** Hints for an existing pod without its model, if nothing prevents injection now. */
function hintsFor(
  { live }: ExplainedPod,
  { registration, webhook }: Surroundings,
  steps: readonly Step[],
): readonly string[] {
  if (live === undefined || steps.some(({ verdict }) => verdict === 'stops')) return []
  const installed = valueOf(registration)?.metadata.creationTimestamp
  if (installed !== undefined && (live.metadata.creationTimestamp ?? '') < installed) {
    return ['it was created before the webhook was installed: delete it, so that its controller makes a new one']
  }
  return [
    'its annotations were written after it was created: only creation injects; delete it, so that its controller makes a new one',
    ...(valueOf(webhook)?.failurePolicy === 'Ignore'
      ? ['or the webhook did not answer when it was created, and failurePolicy is Ignore']
      : []),
    'or the webhook, or its configuration, was another then',
  ]
}
