/** Checks the MutatingWebhookConfiguration: which pods the API server sends, and what happens without an answer. */
import type { MutatingWebhook } from '../../cluster/objects.ts'
import { matchConditions } from '../../match-conditions.ts'
import { servedPath } from '../../config/webhook-address.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { releaseOf, restoreRelease } from '../../diagnosis/helm-commands.ts'
import { patchPath } from '../../diagnosis/kubectl-commands.ts'
import { writeAgain } from '../../diagnosis/installation-checks.ts'
import { valueOf, whyNot } from '../../diagnosis/lookup.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { failedRequirements, keysOf, selects } from '../../cluster/label-selector.ts'
import { otherOperations, registrationName, selectsPodCreation } from '../registration.ts'
import { restoredBy } from '../restore.ts'
import type { Survey } from '../survey.ts'
import { isInForce } from './policies.ts'

/** Without a registration nothing else is known about the webhook, so this is the only finding. */
export function checkRegistration(survey: Survey): readonly Finding[] {
  const { registration, webhook } = survey
  if (registration.state === 'unknown') return [unchecked('registered', registration.why)]
  if (registration.state === 'absent') return [checkStranded(survey)]
  if (webhook.state !== 'found') {
    return [error('registered', `the MutatingWebhookConfiguration ${registrationName} has no webhook in it`)]
  }
  return [
    checkRules(webhook.value, survey),
    checkPath(webhook.value, survey),
    ...checkMatchConditions(webhook.value, survey),
    checkObjectSelector(webhook.value),
    checkFailurePolicy(webhook.value, survey),
    ...checkNamespaceSelector(webhook.value, survey),
    checkReinvocation(webhook.value, survey),
    checkTimeout(webhook.value),
  ]
}

/** An installation that lost its webhook configuration is not one that is yet to come. */
function checkStranded({ strandedDeployments }: Survey): Finding {
  const what = `there is no MutatingWebhookConfiguration ${registrationName}`
  const [stranded] = valueOf(strandedDeployments) ?? []
  if (stranded === undefined) return error('registered', what)
  const { name, namespace = '' } = stranded.metadata
  const finding = error('registered', `${what}, although its Deployment ${namespace}/${name} is there`, writeAgain)
  const release = releaseOf(stranded)
  return release === undefined ? finding : withCommands(finding, restoreRelease(release))
}

function checkRules(webhook: MutatingWebhook, survey: Survey): Finding {
  if (!selectsPodCreation(webhook)) {
    return restoredBy(error('registered', 'the webhook is not called for the creation of pods', writeAgain), survey)
  }
  const others = otherOperations(webhook.rules)
  if (others.length === 0) return ok('registered', `pods are shown to ${placeOf(webhook)} when they are created`)
  const finding = error(
    'registered',
    `the webhook is also called for ${others.join(', ')}, for which the match conditions fail, and so refuse it`,
    `let the rules name CREATE of pods alone: ${writeAgain}`,
  )
  return restoredBy(finding, survey)
}

function placeOf({ clientConfig: { service, url } }: MutatingWebhook): string {
  return service === undefined
    ? (url ?? '')
    : `${service.namespace}/${service.name}:${service.port ?? 443}${service.path ?? ''}`
}

function checkPath({ clientConfig: { service, url } }: MutatingWebhook, survey: Survey): Finding {
  const path = service === undefined ? new URL(url ?? 'https://unknown').pathname : (service.path ?? '/')
  if (path === servedPath) return ok('webhook-path', path)
  return restoredBy(error('webhook-path', `the path is ${path}, and the webhook serves ${servedPath} alone`), survey)
}

/** Selectors of labels that a pod need not have; those that keep marked pods away are somebody's choice. */
function checkObjectSelector({ objectSelector }: MutatingWebhook): Finding {
  if (keysOf(objectSelector).length === 0) return ok('object-selector', 'there is none')
  const missing = failedRequirements(objectSelector, {})
  if (missing.length === 0) {
    return ok(
      'object-selector',
      `it selects pods without labels; others may be kept away: ${JSON.stringify(objectSelector)}`,
    )
  }
  const finding = error(
    'object-selector',
    `annotated pods are kept away unless their labels meet ${missing.join(', ')}`,
  )
  const operation = { op: 'replace', path: '/webhooks/0/objectSelector', value: {} }
  return withCommands(finding, patchPath(configuration, [operation]))
}

const configuration = { kind: 'mutatingwebhookconfiguration', name: registrationName }

function checkMatchConditions(webhook: MutatingWebhook, survey: Survey): readonly Finding[] {
  const { matchConditions: there = [] } = webhook
  if (there.length === 0) {
    return [restoredBy(error('match-conditions', 'there are none: the webhook is called for every pod'), survey)]
  }
  const never = there.findIndex(({ expression }) => expression.trim() === 'false')
  if (never >= 0) return [neverMatching(there[never]?.name ?? '', never)]
  return [compareConditions(there, survey)]
}

function neverMatching(name: string, index: number): Finding {
  const finding = error('match-conditions', `${name} is false: no pod is shown to the webhook`, `take ${name} away`)
  return withCommands(
    finding,
    patchPath(configuration, [{ op: 'remove', path: `/webhooks/0/matchConditions/${index}` }]),
  )
}

function compareConditions(there: NonNullable<MutatingWebhook['matchConditions']>, survey: Survey): Finding {
  const ours = matchConditions(survey.prefix)
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
  const judge = wrong.some(({ name }) => name === 'annotated') ? error : warning
  return restoredBy(judge('match-conditions', details.join('; ')), survey)
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

function checkNamespaceSelector(webhook: MutatingWebhook, survey: Survey): readonly Finding[] {
  const { namespaceSelector, failurePolicy } = webhook
  const { protectedNamespaces } = survey
  const selected = Object.entries(protectedNamespaces)
    .filter(([, labels]) => selects(namespaceSelector, labels))
    .map(([name]) => name)
  if (selected.length > 0) {
    const judge = failurePolicy === 'Ignore' ? warning : error
    return [
      restoredBy(judge('namespace-selector', `pods in ${selected.join(' and ')} are shown to the webhook`), survey),
    ]
  }
  return [checkSomeNamespace(webhook, survey)]
}

function checkSomeNamespace({ namespaceSelector, clientConfig }: MutatingWebhook, survey: Survey): Finding {
  const own = clientConfig.service?.namespace
  const { namespaces, protectedNamespaces } = survey
  const names = Object.keys(protectedNamespaces).join(' and ')
  const left = `${names} ${Object.keys(protectedNamespaces).length === 1 ? 'is' : 'are'} left alone`
  if (namespaces.state !== 'found') {
    return unchecked('namespace-selector', `${left}, and it is not known if others are selected: ${whyNot(namespaces)}`)
  }
  if (own === 'default') {
    return warning(
      'namespace-selector',
      'the webhook is in the namespace default, whose annotated pods start without a model',
      'install it into a namespace of its own (helm install -n model-injector --create-namespace)',
    )
  }
  const all = namespaces.value.length
  const selected = namespaces.value.filter(({ metadata: { labels = {} } }) => selects(namespaceSelector, labels)).length
  if (selected > 0) return ok('namespace-selector', `${left}; ${selected} of ${all} namespaces are selected`)
  const finding = error(
    'namespace-selector',
    `none of the ${all} namespaces is selected, so no pod is injected: ${JSON.stringify(namespaceSelector ?? {})}`,
    `label the namespaces of webhook.namespaceSelector of the chart; if somebody else changed the selector: ${writeAgain}`,
  )
  return restoredBy(finding, survey)
}

function checkReinvocation({ reinvocationPolicy = 'Never' }: MutatingWebhook, survey: Survey): Finding {
  return reinvocationPolicy === 'IfNeeded'
    ? ok('reinvocation', 'IfNeeded')
    : restoredBy(warning('reinvocation', reinvocationPolicy), survey)
}

const longestTimeoutSeconds = 10

function checkTimeout({ timeoutSeconds = 10 }: MutatingWebhook): Finding {
  return timeoutSeconds <= longestTimeoutSeconds
    ? ok('timeout', `${timeoutSeconds} s`)
    : warning('timeout', `${timeoutSeconds} s`)
}
