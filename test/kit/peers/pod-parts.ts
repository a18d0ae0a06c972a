/**
 * A pod that several webhooks have changed, taken apart: what is ours, and what the others have added. Without the order of
 * lists, the expiry of tokens, and the token mounts of the API server, which come only in a second pass.
 */
import { defaultPrefix, injectedLabel, statusAnnotation } from '../../../src/annotations.ts'
import type { Status } from '../../../src/inject/status.ts'
import {
  annotationsOf,
  initContainersOf,
  volumesOf,
  type Container,
  type EnvVar,
  type Pod,
  type Volume,
  type VolumeMount,
} from '../../../src/pod/pod.ts'

/** Names under which the loader has its identity; the EKS webhook adds the same ones to others. */
const identityVolumes = ['eks-pod-identity-token', 'aws-iam-token']

/** Facts of the cluster that the EKS webhook alone knows. */
export const clusterVariables = ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_STS_REGIONAL_ENDPOINTS']

const safeToEvict = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
const skipContainers = 'eks.amazonaws.com/skip-containers'

export interface OwnParts {
  readonly loaders: readonly object[]
  readonly volumes: readonly object[]
  readonly mounts: Readonly<Record<string, readonly object[]>>
  readonly [other: string]: unknown
}

/** Everything in the pod that is ours. `ignored` are variables of loaders. */
export function ownParts(pod: Pod, ignored: readonly string[] = []): OwnParts {
  const others = allContainers(pod).filter((container) => !isLoader(container))
  return {
    loaders: byName(initContainersOf(pod).filter(isLoader)).map((loader) => loaderParts(loader, ignored)),
    volumes: byName(volumesOf(pod).filter(isOwnVolume)).map(withoutExpiry),
    mounts: Object.fromEntries(
      byName(others)
        .map(({ name, volumeMounts }) => [name, (volumeMounts ?? []).filter(isOwnMount)] as const)
        .filter(([, mounts]) => mounts.length > 0),
    ),
    status: statusParts(pod),
    label: pod.metadata?.labels?.[defaultPrefix + injectedLabel],
    safeToEvict: annotationsOf(pod)[safeToEvict],
    serviceAccount: [pod.spec.serviceAccountName, pod.spec.serviceAccount],
    fsGroup: pod.spec.securityContext?.fsGroup,
  }
}

/** Mounts and variables of others in the loader are theirs. */
function loaderParts(
  { name, image, command, args, env, volumeMounts, ...rest }: Container,
  ignored: readonly string[],
) {
  return {
    name,
    image,
    command: command ?? [],
    args,
    env: byName((env ?? []).filter((variable) => isOwnVariable(variable) && !ignored.includes(variable.name))),
    volumeMounts: byName((volumeMounts ?? []).filter((mount) => isOwnMount(mount) || isIdentityMount(mount))),
    rest: withoutExpiry(rest),
  }
}

/** Without the lists to which we added, where others may have been first, and digests, whose parts are compared themselves. */
function statusParts(pod: Pod): object {
  const { models, added, replaced } = JSON.parse(
    annotationsOf(pod)[defaultPrefix + statusAnnotation] ?? '{"added":{"volumes":[]}}',
  ) as Status
  return { models, volumes: added.volumes.filter((name) => !identityVolumes.includes(name)), replaced }
}

/** The pod without us: what the others have made of it. Some of them write down its namespace. */
export function partsOfOthers(pod: Pod): object {
  const text = JSON.stringify(foreignParts(pod))
  return JSON.parse(text.replaceAll(`/${String(pod.metadata?.namespace)}/`, '/NAMESPACE/')) as object
}

function foreignParts(pod: Pod): object {
  const { containers, initContainers, volumes, ...spec } = pod.spec
  const foreign = (container: Container): unknown =>
    withoutExpiry({
      ...container,
      env: byName(container.env ?? []),
      volumeMounts: byName((container.volumeMounts ?? []).filter((mount) => !isOwnMount(mount) && !isApiAccess(mount))),
    })
  return {
    containers: byName(containers).map(foreign),
    initContainers: byName((initContainers ?? []).filter((container) => !isLoader(container))).map(foreign),
    // The token may be ours where the other webhook has nothing to do with this pod.
    volumes: byName((volumes ?? []).filter((volume) => !isOwnVolume(volume) && !isApiAccess(volume))).map(
      withoutExpiry,
    ),
    spec,
    labels: entriesWithout(pod.metadata?.labels ?? {}, (key) => key.startsWith(defaultPrefix)),
    annotations: entriesWithout(annotationsOf(pod), (key) => key.startsWith(defaultPrefix) || key === safeToEvict),
  }
}

/** Each thing that is there twice. */
export function duplicatesOf(pod: Pod): readonly string[] {
  const containers = allContainers(pod)
  return [
    ...repeated(containers.map(({ name }) => `container ${name}`)),
    ...repeated(volumesOf(pod).map(({ name }) => `volume ${name}`)),
    ...containers.flatMap(({ name, env, volumeMounts }) =>
      repeated([
        ...(env ?? []).map((variable) => `variable ${variable.name} of ${name}`),
        ...(volumeMounts ?? []).map(({ mountPath }) => `mount ${mountPath} of ${name}`),
      ]),
    ),
    ...[safeToEvict, skipContainers].flatMap((list) =>
      repeated((annotationsOf(pod)[list] ?? '').split(',').map((item) => `${item} in ${list}`)),
    ),
  ]
}

/** Names of the containers, ours not among them, that the EKS webhook has given credentials. */
export function containersWithCredentials(pod: Pod): readonly string[] {
  return allContainers(pod)
    .filter((container) => !isLoader(container) && (container.env ?? []).some(isCredential))
    .map(({ name }) => name)
}

export function loaderOf(pod: Pod): Container | undefined {
  return initContainersOf(pod).find(isLoader)
}

export function allContainers(pod: Pod): readonly Container[] {
  return [...initContainersOf(pod), ...pod.spec.containers]
}

function isCredential({ name }: EnvVar): boolean {
  return name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI' || name === 'AWS_ROLE_ARN'
}

function isLoader({ name }: Container): boolean {
  return /^model-loader(-|$)/.test(name)
}

function isOwnVolume({ name }: Volume): boolean {
  return /^model-(data|tmp)(-|$)/.test(name) || name === 'eks-pod-identity-token'
}

function isOwnMount({ name }: VolumeMount): boolean {
  return /^model-(data|tmp)(-|$)/.test(name)
}

function isIdentityMount({ name }: VolumeMount): boolean {
  return identityVolumes.includes(name)
}

function isOwnVariable({ name }: EnvVar): boolean {
  return /^(MODEL|AWS)_/.test(name)
}

function isApiAccess({ name }: { readonly name: string }): boolean {
  return name.startsWith('kube-api-access-')
}

function byName<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function repeated(names: readonly string[]): readonly string[] {
  return names.filter((name, i) => names.indexOf(name) < i)
}

function entriesWithout(record: Readonly<Record<string, string>>, drop: (key: string) => boolean): object {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([key]) => !drop(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Keys sorted, so that two pods can be compared as text. */
function withoutExpiry(value: object): object {
  const text = JSON.stringify(value, (key, item: unknown) => {
    if (key === 'expirationSeconds') return undefined
    return typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item
  })
  return JSON.parse(text) as object
}
