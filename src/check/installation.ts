/**
 * Finds the parts of an installation by their references, not by their names: the webhook configuration names the Service,
 * which selects the pods; their Deployment mounts the ConfigMap and the Secret.
 */
import type { Cluster } from '../cluster/cluster.ts'
import { collect } from '../cluster/collect.ts'
import type {
  ClusterEvent,
  Deployment,
  EndpointSlice,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ClusterPod,
  ReplicaSet,
  Service,
} from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import { parseConfig, type ConfigResult, defaultConfigWith } from '../config/parse-config.ts'
import { selects, selectorText } from '../cluster/label-selector.ts'
import { absent, found, lookup, lookupThen, unknown, valueOf, type Lookup } from '../diagnosis/lookup.ts'
import { argumentOf, mountedFile, webhookContainer } from './mounted-file.ts'
import { registrationName } from './registration.ts'
import { statedLoaderImage } from './stated-loader-image.ts'

export interface Installation {
  readonly registration: Lookup<MutatingWebhookConfiguration>
  /** The only webhook of the registration. */
  readonly webhook: Lookup<MutatingWebhook>
  readonly service: Lookup<Service>
  readonly endpointSlices: Lookup<readonly EndpointSlice[]>
  readonly deployment: Lookup<Deployment>
  /** Those of the Deployment. */
  readonly pods: Lookup<readonly ClusterPod[]>
  /** Those of the Deployment, of its older rollouts too. */
  readonly replicaSets: Lookup<readonly ReplicaSet[]>
  /** Events of type Warning in the Deployment's namespace. */
  readonly warnings: Lookup<readonly ClusterEvent[]>
  readonly configuration: Lookup<Configuration>
  /** Certificate in the mounted Secret. */
  readonly certificate: Lookup<MountedCertificate>
}

interface MountedCertificate {
  readonly place: string
  /** PEM, followed by intermediate certificates. */
  readonly pem: string
}

export interface Configuration {
  /** `ConfigMap model-injector/settings, key config.yaml` */
  readonly place: string
  readonly result: ConfigResult
}

const noDeployment = unknown('the Deployment of the webhook was not found')

export type Registered = Pick<Installation, 'registration' | 'webhook'>

export async function findInstallation(cluster: Cluster): Promise<Installation> {
  const { registration, webhook } = await findRegistration(cluster)
  const service = await findService(cluster, webhook)
  const deployment = await findDeploymentOf(cluster, webhook, service)
  return {
    registration,
    webhook,
    service,
    deployment,
    endpointSlices: await lookupThen(service, (value) => listEndpointSlices(cluster, value)),
    pods: await lookupThen(deployment, (value) => listPods(cluster, value)),
    replicaSets: await lookupThen(deployment, (value) => listReplicaSets(cluster, value)),
    warnings: await lookupThen(deployment, (value) => listWarnings(cluster, value)),
    configuration: await findConfiguration(cluster, deployment),
    certificate: await findCertificate(cluster, deployment),
  }
}

export async function findRegistration(cluster: Cluster): Promise<Registered> {
  const registration = await lookup(() => cluster.get(resources.mutatingWebhookConfigurations, registrationName))
  return { registration, webhook: webhookOf(registration) }
}

/** Reads only the configuration, for callers that do not need the rest of the installation. */
export async function findConfigurationOf(
  cluster: Cluster,
  webhook: Lookup<MutatingWebhook>,
): Promise<Lookup<Configuration>> {
  const service = await findService(cluster, webhook)
  return findConfiguration(cluster, await findDeploymentOf(cluster, webhook, service))
}

function webhookOf(registration: Lookup<MutatingWebhookConfiguration>): Lookup<MutatingWebhook> {
  if (registration.state !== 'found') return registration
  const webhook = registration.value.webhooks?.[0]
  return webhook === undefined ? absent : found(webhook)
}

async function findService(cluster: Cluster, webhook: Lookup<MutatingWebhook>): Promise<Lookup<Service>> {
  const reference = valueOf(webhook)?.clientConfig.service
  if (webhook.state === 'found' && reference === undefined) {
    return unknown('the webhook configuration names a URL, no Service')
  }
  if (reference === undefined) {
    return webhook.state === 'unknown' ? webhook : unknown('no webhook configuration says where the webhook is')
  }
  return lookup(() => cluster.get(resources.services, reference.name, reference.namespace))
}

/** A Service that is not there, or selects other pods, does not hide the Deployment: it is known by its command then. */
async function findDeploymentOf(
  cluster: Cluster,
  webhook: Lookup<MutatingWebhook>,
  service: Lookup<Service>,
): Promise<Lookup<Deployment>> {
  if (service.state === 'unknown') return service
  const namespace = valueOf(webhook)?.clientConfig.service?.namespace
  return lookup(async () => {
    const deployments = await collect(cluster.list(resources.deployments, { namespace }))
    const selector = valueOf(service)?.spec.selector
    return deployments.find((deployment) => isSelected(deployment, selector)) ?? deployments.find(runsWebhook)
  })
}

function isSelected({ spec }: Deployment, selector: Service['spec']['selector']): boolean {
  return selector !== undefined && selects({ matchLabels: selector }, spec.template.metadata?.labels ?? {})
}

function runsWebhook({ spec }: Deployment): boolean {
  const container = webhookContainer(spec.template.spec)
  return container?.args?.includes('serve') === true && argumentOf(container, '--tls-dir') !== undefined
}

function listEndpointSlices(cluster: Cluster, { metadata }: Service): Promise<readonly EndpointSlice[]> {
  const labelSelector = `kubernetes.io/service-name=${metadata.name}`
  return collect(cluster.list(resources.endpointSlices, { namespace: metadata.namespace, labelSelector }))
}

function listPods(cluster: Cluster, { metadata, spec }: Deployment): Promise<readonly ClusterPod[]> {
  const labelSelector = selectorText(spec.selector)
  return collect(cluster.list(resources.pods, { namespace: metadata.namespace, labelSelector }))
}

async function listReplicaSets(cluster: Cluster, { metadata, spec }: Deployment): Promise<readonly ReplicaSet[]> {
  const labelSelector = selectorText(spec.selector)
  const sets = await collect(cluster.list(resources.replicaSets, { namespace: metadata.namespace, labelSelector }))
  return sets.filter(({ metadata: { ownerReferences = [] } }) =>
    ownerReferences.some(({ kind, name }) => kind === 'Deployment' && name === metadata.name),
  )
}

function listWarnings(cluster: Cluster, { metadata: { namespace } }: Deployment): Promise<readonly ClusterEvent[]> {
  return collect(cluster.list(resources.events, { namespace, fieldSelector: 'type=Warning' }))
}

async function findConfiguration(cluster: Cluster, deployment: Lookup<Deployment>): Promise<Lookup<Configuration>> {
  if (deployment.state !== 'found') return deployment.state === 'unknown' ? deployment : noDeployment
  const stated = statedLoaderImage(webhookContainer(deployment.value.spec.template.spec))
  if (stated.state === 'unknown') return stated
  const image = valueOf(stated)
  if (image?.ok === false) {
    const { name, namespace = '' } = deployment.value.metadata
    return found({ place: `Deployment ${namespace}/${name}`, result: { ok: false, problems: [image.problem] } })
  }
  return readMounted(cluster, deployment.value, image?.value)
}

async function readMounted(
  cluster: Cluster,
  deployment: Deployment,
  loaderImage: string | undefined,
): Promise<Lookup<Configuration>> {
  const path = argumentOf(webhookContainer(deployment.spec.template.spec), '--config')
  if (path === undefined) {
    const config = defaultConfigWith(loaderImage)
    return found({ place: 'the built-in configuration', result: { ok: true, config } })
  }
  const file = mountedFile(deployment, path)
  if (file?.kind !== 'ConfigMap') return unknown(`${path} is not mounted from a ConfigMap`)
  const { name, namespace, key } = file
  const configMap = await lookup(() => cluster.get(resources.configMaps, name, namespace))
  if (configMap.state === 'unknown') return configMap
  const text = valueOf(configMap)?.data?.[key]
  const place = `ConfigMap ${namespace}/${name}, key ${key}`
  const result: ConfigResult =
    text === undefined ? { ok: false, problems: ['is not there'] } : parseConfig(text, loaderImage)
  return found({ place, result })
}

async function findCertificate(cluster: Cluster, deployment: Lookup<Deployment>): Promise<Lookup<MountedCertificate>> {
  if (deployment.state !== 'found') return deployment.state === 'unknown' ? deployment : noDeployment
  const directory = argumentOf(webhookContainer(deployment.value.spec.template.spec), '--tls-dir')
  const file = directory === undefined ? undefined : mountedFile(deployment.value, `${directory}/tls.crt`)
  if (file?.kind !== 'Secret') return unknown('the certificate is not mounted from a Secret')
  const { name, namespace, key } = file
  const secret = await lookup(() => cluster.get(resources.secrets, name, namespace))
  if (secret.state === 'unknown') return secret
  const data = valueOf(secret)?.data?.[key]
  const place = `Secret ${namespace}/${name}`
  return data === undefined
    ? unknown(`${place} with its key ${key} is not there`)
    : found({ place, pem: Buffer.from(data, 'base64').toString() })
}
