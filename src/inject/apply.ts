/** Applies a plan to a pod without our parts: a new object that shares everything untouched with the old one. */
import type { ContainerAddition } from './mounts.ts'
import {
  annotationsOf,
  initContainersOf,
  volumesOf,
  type Container,
  type Pod,
  type PodSpec,
  type VolumeMount,
} from '../pod/pod.ts'
import { addScheduling } from '../pod/scheduling.ts'
import type { InjectionPlan } from './injection-plan.ts'

export function apply(pod: Pod, plan: InjectionPlan): Pod {
  const additions = Map.groupBy(plan.additions, ({ container }) => container)
  const complete = (container: Container): Container => withAdditions(container, additions.get(container.name) ?? [])
  const initContainers = withLoaders(initContainersOf(pod), plan).map(complete)
  const volumes = addMissing(volumesOf(pod), plan.volumes, ({ name }) => name)
  const spec: PodSpec = {
    ...pod.spec,
    containers: pod.spec.containers.map(complete),
    ...(initContainers.length > 0 && { initContainers }),
    ...(volumes.length > 0 && { volumes }),
    ...(plan.serviceAccount !== undefined && {
      serviceAccountName: plan.serviceAccount,
      serviceAccount: plan.serviceAccount,
    }),
    ...(plan.fsGroup !== undefined && {
      securityContext: { ...pod.spec.securityContext, fsGroup: plan.fsGroup, fsGroupChangePolicy: 'OnRootMismatch' },
    }),
    ...(plan.imagePullSecrets.length > 0 && {
      imagePullSecrets: [...(pod.spec.imagePullSecrets ?? []), ...plan.imagePullSecrets.map((name) => ({ name }))],
    }),
  }
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...annotationsOf(pod), ...plan.annotations },
      labels: { ...pod.metadata?.labels, ...plan.labels },
    },
    spec: addScheduling(spec, plan.scheduling),
  }
}

/** The pod has none of ours yet. */
function withLoaders(present: readonly Container[], { loaders, loaderIndex }: InjectionPlan): readonly Container[] {
  return [...present.slice(0, loaderIndex), ...loaders, ...present.slice(loaderIndex)]
}

function withAdditions(container: Container, own: readonly ContainerAddition[]): Container {
  if (own.length === 0) return container
  const mounts: readonly VolumeMount[] = own.map(({ volumeMount }) => volumeMount)
  const env = own.flatMap((addition) => addition.env ?? [])
  return {
    ...container,
    volumeMounts: addMissing(container.volumeMounts ?? [], mounts, ({ mountPath }) => mountPath),
    ...(env.length > 0 && { env: addMissing(container.env ?? [], env, ({ name }) => name) }),
  }
}

function addMissing<T>(present: readonly T[], planned: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const keys = new Set(present.map(keyOf))
  const missing = planned.filter((item) => !keys.has(keyOf(item)))
  return missing.length === 0 ? present : [...present, ...missing]
}
