/** Checks the webhooks that run before and after ours, and the settings of the identity webhook of EKS. */
import type { MutatingWebhookConfiguration } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { defaultCredentials } from '../configured.ts'
import { inRunOrder, isIdentityWebhook, isMesh, registrationName } from '../registration.ts'
import type { Survey } from '../survey.ts'

export function checkOrder(survey: Survey): readonly Finding[] {
  const { registrations, registration } = survey
  if (registrations.state !== 'found') {
    const why = registrations.state === 'unknown' ? registrations.why : 'there are no webhook configurations'
    return [unchecked('webhook-order', why), unchecked('identity-webhook', why)]
  }
  const identity = checkIdentityWebhook(registrations.value.find(isIdentityWebhook), survey)
  if (registration.state !== 'found') return [identity]
  return [...checkRunOrder(inRunOrder(registrations.value), survey), identity]
}

function checkRunOrder(running: readonly MutatingWebhookConfiguration[], survey: Survey): readonly Finding[] {
  const names = running.map(({ metadata }) => metadata.name)
  const own = names.indexOf(registrationName)
  const before = running.slice(0, Math.max(own, 0))
  const problems = [
    ...before
      .filter(isIdentityWebhook)
      .map(({ metadata }) =>
        error('webhook-order', `${metadata.name} runs before ${registrationName}: ${names.join(', ')}`),
      ),
    ...checkMeshes(running.slice(own + 1).filter(isMesh), survey),
    ...checkSecondInstallation(running, survey.prefix),
  ]
  return problems.length > 0
    ? problems
    : [ok('webhook-order', names.length === 1 ? 'no other webhook looks at pods' : names.join(', '))]
}

/**
 * On reinvocation the webhook moves the loader after the mesh's init container; otherwise the loader has no network.
 */
function checkMeshes(later: readonly MutatingWebhookConfiguration[], { webhook }: Survey): readonly Finding[] {
  if (later.length === 0 || valueOf(webhook)?.reinvocationPolicy === 'IfNeeded') return []
  const names = later.map(({ metadata }) => metadata.name).join(', ')
  return [
    warning(
      'webhook-order',
      `${names} runs after ${registrationName}, which is not asked again`,
      'set reinvocationPolicy: IfNeeded, as the chart does',
    ),
  ]
}

function checkSecondInstallation(running: readonly MutatingWebhookConfiguration[], prefix: string): readonly Finding[] {
  const others = running.filter(
    ({ metadata, webhooks = [] }) =>
      metadata.name !== registrationName &&
      webhooks.some(({ matchConditions = [] }) =>
        matchConditions.some(({ expression }) => expression.includes(`'${prefix}`)),
      ),
  )
  return others.map(({ metadata }) =>
    warning(
      'webhook-order',
      `${metadata.name} looks at the same annotations: a second installation`,
      `delete the one that is not used: kubectl delete mutatingwebhookconfiguration ${metadata.name}`,
    ),
  )
}

function checkIdentityWebhook(identity: MutatingWebhookConfiguration | undefined, survey: Survey): Finding {
  const needsIt = defaultCredentials(survey) === 'irsa'
  if (identity === undefined) {
    return needsIt
      ? error('identity-webhook', "there is none, but the configuration's default for credentials is irsa")
      : ok('identity-webhook', 'there is none: credentials irsa would not work here; pod-identity does not need it')
  }
  const { failurePolicy = 'Fail', reinvocationPolicy = 'Never' } = identity.webhooks?.[0] ?? {}
  const settings = `${identity.metadata.name}: failurePolicy ${failurePolicy}, reinvocationPolicy ${reinvocationPolicy}`
  if (failurePolicy !== 'Ignore' || !needsIt) return ok('identity-webhook', settings)
  return warning(
    'identity-webhook',
    `${settings}, and the configuration's default for credentials is irsa`,
    'note that a loader without a role ends with exit code 78, and its pod has to be created again',
  )
}
