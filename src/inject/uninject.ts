/** Takes out what was put in, and puts back what was replaced, as the status annotation says. */
import { injectedLabel, statusAnnotation } from '../annotations.ts'
import { removeFromList, safeToEvictAnnotation, skipContainersAnnotation } from './lists.ts'
import { isLoaderName, isOurLoader, ownVolumesOf } from './parts.ts'
import { annotationsOf, initContainersOf, volumesOf, type Container, type EnvVar, type ObjectMeta, type Pod, type PodSpec, type VolumeMount } from './pod.ts'
import { readStatus, type Replaced, type Status } from './status.ts'

/** The pod without our parts; the same object if it has none. */
export function uninject(pod: Pod, prefix: string): Pod {
  const status = readStatus(pod, prefix)
  const loaders = initContainersOf(pod).filter((container) => isOurLoader(container) || isListedLoader(container, status))
  if (status === undefined && loaders.length === 0) return pod
  return { ...pod, metadata: cleanMetadata(pod, status, prefix), spec: cleanSpec(pod, status, loaders) }
}

/** A loader that lost its command or environment to another webhook is known by the status alone. */
function isListedLoader({ name }: Container, status: Status | undefined): boolean {
  return isLoaderName(name) && status?.models.some(({ loader }) => loader === name) === true
}

function cleanSpec(pod: Pod, status: Status | undefined, loaders: readonly Container[]): PodSpec {
  const loaderVolumes = ownVolumesOf(loaders)
  const ownVolumes = new Set([...(status?.added.volumes ?? []), ...loaderVolumes])
  const clean = (container: Container): Container => cleanContainer(container, status, loaderVolumes)
  const containers = pod.spec.containers.map(clean)
  const initContainers = initContainersOf(pod).filter((container) => !loaders.includes(container)).map(clean)
  // The identity webhook of EKS mounts the token volume in the app's containers too, whoever added it first.
  const mounted = new Set([...containers, ...initContainers].flatMap(({ volumeMounts }) => volumeMounts ?? []).map(({ name }) => name))
  const volumes = volumesOf(pod).filter(({ name }) => !ownVolumes.has(name) || mounted.has(name))
  return replaceFields(pod.spec, {
    containers,
    initContainers: nonEmpty(initContainers),
    volumes: nonEmpty(volumes),
    ...(status !== undefined && restoredFields(pod, status)),
  })
}

function cleanContainer(container: Container, status: Status | undefined, loaderVolumes: ReadonlySet<string>): Container {
  const models = (status?.models ?? []).filter(({ containers }) => containers.includes(container.name))
  const isOwnMount = ({ name, mountPath }: VolumeMount): boolean =>
    loaderVolumes.has(name) || models.some((model) => model.volume === name && model.mountPath === mountPath)
  const isOwnEnv = ({ name }: EnvVar): boolean => models.some(({ env, envAdded }) => env === name && envAdded?.includes(container.name))
  return replaceFields(container, {
    ...(container.volumeMounts?.some(isOwnMount) && { volumeMounts: nonEmpty(container.volumeMounts.filter((mount) => !isOwnMount(mount))) }),
    ...(container.env?.some(isOwnEnv) && { env: nonEmpty(container.env.filter((variable) => !isOwnEnv(variable))) }),
  })
}

/** What stood there before us; undefined takes a field away. */
function restoredFields(pod: Pod, { replaced, added }: Status): Record<string, unknown> {
  const { serviceAccountName, serviceAccount, fsGroup } = replaced
  const pullSecrets = added.imagePullSecrets
  return {
    ...(serviceAccountName !== undefined && { serviceAccountName: serviceAccountName ?? undefined }),
    ...(serviceAccount !== undefined && { serviceAccount: serviceAccount ?? undefined }),
    ...(fsGroup !== undefined && { securityContext: withoutFsGroup(pod, replaced) }),
    ...(pullSecrets !== undefined && {
      imagePullSecrets: nonEmpty((pod.spec.imagePullSecrets ?? []).filter(({ name = '' }) => !pullSecrets.includes(name))),
    }),
  }
}

function withoutFsGroup(pod: Pod, { fsGroupChangePolicy }: Replaced): object | undefined {
  const rest = replaceFields(pod.spec.securityContext ?? {}, { fsGroup: undefined, fsGroupChangePolicy: fsGroupChangePolicy ?? undefined })
  return Object.keys(rest).length > 0 ? rest : undefined
}

function cleanMetadata(pod: Pod, status: Status | undefined, prefix: string): ObjectMeta {
  const added = status?.added
  const lists = [[safeToEvictAnnotation, added?.safeToEvict], [skipContainersAnnotation, added?.skipContainers]] as const
  const cleaned = lists.flatMap(([annotation, names]) => {
    const present = annotationsOf(pod)[annotation]
    return names === undefined || present === undefined ? [] : [[annotation, removeFromList(present, names)] as const]
  })
  const annotations = replaceFields(annotationsOf(pod), { ...Object.fromEntries(cleaned), [prefix + statusAnnotation]: undefined })
  const labels = replaceFields(pod.metadata?.labels ?? {}, { [prefix + injectedLabel]: undefined })
  return replaceFields(pod.metadata ?? {}, {
    annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
    labels: Object.keys(labels).length > 0 ? labels : undefined,
  })
}

function nonEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined
}

/** A copy with some fields changed; undefined takes a field away, as JSON knows no undefined. */
function replaceFields<T extends object>(object: T, changes: Readonly<Record<string, unknown>>): T {
  return Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined)) as T
}
