/**
 * A model of the identity webhook of EKS (amazon-eks-pod-identity-webhook, pkg/handler/handler.go), written after its
 * source and not after our own core: what it adds, what it leaves alone, and where. It differs from the real one in one
 * point: the real one rebuilds containers from its own API types and drops fields that these do not know.
 */
import {
  annotationsOf,
  type Container,
  type EnvVar,
  type Pod,
  type Volume,
  type VolumeMount,
} from '../../../src/pod/pod.ts'

export interface EksOptions {
  /** Service accounts with a Pod Identity association. They win over roles. */
  readonly podIdentity?: readonly string[]
  /** Service accounts with the annotation `eks.amazonaws.com/role-arn` (IRSA). */
  readonly roles?: Readonly<Record<string, string>>
  readonly region?: string
  readonly regionalSts?: boolean
  /** The real one draws it between 79200 and 86400 unless the pod's annotation says another. */
  readonly expirationSeconds?: number
  /** Another one on IPv6 clusters. */
  readonly uri?: string
}

interface Identity {
  readonly env: readonly EnvVar[]
  readonly volume: string
  readonly directory: string
  readonly audience: string
  readonly file: string
}

/** The pod as that webhook leaves it; the same object where it has nothing to do. */
export function eksWebhook(pod: Pod, options: EksOptions): Pod {
  const annotations = annotationsOf(pod)
  if (pod.metadata?.labels?.['eks.amazonaws.com/skip-pod-identity-webhook'] !== undefined) return pod
  const identity = identityOf(pod, options)
  if (identity === undefined) return pod
  // Items are not trimmed: "a, b" skips "a" and the container " b", which cannot exist.
  const skipped = (annotations['eks.amazonaws.com/skip-containers'] ?? '').split(',')
  const visit = (container: Container): Container =>
    skipped.includes(container.name) ? container : withIdentity(container, identity, options)
  const labelled =
    identity.volume === podIdentityVolume ? withLabel(pod, 'eks.amazonaws.com/pod-identity', 'enabled') : pod
  return {
    ...labelled,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map(visit),
      ...(pod.spec.initContainers && { initContainers: pod.spec.initContainers.map(visit) }),
      volumes: withTokenVolume(pod.spec.volumes ?? [], identity, expiration(annotations, options)),
    },
  }
}

const podIdentityVolume = 'eks-pod-identity-token'

function withLabel(pod: Pod, label: string, value: string): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata?.labels, [label]: value } } }
}

/** Only `serviceAccountName` is looked at, as it is in this call. */
function serviceAccountOf(pod: Pod): string {
  return pod.spec.serviceAccountName ?? ''
}

function identityOf(
  pod: Pod,
  { podIdentity = [], roles = {}, uri = 'http://169.254.170.23/v1/credentials' }: EksOptions,
): Identity | undefined {
  const account = serviceAccountOf(pod)
  if (podIdentity.includes(account)) {
    const directory = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount'
    const file = podIdentityVolume
    return {
      env: [
        { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: uri },
        { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: `${directory}/${file}` },
      ],
      volume: podIdentityVolume,
      directory,
      audience: 'pods.eks.amazonaws.com',
      file,
    }
  }
  const role = roles[account]
  if (role === undefined) return undefined
  const directory = '/var/run/secrets/eks.amazonaws.com/serviceaccount'
  return {
    env: [
      { name: 'AWS_ROLE_ARN', value: role },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: `${directory}/token` },
    ],
    volume: 'aws-iam-token',
    directory,
    audience: 'sts.amazonaws.com',
    file: 'token',
  }
}

/** Either variable of a pair keeps both away; a mount is known by its volume's name. */
function withIdentity(container: Container, identity: Identity, { region, regionalSts }: EksOptions): Container {
  const present = container.env ?? []
  const hasOneOf = (names: readonly string[]): boolean => present.some(({ name }) => names.includes(name))
  const env: EnvVar[] = [
    ...present,
    ...(regionalSts && !hasOneOf(['AWS_STS_REGIONAL_ENDPOINTS'])
      ? [{ name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional' }]
      : []),
    ...(region !== undefined && !hasOneOf(['AWS_DEFAULT_REGION', 'AWS_REGION'])
      ? [
          { name: 'AWS_DEFAULT_REGION', value: region },
          { name: 'AWS_REGION', value: region },
        ]
      : []),
    ...(hasOneOf(identity.env.map(({ name }) => name)) ? [] : identity.env),
  ]
  const mounts: readonly VolumeMount[] = container.volumeMounts ?? []
  const mounted = mounts.some(({ name }) => name === identity.volume)
  return {
    ...container,
    env,
    volumeMounts: mounted
      ? mounts
      : [...mounts, { name: identity.volume, readOnly: true, mountPath: identity.directory }],
  }
}

/** `add /spec/volumes/0`: in front of the others. */
function withTokenVolume(
  volumes: readonly Volume[],
  { volume, audience, file }: Identity,
  expirationSeconds: number,
): readonly Volume[] {
  if (volumes.some(({ name }) => name === volume)) return volumes
  return [
    { name: volume, projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds, path: file } }] } },
    ...volumes,
  ]
}

function expiration(annotations: Readonly<Record<string, string>>, { expirationSeconds = 79200 }: EksOptions): number {
  const chosen = Number(annotations['eks.amazonaws.com/token-expiration'])
  return Number.isInteger(chosen) && chosen > 0 ? Math.max(chosen, 600) : expirationSeconds
}
