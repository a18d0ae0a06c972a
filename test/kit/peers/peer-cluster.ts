/**
 * A real API server with several webhooks in every combination of order and reinvocation at once: each combination has a
 * namespace of its own, and webhook configurations that are in force there alone.
 */
import type { Pod } from '../../../src/pod/pod.ts'
import { apiClient, type ApiClient, type ApiObject } from '../cluster/api-client.ts'
import { startControlPlane, type ControlPlane } from '../cluster/control-plane.ts'
import { foreignConfiguration, ourConfiguration } from '../cluster/webhook-configuration.ts'
import { waitFor } from '../tools/wait-for.ts'
import type { Combination, Turn } from './combinations.ts'
import type { PeerWebhook } from './real-peers.ts'

/** The name of our webhook among the turns of a combination. */
export const ours = 'ours'

/** Service accounts of every namespace. `default` has neither. */
export const accounts = { podIdentity: 'pod-identity-reader', irsa: 'irsa-reader' } as const
const roleArn = 'arn:aws:iam::111122223333:role/reader'
export const clusterRegion = 'eu-central-1'

export interface PeerCluster {
  readonly controlPlane: ControlPlane
  readonly api: ApiClient
  /** Puts the webhooks in force, by their names in the combinations; ours among them. */
  register(webhooks: Readonly<Record<string, PeerWebhook>>): Promise<void>
  /** Waits until the pod comes out with all that each webhook of the combination adds. */
  waitUntilInForce(pod: Pod, isComplete: (pod: Pod, turns: readonly Turn[]) => boolean): Promise<void>
  /** A dry run, which goes through the whole admission chain and stores nothing. Throws where it is refused. */
  admit(pod: Pod, combination: Combination): Promise<AdmittedPod>
  stop(): Promise<void>
}

export interface AdmittedPod {
  readonly pod: Pod
  readonly warnings: readonly string[]
}

/** The namespaces and their service accounts are there before any webhook is started. */
export async function startPeerCluster(combinations: readonly Combination[]): Promise<PeerCluster> {
  const controlPlane = await startControlPlane()
  const api = await apiClient(controlPlane.kubeConfig)
  const stop = async (): Promise<void> => {
    api.close()
    await controlPlane.stop()
  }
  try {
    await Promise.all(combinations.map(({ namespace }) => createNamespace(api, namespace)))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    controlPlane,
    api,
    register: async (webhooks) => {
      const templates = await configurationTemplates(webhooks)
      for (const combination of combinations) await registerTurns(api, combination, templates)
    },
    waitUntilInForce: async (pod, isComplete) => {
      for (const combination of combinations) {
        await waitFor(`the webhooks of ${combination.namespace}`, async () =>
          isComplete((await admit(api, pod, combination)).pod, combination.turns) ? true : undefined,
        )
      }
    },
    admit: (pod, combination) => admit(api, pod, combination),
    stop,
  }
}

async function createNamespace(api: ApiClient, namespace: string): Promise<void> {
  await api.createNamespace(namespace)
  const account = (name: string, annotations: object): ApiObject => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, annotations },
  })
  await api.create(account(accounts.podIdentity, {}))
  await api.create(account(accounts.irsa, { 'eks.amazonaws.com/role-arn': roleArn }))
}

interface WebhookConfiguration extends ApiObject {
  readonly webhooks: readonly Readonly<Record<string, unknown>>[]
}

/** By the name of the webhook. Ours is the chart's, whose file is read once. */
async function configurationTemplates(
  webhooks: Readonly<Record<string, PeerWebhook>>,
): Promise<ReadonlyMap<string, WebhookConfiguration>> {
  const templates = new Map<string, WebhookConfiguration>()
  for (const [name, target] of Object.entries(webhooks)) {
    const configuration = (
      name === ours ? await ourConfiguration(target) : foreignConfiguration(name, target, 'Never')
    ) as WebhookConfiguration
    const admissionReviewVersions = target.admissionReviewVersions ?? ['v1']
    templates.set(name, {
      ...configuration,
      webhooks: configuration.webhooks.map((webhook) => ({ ...webhook, admissionReviewVersions })),
    })
  }
  return templates
}

/** The API server calls webhooks in the order of the names of their configurations. */
async function registerTurns(
  api: ApiClient,
  { namespace, turns }: Combination,
  templates: ReadonlyMap<string, WebhookConfiguration>,
): Promise<void> {
  for (const [i, { webhook, reinvocation }] of turns.entries()) {
    const template = templates.get(webhook)
    if (template === undefined) throw new Error(`no webhook is called ${webhook}`)
    await api.create({
      ...template,
      metadata: { name: `${namespace}-${i}-${webhook}` },
      webhooks: template.webhooks.map((registered) => ({
        ...registered,
        reinvocationPolicy: reinvocation,
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      })),
    })
  }
}

async function admit(api: ApiClient, pod: Pod, { namespace }: Combination): Promise<AdmittedPod> {
  const object = { ...pod, apiVersion: 'v1', kind: 'Pod', metadata: { ...pod.metadata, namespace } } as ApiObject
  const { status, body, warnings } = await api.tryCreate(object, { dryRun: true })
  if (status !== 201) throw new Error(`${namespace}: ${status} ${JSON.stringify(body)}`)
  return { pod: body as Pod, warnings }
}
