/** Mounts of models in the app's containers, checked against what is mounted there already. */
import type { Config } from '../config/config.ts'
import { quote } from '../values/print/printable.ts'
import { cleanPath, isBelow } from '../values/path.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { initContainersOf, type Container, type EnvVar, type Pod, type Volume, type VolumeMount } from '../pod/pod.ts'
import { dataName, tmpVolume } from '../pod/injected-names.ts'
import type { ModelRequest } from '../request/model-request.ts'
import { allByName } from '../pod/lookup.ts'

export interface ContainerAddition {
  readonly model: string
  readonly container: string
  readonly volumeMount: VolumeMount
  /** Only where the container does not have it with that value already. */
  readonly env?: EnvVar
}

export interface MountedModel {
  readonly model: ModelRequest
  readonly volume: string
  readonly subPath?: string
  readonly containers: readonly Container[]
}

/** Plans the additions to every container, in the order of the models; conflicts go to `findings`. */
export function planMounts(
  mounted: readonly MountedModel[],
  config: Config,
  findings: Findings,
): readonly ContainerAddition[] {
  const additions: ContainerAddition[] = []
  const planned = new Map<string, PlannedContainer>()
  for (const { model, volume, subPath, containers } of mounted) {
    const volumeMount = {
      name: volume,
      mountPath: model.mountPath,
      ...(subPath !== undefined && { subPath }),
      ...(model.readOnly && { readOnly: true }),
    }
    for (const container of containers) {
      const known = planned.get(container.name) ?? { container, taken: takenPaths(container), env: new Map() }
      planned.set(container.name, known)
      checkPath(model, known, { config, findings })
      const env = planEnv(model, known, { config, findings })
      additions.push({ model: model.name, container: container.name, volumeMount, ...(env !== undefined && { env }) })
      known.taken.push({ mountPath: model.mountPath, isReadOnly: true, by: 'another model' })
      if (env !== undefined) known.env.set(env.name, env)
    }
  }
  return additions
}

/**
 * A container that mounts a volume of ours before it is there would write to the model from the first pass on, and lose the mount in the
 * second. To read it is fine.
 */
export function checkMountsOfOurs(pod: Pod, volumes: readonly Volume[], findings: Findings): void {
  const ours = new Set(volumes.flatMap(({ name }) => (name === tmpVolume || name.startsWith(dataName) ? [name] : [])))
  const lists = { initContainers: initContainersOf(pod), containers: pod.spec.containers }
  const mounts = Object.entries(lists).flatMap(([list, containers]) =>
    containers.flatMap(({ name, volumeMounts }) =>
      (volumeMounts ?? []).map((mount) => ({ mount, path: `spec.${list}[${name}].volumeMounts[${mount.mountPath}]` })),
    ),
  )
  for (const { mount, path } of mounts) {
    if (!ours.has(mount.name) || mount.readOnly === true) continue
    findings.deny({
      reason: 'NameTaken',
      field: path,
      found: mount.name,
      problem: 'mounts a volume of model-injector for writing',
      remedy: 'mount it with readOnly: true, or leave the mount to the annotation containers',
    })
  }
}

/** A container with what it has and what the models before this one give it. */
interface PlannedContainer {
  readonly container: Container
  readonly taken: TakenPath[]
  readonly env: Map<string, EnvVar>
}

interface TakenPath {
  readonly mountPath: string
  readonly isReadOnly: boolean
  readonly by: string
}

/** The API server takes `/models/`, `//models` and `/models/.` for other paths than `/models`, the container runtime for the same. */
function takenPaths({ volumeMounts, volumeDevices }: Container): TakenPath[] {
  return [
    ...(volumeMounts ?? []).map(({ mountPath, readOnly, name }) => ({
      mountPath: cleanPath(mountPath),
      isReadOnly: readOnly === true,
      by: `volume ${name}`,
    })),
    ...(volumeDevices ?? []).map(({ devicePath = '' }) => ({
      mountPath: cleanPath(devicePath),
      isReadOnly: true,
      by: 'a volume device',
    })),
  ]
}

interface Reporting {
  readonly config: Config
  readonly findings: Findings
}

function checkPath(model: ModelRequest, { container, taken }: PlannedContainer, { config, findings }: Reporting): void {
  const field = annotationField(annotationKey(config.annotationPrefix, 'mount-path', model.suffix))
  for (const { mountPath, isReadOnly, by } of taken) {
    const problem = conflict(model.mountPath, mountPath, isReadOnly)
    if (problem === undefined) continue
    findings.denyEach('MountConflict', field, () => ({
      reason: 'MountConflict',
      field,
      found: model.mountPath,
      problem: `in container ${container.name} ${problem} ${quote(mountPath)} of ${by}`,
      remedy: 'choose another path',
    }))
  }
}

function conflict(ours: string, theirs: string, theirsReadOnly: boolean): string | undefined {
  if (ours === theirs) return 'is the mount path'
  if (isBelow(theirs, ours)) return 'would hide the mount path'
  // The container runtime has to make the directory of our mount, which it cannot in a read-only volume.
  return isBelow(ours, theirs) && theirsReadOnly ? 'is below the read-only mount path' : undefined
}

function planEnv(
  model: ModelRequest,
  { container, env }: PlannedContainer,
  { config, findings }: Reporting,
): EnvVar | undefined {
  if (model.env === undefined) return undefined
  const planned = { name: model.env, value: model.mountPath }
  const present = env.get(model.env) ?? allByName(container.env, model.env).at(-1)
  if (present === undefined) return planned
  if (present.value !== planned.value) {
    findings.deny({
      reason: 'EnvConflict',
      field: annotationField(annotationKey(config.annotationPrefix, 'env', model.suffix)),
      found: model.env,
      problem: `has another value in container ${container.name} already`,
      remedy: 'choose another variable, or remove it from the container',
    })
  }
  return undefined
}
