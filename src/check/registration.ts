/** Facts about webhook configurations, ours and others. */
import type { MutatingWebhook, MutatingWebhookConfiguration, WebhookRule } from '../cluster/objects.ts'

/** The same name for every release, because the name decides the order of webhooks. */
export const registrationName = 'model-injector'

export function selectsPodCreation({ rules = [] }: Pick<MutatingWebhook, 'rules'>): boolean {
  return rules.some(
    ({ apiGroups = [], resources = [], operations = [] }) =>
      includesAny(apiGroups, ['', '*']) &&
      includesAny(resources, ['pods', '*', '*/*']) &&
      includesAny(operations, ['CREATE', '*']),
  )
}

/** Operations on pods other than CREATE: match conditions fail on DELETE, and so refuse it. */
export function otherOperations(rules: readonly WebhookRule[] = []): readonly string[] {
  return [...new Set(rules.flatMap(({ operations = [] }) => operations))].filter((operation) => operation !== 'CREATE')
}

/** The API server calls webhooks in the order of their names. */
export function inRunOrder(
  registrations: readonly MutatingWebhookConfiguration[],
): readonly MutatingWebhookConfiguration[] {
  return registrations
    .filter(({ webhooks = [] }) => webhooks.some(selectsPodCreation))
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

/** True for the identity webhook of EKS, also if installed by hand under another name. */
export function isIdentityWebhook({ metadata, webhooks = [] }: MutatingWebhookConfiguration): boolean {
  return [metadata.name, ...webhooks.map(({ name }) => name)].some((name) =>
    /pod-identity-webhook|iam-for-pods\.amazonaws\.com/.test(name),
  )
}

const meshNames = /^(?:istio-|linkerd-|consul-connect|consul-|kuma-|osm-)/

export function isMesh({ metadata }: MutatingWebhookConfiguration): boolean {
  return meshNames.test(metadata.name)
}

export interface CertificateSource {
  readonly namespace: string
  readonly name: string
}

/** The Certificate from which cert-manager's cainjector takes the CA bundle. */
export function certificateSourceOf({
  metadata: { annotations = {} },
}: MutatingWebhookConfiguration): CertificateSource | undefined {
  const [namespace, name] = annotations['cert-manager.io/inject-ca-from']?.split('/') ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** The name that the API server connects to: `model-injector.apps.svc`, or the host of a URL. */
export function serverNameOf({ clientConfig: { service, url } }: MutatingWebhook): string {
  return service === undefined
    ? new URL(url ?? 'https://unknown').hostname.replace(/^\[|\]$/g, '')
    : `${service.name}.${service.namespace}.svc`
}

function includesAny(list: readonly string[], words: readonly string[]): boolean {
  return list.some((item) => words.includes(item))
}
