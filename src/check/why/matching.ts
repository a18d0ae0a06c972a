/** Explains why the API server sends the pod to the webhook or not: selectors and match conditions. */
import { matchConditions, type MatchCondition } from '../../match-conditions.ts'
import { printable, quote } from '../../values/print/printable.ts'
import type { MutatingWebhook } from '../../cluster/objects.ts'
import { failedRequirements, keysOf, selects, type Labels } from '../../cluster/label-selector.ts'
import type { Lookup } from '../../diagnosis/lookup.ts'
import { registrationName, selectsPodCreation } from '../registration.ts'
import { isSameExpression } from '../topics/registration.ts'
import { notEvaluated, passes, stops, type Step } from './step.ts'
import type { ExplainedPod, Surroundings } from './explained-pod.ts'

export function explainMatching(
  explained: ExplainedPod,
  { registration, webhook, namespaceLabels, config }: Surroundings,
): readonly Step[] {
  const { annotationPrefix } = config
  if (registration.state === 'absent') {
    return [
      stops(
        'registration',
        `there is no MutatingWebhookConfiguration ${registrationName}: nothing is injected in this cluster`,
      ),
    ]
  }
  if (webhook.state !== 'found') {
    const why = webhook.state === 'unknown' ? webhook.why : 'the webhook configuration has no webhook in it'
    return [
      notEvaluated('registration', why),
      notEvaluated('namespace-selector', why),
      notEvaluated('object-selector', why),
      explainOwnConditions(explained, annotationPrefix),
    ]
  }
  return [
    explainRules(webhook.value),
    explainNamespace(explained.namespace, webhook.value, namespaceLabels),
    explainObjectSelector(webhook.value, labelsOf(explained.pod)),
    explainConditions(explained, webhook.value, annotationPrefix),
  ]
}

function explainRules(webhook: MutatingWebhook): Step {
  return selectsPodCreation(webhook)
    ? passes(
        'registration',
        `the webhook is called when pods are created (failurePolicy ${webhook.failurePolicy ?? 'Fail'})`,
      )
    : stops('registration', 'the webhook is not called when pods are created')
}

function explainNamespace(namespace: string, { namespaceSelector }: MutatingWebhook, labels: Lookup<Labels>): Step {
  const known: Labels = { ...(labels.state === 'found' ? labels.value : {}), 'kubernetes.io/metadata.name': namespace }
  const failed = failedRequirements(namespaceSelector, known)
  const isUncertain =
    labels.state !== 'found' && keysOf(namespaceSelector).some((key) => key !== 'kubernetes.io/metadata.name')
  if (failed.length === 0 && !isUncertain) {
    return passes('namespace-selector', `the namespace ${printable(namespace)} is selected`)
  }
  if (isUncertain) {
    return notEvaluated(
      'namespace-selector',
      `the labels of the namespace ${printable(namespace)} are not known: ${labels.state === 'unknown' ? labels.why : 'it is not there'}`,
    )
  }
  return stops(
    'namespace-selector',
    `the namespace ${printable(namespace)} is left out`,
    failed.map((requirement) => `not met: ${requirement}`),
  )
}

function explainObjectSelector({ objectSelector }: MutatingWebhook, labels: Labels): Step {
  if (keysOf(objectSelector).length === 0) return passes('object-selector', 'there is none')
  if (selects(objectSelector, labels)) return passes('object-selector', 'the labels of the pod are selected')
  return stops(
    'object-selector',
    'the labels of the pod are not selected',
    failedRequirements(objectSelector, labels).map((requirement) => `not met: ${requirement}`),
  )
}

/** Only the API server can evaluate CEL; the meaning of our own conditions is known. */
function explainConditions(
  { pod }: ExplainedPod,
  { matchConditions: there = [] }: MutatingWebhook,
  prefix: string,
): Step {
  if (there.length === 0) {
    return passes(
      'match-conditions',
      'there are none, so that every pod is shown to the webhook: model-injector check says more',
    )
  }
  const ours = matchConditions(prefix)
  const judged = there.map(({ name, expression }) => ({
    name,
    expression,
    own: ours.find((own) => own.name === name && isSameExpression(own.expression, expression)),
  }))
  const failed = judged.find(({ own }) => own?.holds(asMatchable(pod)) === false)
  const details = judged.map(({ name, expression, own }) => describeCondition(name, expression, own, pod))
  if (failed !== undefined) return stops('match-conditions', reasonOf(failed.name, prefix), details)
  const foreign = judged.filter(({ own }) => own === undefined)
  if (foreign.length > 0) {
    return notEvaluated(
      'match-conditions',
      `${foreign.map(({ name }) => name).join(', ')}: CEL of others is not evaluated here; --server asks the API server`,
      details,
    )
  }
  return passes('match-conditions', holding(judged))
}

function explainOwnConditions({ pod }: ExplainedPod, prefix: string): Step {
  const ours = matchConditions(prefix)
  const failed = ours.find(({ holds }) => !holds(asMatchable(pod)))
  const details = ours.map((own) => describeCondition(own.name, own.expression, own, pod))
  if (failed !== undefined) return stops('match-conditions', reasonOf(failed.name, prefix), details)
  return passes('match-conditions', `${holding(ours)} (those of the chart; no cluster was asked for its own)`)
}

function holding(conditions: readonly { readonly name: string }[]): string {
  return conditions.map(({ name }) => name).join(', ')
}

function describeCondition(name: string, expression: string, own: MatchCondition | undefined, pod: unknown): string {
  if (own === undefined) return `${name}: not evaluated: ${printable(expression.replace(/\s+/g, ' ').trim())}`
  return `${name}: ${own.holds(asMatchable(pod)) ? 'holds' : 'does not hold'}`
}

function reasonOf(name: string, prefix: string): string {
  const reasons: Readonly<Record<string, string>> = {
    annotated: `the pod has no annotation that begins with ${prefix}`,
    'not-opted-out': `the pod says ${prefix}inject: "false"`,
    'not-a-mirror-pod': 'the pod mirrors a static pod of a node, which the API server cannot change',
  }
  return reasons[name] ?? `${quote(name)} does not hold`
}

function asMatchable(pod: unknown): Parameters<MatchCondition['holds']>[0] {
  const annotations = metadataOf(pod).annotations
  return typeof annotations === 'object' && annotations !== null
    ? { metadata: { annotations: annotations as Record<string, string> } }
    : {}
}

function labelsOf(pod: unknown): Labels {
  const { labels } = metadataOf(pod)
  return typeof labels === 'object' && labels !== null ? (labels as Labels) : {}
}

function metadataOf(pod: unknown): Readonly<Record<string, unknown>> {
  const metadata = typeof pod === 'object' && pod !== null ? (pod as Record<string, unknown>).metadata : undefined
  return typeof metadata === 'object' && metadata !== null ? (metadata as Record<string, unknown>) : {}
}
