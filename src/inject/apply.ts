/**
 * Applies a plan to a pod: a new object that shares everything untouched with the old one. Fields another webhook changed
 * are kept; only missing fields are added.
 */
import { findByName } from '../pod/lookup.ts'
import { runsLoader, runsVerifier } from './loader-command.ts'
import type { ContainerAddition } from './mounts.ts'
import {
  annotationsOf,
  initContainersOf,
  volumesOf,
  type Container,
  type EnvVar,
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

/** A present loader keeps its position; a missing one goes to the position in the plan. */
function withLoaders(present: readonly Container[], { loaders, loaderIndex }: InjectionPlan): readonly Container[] {
  const kept = present.map((container) => {
    const planned = findByName(loaders, container.name)
    return planned === undefined ? container : mergeLoader(container, planned)
  })
  const missing = loaders.filter(({ name }) => findByName(present, name) === undefined)
  const index = indexAfter(kept, loaderIndex, loaders)
  return [...kept.slice(0, index), ...missing, ...kept.slice(index)]
}

/** The index after `count` containers that are not ours. */
function indexAfter(containers: readonly Container[], count: number, loaders: readonly Container[]): number {
  let others = 0
  const index = containers.findIndex(({ name }) => findByName(loaders, name) === undefined && others++ === count)
  return index < 0 ? containers.length : index
}

function mergeLoader(present: Container, planned: Container): Container {
  return {
    ...planned,
    ...(runsTheSame(present, planned) ? present : { ...present, ...commandOf(planned, present) }),
    env: addMissing(correctEnv(present.env ?? [], planned.env ?? []), planned.env ?? [], ({ name }) => name),
    volumeMounts: addMissing(present.volumeMounts ?? [], planned.volumeMounts ?? [], ({ mountPath }) => mountPath),
  }
}

function runsTheSame(present: Container, planned: Container): boolean {
  return runsLoader(present) && runsVerifier(present) === runsVerifier(planned)
}

/** A field that the plan does not have is emptied where there is one, because a merge takes nothing away. */
function commandOf(planned: Container, present: Container): Pick<Container, 'command' | 'args'> {
  return {
    ...((planned.command ?? present.command) && { command: planned.command ?? [] }),
    ...((planned.args ?? present.args) && { args: planned.args ?? [] }),
  }
}

/** Our own variables say what to load and must be right; the others may have been set on purpose. */
function correctEnv(present: readonly EnvVar[], planned: readonly EnvVar[]): readonly EnvVar[] {
  return present.map((variable) =>
    variable.name.startsWith('MODEL_') ? (findByName(planned, variable.name) ?? variable) : variable,
  )
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
