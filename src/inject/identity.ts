/**
 * The loader's workload identity. For EKS Pod Identity the loader carries exactly what the identity webhook of EKS would
 * add (amazon-eks-pod-identity-webhook main.go, pkg/handler/handler.go): that webhook leaves alone what is there already,
 * so the pod comes out the same whether it runs before us, after us, or not at all.
 */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import { jsonText } from '../values/json.ts'
import { enumerate } from '../values/print/printable.ts'
import { findByName } from '../pod/lookup.ts'
import {
  annotationsOf,
  initContainersOf,
  volumesOf,
  type Container,
  type EnvVar,
  type Pod,
  type Volume,
  type VolumeMount,
} from '../pod/pod.ts'
import { isOurLoader } from './ownership/own-loaders.ts'
import type { InjectionRequest } from '../request/model-request.ts'

export interface LoaderIdentity {
  readonly env: readonly EnvVar[]
  readonly volumeMounts: readonly VolumeMount[]
  readonly volumes: readonly Volume[]
}

export const podIdentityVolume = 'eks-pod-identity-token'
export const podIdentityEnv = ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] as const
const podIdentityAudience = 'pods.eks.amazonaws.com'
export const podIdentityDirectory = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount'
export const irsaEnv = ['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE'] as const
export const irsaVolume = 'aws-iam-token'

/** The identity webhook adds both or, where a container has either, none. */
export const regionEnv: readonly string[] = ['AWS_REGION', 'AWS_DEFAULT_REGION']

/** The identity webhook adds it where its flag or the service account asks for it (pkg/handler/handler.go). */
const regionalSts: EnvVar = { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' }

const vaultAgents: readonly string[] = ['vault-agent', 'vault-agent-init']

export function loaderIdentity(
  pod: Pod,
  request: InjectionRequest,
  config: Config,
  findings: Findings,
): LoaderIdentity {
  switch (request.credentials.kind) {
    case 'pod-identity':
      return withClusterSettings(podIdentity(pod, config, findings), pod, podIdentityEnv)
    case 'irsa':
      return withClusterSettings(siblingIdentity(pod, request), pod, irsaEnv)
    case 'secret':
      return secretKeys(request.credentials.name)
    case 'anonymous':
      return noIdentity
  }
}

/** Containers that are to have no credentials although the pod's service account has a role. */
export function containersWithoutCredentials(
  pod: Pod,
  request: InjectionRequest,
  findings: Findings,
): readonly string[] {
  if (request.credentialsScope === 'pod') return []
  const others = [...initContainersOf(pod), ...pod.spec.containers].filter((container) => !isOurLoader(container))
  const agents = others.filter(({ name }) => logsInWithRole(pod, name))
  if (agents.length > 0) {
    findings.warn(
      'CredentialsShared',
      `${enumerate(agents.map(({ name }) => name))}: credentials are for Vault's login, too`,
    )
  }
  const rest = others.filter(({ name }) => !logsInWithRole(pod, name))
  const have = rest.filter((container) => hasEnv(container, podIdentityEnv[0]) || hasEnv(container, irsaEnv[0]))
  if (have.length > 0) {
    findings.warn(
      'CredentialsShared',
      `${enumerate(have.map(({ name }) => name))}: credentials were added before us and stay`,
    )
  }
  return rest.map(({ name }) => name)
}

/** An agent of Vault without the role could not log in, and the pod would not start (vault-k8s, agent/container_env.go). */
function logsInWithRole(pod: Pod, container: string): boolean {
  return vaultAgents.includes(container) && annotationsOf(pod)['vault.hashicorp.com/auth-type'] === 'aws'
}

export const noIdentity: LoaderIdentity = { env: [], volumeMounts: [], volumes: [] }

function podIdentity(pod: Pod, config: Config, findings: Findings): LoaderIdentity {
  const present = findByName(volumesOf(pod), podIdentityVolume)
  if (present !== undefined && !isPodIdentityToken(present)) {
    findings.deny({
      reason: 'NameTaken',
      field: `spec.volumes[${podIdentityVolume}]`,
      problem: `has the name of the EKS Pod Identity token but is no token for ${podIdentityAudience}`,
      remedy: 'rename that volume',
    })
  }
  return {
    env: [
      { name: podIdentityEnv[0], value: config.podIdentity.uri },
      { name: podIdentityEnv[1], value: `${podIdentityDirectory}/${podIdentityVolume}` },
    ],
    volumeMounts: [{ name: podIdentityVolume, mountPath: podIdentityDirectory, readOnly: true }],
    volumes: [
      {
        name: podIdentityVolume,
        projected: {
          sources: [
            {
              serviceAccountToken: { audience: podIdentityAudience, expirationSeconds: 86400, path: podIdentityVolume },
            },
          ],
        },
      },
    ],
  }
}

function isPodIdentityToken(volume: Volume): boolean {
  // The expiry is not compared: the identity webhook draws it between 22 and 24 hours.
  return jsonText(volume.projected ?? null).includes(`"audience":"${podIdentityAudience}"`)
}

/**
 * The role is an annotation of the service account, which only the identity webhook reads. If it ran before us it has
 * seen every container but ours, so a sibling's pair is taken over; else it will find our container itself. Nothing is
 * taken over if the service account is replaced: the role is the old one's.
 */
function siblingIdentity(pod: Pod, request: InjectionRequest): LoaderIdentity {
  const current = pod.spec.serviceAccountName ?? 'default'
  if (request.serviceAccount !== undefined && request.serviceAccount !== current) return noIdentity
  const sibling = [...pod.spec.containers, ...initContainersOf(pod)].find(
    (container) => !isOurLoader(container) && hasIrsa(container),
  )
  if (sibling === undefined) return noIdentity
  // One of each, as the identity webhook adds it: a pod's author may write thousands, and every loader would get them.
  return {
    env: firstOfEach(sibling, irsaEnv),
    volumeMounts: [findByName(sibling.volumeMounts, irsaVolume) ?? []].flat(),
    volumes: [],
  }
}

function hasIrsa(container: Container): boolean {
  return (
    irsaEnv.every((name) => hasEnv(container, name)) && findByName(container.volumeMounts, irsaVolume) !== undefined
  )
}

function firstOfEach({ env }: Container, names: readonly string[]): readonly EnvVar[] {
  const missing = new Set(names)
  return (env ?? []).filter(({ name }) => missing.delete(name))
}

function hasEnv({ env }: Container, name: string): boolean {
  return findByName(env, name) !== undefined
}

/**
 * The identity webhook adds the cluster's region to every container that names none, and regional STS likewise. If it ran
 * before us, a container with its credentials shows what ours would have got.
 */
function withClusterSettings(identity: LoaderIdentity, pod: Pod, credentialsEnv: readonly string[]): LoaderIdentity {
  const siblings = [...pod.spec.containers, ...initContainersOf(pod)].filter(
    (container) => !isOurLoader(container) && credentialsEnv.every((name) => hasEnv(container, name)),
  )
  const isRegional = siblings.some(({ env }) => findByName(env, regionalSts.name)?.value === regionalSts.value)
  return { ...identity, env: [...identity.env, ...(isRegional ? [regionalSts] : []), ...regionOf(siblings)] }
}

function regionOf(siblings: readonly Container[]): readonly EnvVar[] {
  const sibling = siblings.find((container) => regionEnv.every((name) => hasEnv(container, name)))
  const region = sibling === undefined ? [] : firstOfEach(sibling, regionEnv)
  return region.every(({ value }) => value !== undefined && value === region[0]?.value) ? region : []
}

function secretKeys(secret: string): LoaderIdentity {
  const fromSecret = (key: string, optional: boolean): EnvVar => ({
    name: key,
    valueFrom: { secretKeyRef: { name: secret, key, ...(optional && { optional }) } },
  })
  return {
    ...noIdentity,
    env: [
      fromSecret('AWS_ACCESS_KEY_ID', false),
      fromSecret('AWS_SECRET_ACCESS_KEY', false),
      fromSecret('AWS_SESSION_TOKEN', true),
    ],
  }
}
