/** Removes injected parts and restores replaced fields, as recorded in the status annotation. */
import { injectedLabel, statusAnnotation } from '../../annotations.ts'
import { nodeLabelPrefix } from '../../deliveries/node/inject.ts'
import { removeFromList, safeToEvictAnnotation, skipContainersAnnotation } from '../lists.ts'
import { ownVolumes } from './own-volumes.ts'
import { isLoaderName } from '../../pod/injected-names.ts'
import { fieldsWithoutScheduling, labelsAskedFor, type Scheduling } from '../../pod/scheduling.ts'
import {
  annotationsOf,
  initContainersOf,
  volumesOf,
  type Container,
  type EnvVar,
  type ObjectMeta,
  type Pod,
  type PodSpec,
  type VolumeMount,
} from '../../pod/pod.ts'
import { replaceFields } from '../../pod/replace-fields.ts'
import type { AnnotatedPod } from '../annotated-pod.ts'
import type { ModelStatus, Replaced, Status } from '../status.ts'

/** The pod without our parts; the same object if it has none. */
export function uninject(annotated: AnnotatedPod): Pod {
  const { pod, prefix, status } = annotated
  const loaders = loadersOf(annotated)
  const dataVolumes = ownVolumes(annotated, loaders)
  if (status === undefined && loaders.length === 0 && dataVolumes.size === 0) return pod
  const spec = cleanSpec(pod, status, { loaders, dataVolumes })
  const placement = fieldsWithoutScheduling(spec, placementOf(pod, status, prefix))
  return {
    ...pod,
    metadata: cleanMetadata(pod, status, prefix),
    spec: Object.keys(placement).length === 0 ? spec : replaceFields(spec, placement),
  }
}

/** A loader that lost its command or environment to another webhook is known by the status alone. */
function loadersOf({ pod, status, loaders }: AnnotatedPod): readonly Container[] {
  const listed = new Set(status?.models.flatMap(({ loader }) => loader ?? []))
  const ours = new Set(loaders)
  return initContainersOf(pod).filter(
    (container) => ours.has(container) || (isLoaderName(container.name) && listed.has(container.name)),
  )
}

/** Without a status, labels below our prefix are ours; anything else may be the user's. */
function placementOf(pod: Pod, status: Status | undefined, prefix: string): Partial<Scheduling> {
  return status?.added ?? { nodeLabels: labelsAskedFor(pod.spec, nodeLabelPrefix(prefix)) }
}

interface OwnParts {
  readonly loaders: readonly Container[]
  /** No container of the user mounts these. */
  readonly dataVolumes: ReadonlySet<string>
}

function cleanSpec(pod: Pod, status: Status | undefined, { loaders, dataVolumes }: OwnParts): PodSpec {
  const added = new Set([...(status?.added.volumes ?? []), ...dataVolumes])
  const given = givenBy(status?.models ?? [])
  const clean = (container: Container): Container => cleanContainer(container, given.get(container.name), dataVolumes)
  const ours = new Set(loaders)
  const containers = pod.spec.containers.map(clean)
  const initContainers = initContainersOf(pod)
    .filter((container) => !ours.has(container))
    .map(clean)
  // The identity webhook of EKS mounts the token volume in the app's containers too, even if the injector added it first.
  const mounted = new Set(
    [...containers, ...initContainers].flatMap(({ volumeMounts }) => volumeMounts ?? []).map(({ name }) => name),
  )
  const volumes = volumesOf(pod).filter(({ name }) => !added.has(name) || mounted.has(name))
  return replaceFields(pod.spec, {
    containers,
    initContainers: nonEmpty(initContainers),
    volumes: nonEmpty(volumes),
    ...(status !== undefined && restoredFields(pod, status)),
  })
}

/** Mounts and environment added to a container, as recorded in the status. */
interface Given {
  readonly mounts: Set<string>
  readonly env: Set<string>
}

/** Mounts and variables of the models, by the name of the container. */
function givenBy(models: readonly ModelStatus[]): ReadonlyMap<string, Given> {
  const given = new Map<string, Given>()
  for (const { containers, volume, mountPath, env, envAdded } of models) {
    const mount = mountKey(volume, mountPath)
    const withEnv = new Set(envAdded)
    for (const name of new Set(containers)) {
      const known = given.get(name) ?? { mounts: new Set(), env: new Set() }
      given.set(name, known)
      known.mounts.add(mount)
      if (env !== undefined && withEnv.has(name)) known.env.add(env)
    }
  }
  return given
}

/** No path has a NUL in it. */
function mountKey(volume: string, path: string): string {
  return `${volume}\0${path}`
}

function cleanContainer(container: Container, given: Given | undefined, dataVolumes: ReadonlySet<string>): Container {
  const isOwnMount = ({ name, mountPath }: VolumeMount): boolean =>
    dataVolumes.has(name) || given?.mounts.has(mountKey(name, mountPath)) === true
  const isOwnEnv = ({ name }: EnvVar): boolean => given?.env.has(name) === true
  const changes = {
    ...(container.volumeMounts?.some(isOwnMount) && {
      volumeMounts: nonEmpty(container.volumeMounts.filter((mount) => !isOwnMount(mount))),
    }),
    ...(container.env?.some(isOwnEnv) && { env: nonEmpty(container.env.filter((variable) => !isOwnEnv(variable))) }),
  }
  return Object.keys(changes).length === 0 ? container : replaceFields(container, changes)
}

/** The values from before the injection; undefined removes a field. */
function restoredFields(pod: Pod, { replaced, added }: Status): Record<string, unknown> {
  const { serviceAccountName, serviceAccount, fsGroup } = replaced
  const pullSecrets = added.imagePullSecrets && new Set(added.imagePullSecrets)
  return {
    ...(serviceAccountName !== undefined && { serviceAccountName: serviceAccountName ?? undefined }),
    ...(serviceAccount !== undefined && { serviceAccount: serviceAccount ?? undefined }),
    ...(fsGroup !== undefined && { securityContext: withoutFsGroup(pod, replaced) }),
    ...(pullSecrets !== undefined && {
      imagePullSecrets: nonEmpty((pod.spec.imagePullSecrets ?? []).filter(({ name = '' }) => !pullSecrets.has(name))),
    }),
  }
}

function withoutFsGroup(pod: Pod, { fsGroupChangePolicy }: Replaced): object | undefined {
  const rest = replaceFields(pod.spec.securityContext ?? {}, {
    fsGroup: undefined,
    fsGroupChangePolicy: fsGroupChangePolicy ?? undefined,
  })
  return Object.keys(rest).length > 0 ? rest : undefined
}

function cleanMetadata(pod: Pod, status: Status | undefined, prefix: string): ObjectMeta {
  const added = status?.added
  const lists = [
    [safeToEvictAnnotation, added?.safeToEvict],
    [skipContainersAnnotation, added?.skipContainers],
  ] as const
  const cleaned = lists.flatMap(([annotation, names]) => {
    const present = annotationsOf(pod)[annotation]
    return names === undefined || present === undefined ? [] : [[annotation, removeFromList(present, names)] as const]
  })
  const annotations = replaceFields(annotationsOf(pod), {
    ...Object.fromEntries(cleaned),
    [prefix + statusAnnotation]: undefined,
  })
  const labels = replaceFields(pod.metadata?.labels ?? {}, { [prefix + injectedLabel]: undefined })
  return replaceFields(pod.metadata ?? {}, {
    annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
    labels: Object.keys(labels).length > 0 ? labels : undefined,
  })
}

function nonEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length > 0 ? items : undefined
}
