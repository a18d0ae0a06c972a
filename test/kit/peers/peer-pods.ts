/** Pods that ask for a model and, some of them, for what other webhooks add. */
import type { Pod, PodSpec, Resources } from '../../../src/pod/pod.ts'
import { podWith } from '../webhook/pods.ts'
import { accounts } from './peer-cluster.ts'

export interface PeerPod {
  readonly name: string
  readonly pod: Pod
  /** Another service account than the one the others see where they come first: they may then have nothing to say. */
  readonly replacesAccount: boolean
  /** Keeps credentials from containers of others, and so changes what those get. */
  readonly limitsCredentials: boolean
  readonly asksVault: boolean
  /** Has its credentials from the EKS webhook alone (IRSA). */
  readonly needsRole: boolean
}

interface Kind {
  /** Without the prefix. */
  readonly annotations: Readonly<Record<string, string>>
  readonly spec?: Partial<PodSpec>
  /** Init containers have their places. */
  readonly ordered?: true
}

const source = 's3://models/llama/'
const small = { requests: { cpu: '500m', memory: '1Gi' } }
const fixed = { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '1', memory: '2Gi' } }
const migration = { initContainers: [{ name: 'migrate', image: 'migrate:1' }] }
const download = { source, size: '1Gi', expect: 'objects=3' }

/** `containers` have requests, so that what others add shows in the sums where it should not. */
const kinds: Readonly<Record<string, Kind>> = {
  'a plain pod': { annotations: { source, expect: 'objects=3' }, spec: app({}) },
  'pod-identity': { annotations: download, spec: { ...app(small), ...account(accounts.podIdentity) } },
  irsa: { annotations: { ...download, credentials: 'irsa' }, spec: { ...app(small), ...account(accounts.irsa) } },
  'pod-identity for the loader alone': {
    annotations: { ...download, 'credentials-scope': 'loader' },
    spec: { ...app(small), ...account(accounts.podIdentity) },
  },
  'irsa for the loader alone': {
    annotations: { ...download, credentials: 'irsa', 'credentials-scope': 'loader' },
    spec: { ...app(small), ...account(accounts.irsa) },
  },
  'a service account of ours': {
    annotations: { ...download, 'service-account': accounts.podIdentity },
    spec: app(small),
  },
  'init-order first': {
    annotations: { ...download, 'init-order': 'first' },
    spec: { ...app(small), ...migration, ...account(accounts.podIdentity) },
    ordered: true,
  },
  'init-order last': {
    annotations: { ...download, 'init-order': 'last' },
    spec: { ...app(small), ...migration, ...account(accounts.podIdentity) },
    ordered: true,
  },
  'a BestEffort pod with a memory volume': {
    annotations: { ...download, volume: 'memory' },
    spec: { ...app({}), ...account(accounts.podIdentity) },
    ordered: true,
  },
  'a Guaranteed pod': { annotations: download, spec: { ...app(fixed), ...account(accounts.podIdentity) } },
  'two models for two containers': {
    annotations: {
      ...download,
      containers: 'app',
      'source.adapter': 's3://models/adapter/',
      'size.adapter': '100Mi',
      'expect.adapter': 'objects=1',
      'containers.adapter': 'app,worker',
    },
    spec: {
      containers: [
        { name: 'app', image: 'app:1', resources: small },
        { name: 'worker', image: 'worker:1', resources: small },
      ],
      ...account(accounts.podIdentity),
    },
  },
  'a pod that is not root': {
    annotations: download,
    spec: {
      ...app(small),
      ...account(accounts.podIdentity),
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
    },
  },
}

/** By the documentation of Vault's injector; no Vault server is asked at admission. */
const vaultAgents: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'with a Vault agent': {},
  'with a Vault agent first': { 'agent-init-first': 'true' },
  'with a Vault init agent alone': { 'agent-pre-populate-only': 'true' },
}

/** Each kind alone and with a Vault agent; where the place or the sum of init containers counts, with every kind of agent. */
export const peerPods: readonly PeerPod[] = Object.entries(kinds).flatMap(([name, kind]) => [
  peerPod(name, kind),
  ...Object.entries(vaultAgents)
    .filter((_, i) => i === 0 || kind.ordered === true)
    .map(([agent, options]) => peerPod(`${name}, ${agent}`, kind, vaultAnnotations(options))),
])

/** A pod for which every webhook has something to do. */
export const podForEveryWebhook: Pod = peerPod('probe', kinds.irsa!, vaultAnnotations({})).pod

export function vaultAnnotations(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const all = { 'agent-inject': 'true', role: 'app', 'agent-inject-secret-config': 'secret/data/app', ...options }
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [`vault.hashicorp.com/${key}`, value]))
}

/** The pod with annotations of others. */
export function withAnnotations(pod: Pod, annotations: Readonly<Record<string, string>>): Pod {
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...annotations } } }
}

function peerPod(
  name: string,
  { annotations, spec = {} }: Kind,
  foreign: Readonly<Record<string, string>> = {},
): PeerPod {
  const pod = withAnnotations(podWith(annotations, spec), foreign)
  return {
    name,
    pod: { ...pod, metadata: { ...pod.metadata, name: 'app' } },
    replacesAccount: annotations['service-account'] !== undefined,
    limitsCredentials: annotations['credentials-scope'] !== undefined,
    asksVault: Object.keys(foreign).length > 0,
    needsRole: annotations.credentials === 'irsa',
  }
}

function app(resources: Resources): Pick<PodSpec, 'containers'> {
  return { containers: [{ name: 'app', image: 'app:1', resources }] }
}

function account(name: string): Pick<PodSpec, 'serviceAccountName'> {
  return { serviceAccountName: name }
}
