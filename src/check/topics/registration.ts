/** Checks the MutatingWebhookConfiguration: which pods the API server sends, and what happens without an answer. */
import type { MutatingWebhook } from '../../cluster/objects.ts'
import { matchConditions } from '../../match-conditions.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { selects } from '../../cluster/label-selector.ts'
import { otherOperations, registrationName, selectsPodCreation } from '../registration.ts'
import type { Survey } from '../survey.ts'
import { isInForce } from './policies.ts'

/** Without a registration nothing else is known about the webhook, so this is the only finding. */
export function checkRegistration(survey: Survey): readonly Finding[] {
  const { registration, webhook } = survey
  if (registration.state === 'unknown') return [unchecked('registered', registration.why)]
  if (registration.state === 'absent') {
    return [error('registered', `there is no MutatingWebhookConfiguration ${registrationName}`)]
  }
  if (webhook.state !== 'found') {
    return [error('registered', `the MutatingWebhookConfiguration ${registrationName} has no webhook in it`)]
  }
  return [
    checkRules(webhook.value),
    checkMatchConditions(webhook.value, survey.prefix),
    checkFailurePolicy(webhook.value, survey),
    checkNamespaceSelector(webhook.value, survey),
    checkReinvocation(webhook.value),
    checkTimeout(webhook.value),
  ]
}

function checkRules(webhook: MutatingWebhook): Finding {
  if (!selectsPodCreation(webhook)) return error('registered', 'the webhook is not called for the creation of pods')
  const others = otherOperations(webhook.rules)
  if (others.length === 0) return ok('registered', `pods are shown to ${placeOf(webhook)} when they are created`)
  return error(
    'registered',
    `the webhook is also called for ${others.join(', ')}, for which the match conditions fail, and so refuse it`,
    'let the rules name CREATE of pods alone',
  )
}

function placeOf({ clientConfig: { service, url } }: MutatingWebhook): string {
  return service === undefined
    ? (url ?? '')
    : `${service.namespace}/${service.name}:${service.port ?? 443}${service.path ?? ''}`
}

function checkMatchConditions({ matchConditions: there = [] }: MutatingWebhook, prefix: string): Finding {
  if (there.length === 0) return error('match-conditions', 'there are none: the webhook is called for every pod')
  const ours = matchConditions(prefix)
  const wrong = ours.filter(
    ({ name, expression }) =>
      !there.some((other) => other.name === name && isSameExpression(other.expression, expression)),
  )
  const foreign = there.filter(({ name }) => !ours.some((condition) => condition.name === name)).map(({ name }) => name)
  if (wrong.length === 0) {
    return ok(
      'match-conditions',
      `${ours.map(({ name }) => name).join(', ')}${foreign.length === 0 ? '' : `; and those of the operator: ${foreign.join(', ')}`}`,
    )
  }
  const details = wrong.map(({ name, expression }) => {
    const other = there.find((condition) => condition.name === name)
    return other === undefined
      ? `${name} is not there`
      : `${name} is ${oneLine(other.expression)}, and should be ${oneLine(expression)}`
  })
  // Without the first condition the webhook gets pods of others, or none of ours; the others only save calls.
  return wrong.some(({ name }) => name === 'annotated')
    ? error('match-conditions', details.join('; '))
    : warning('match-conditions', details.join('; '))
}

export function isSameExpression(a: string, b: string): boolean {
  return oneLine(a) === oneLine(b)
}

/** YAML folds long expressions. */
function oneLine(expression: string): string {
  return expression.replace(/\s+/g, ' ').trim()
}

function checkFailurePolicy({ failurePolicy = 'Fail' }: MutatingWebhook, survey: Survey): Finding {
  if (failurePolicy === 'Fail') {
    return ok('failure-policy', 'Fail: an annotated pod is refused while the webhook is away')
  }
  if (survey.policies.state === 'unknown') {
    return unchecked('failure-policy', `Ignore, and it is not known if the guard is installed: ${survey.policies.why}`)
  }
  if (isInForce(survey, 'model-injector-guard')) {
    return ok('failure-policy', 'Ignore, with the guard: an annotated pod that was not injected is refused')
  }
  return warning(
    'failure-policy',
    'Ignore without the guard: while the webhook is away, annotated pods start without their models',
  )
}

function checkNamespaceSelector(
  { namespaceSelector, failurePolicy }: MutatingWebhook,
  { protectedNamespaces }: Survey,
): Finding {
  const selected = Object.entries(protectedNamespaces)
    .filter(([, labels]) => selects(namespaceSelector, labels))
    .map(([name]) => name)
  const names = Object.keys(protectedNamespaces).join(' and ')
  if (selected.length === 0) {
    return ok(
      'namespace-selector',
      `${names} ${Object.keys(protectedNamespaces).length === 1 ? 'is' : 'are'} left alone`,
    )
  }
  const what = `pods in ${selected.join(' and ')} are shown to the webhook`
  return failurePolicy === 'Ignore' ? warning('namespace-selector', what) : error('namespace-selector', what)
}

function checkReinvocation({ reinvocationPolicy = 'Never' }: MutatingWebhook): Finding {
  return reinvocationPolicy === 'IfNeeded'
    ? ok('reinvocation', 'IfNeeded')
    : warning('reinvocation', reinvocationPolicy)
}

const longestTimeoutSeconds = 10

function checkTimeout({ timeoutSeconds = 10 }: MutatingWebhook): Finding {
  return timeoutSeconds <= longestTimeoutSeconds
    ? ok('timeout', `${timeoutSeconds} s`)
    : warning('timeout', `${timeoutSeconds} s`)
}
