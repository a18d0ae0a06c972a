/** Mounts of models in the app's containers, checked against what is mounted there already. */
import type { Config } from '../config/config.ts'
import { quote } from '../reasons.ts'
import { isBelow } from '../values/path.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import type { Container, EnvVar, VolumeMount } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'

export interface ContainerAddition {
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

/** What every container gets, in the order of the models; conflicts go to `findings`. */
export function planMounts(
  mounted: readonly MountedModel[],
  config: Config,
  findings: Findings,
): readonly ContainerAddition[] {
  const additions: ContainerAddition[] = []
  for (const { model, volume, subPath, containers } of mounted) {
    const volumeMount = {
      name: volume,
      mountPath: model.mountPath,
      ...(subPath !== undefined && { subPath }),
      ...(model.readOnly && { readOnly: true }),
    }
    for (const container of containers) {
      const sameContainer = additions.filter((addition) => addition.container === container.name)
      checkPath(model, container, sameContainer, { config, findings })
      const env = planEnv(model, container, sameContainer, { config, findings })
      additions.push({ container: container.name, volumeMount, ...(env !== undefined && { env }) })
    }
  }
  return additions
}

interface Reporting {
  readonly config: Config
  readonly findings: Findings
}

function checkPath(
  model: ModelRequest,
  container: Container,
  planned: readonly ContainerAddition[],
  { config, findings }: Reporting,
): void {
  const taken = [
    ...(container.volumeMounts ?? []).map(({ mountPath, readOnly, name }) => ({
      mountPath: trimSlash(mountPath),
      readOnly,
      by: `volume ${name}`,
    })),
    ...(container.volumeDevices ?? []).map(({ devicePath = '' }) => ({
      mountPath: devicePath,
      readOnly: true,
      by: 'a volume device',
    })),
    ...planned.map(({ volumeMount }) => ({ ...volumeMount, by: 'another model', readOnly: true })),
  ]
  for (const { mountPath, readOnly, by } of taken) {
    const problem = conflict(model.mountPath, mountPath, readOnly === true)
    if (problem === undefined) continue
    findings.deny({
      reason: 'MountConflict',
      field: annotationField(annotationKey(config.annotationPrefix, 'mount-path', model.suffix)),
      found: model.mountPath,
      problem: `in container ${container.name} ${problem} ${quote(mountPath)} of ${by}`,
      remedy: 'choose another path',
    })
  }
}

function conflict(ours: string, theirs: string, theirsReadOnly: boolean): string | undefined {
  if (ours === theirs) return 'is the mount path'
  if (isBelow(theirs, ours)) return 'would hide the mount path'
  // The container runtime has to make the directory of our mount, which it cannot in a read-only volume.
  return isBelow(ours, theirs) && theirsReadOnly ? 'is below the read-only mount path' : undefined
}

/** The API server takes `/models/` and `/models` for two paths, the container runtime for one. */
function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function planEnv(
  model: ModelRequest,
  container: Container,
  planned: readonly ContainerAddition[],
  { config, findings }: Reporting,
): EnvVar | undefined {
  if (model.env === undefined) return undefined
  const wanted = { name: model.env, value: model.mountPath }
  const present = [...(container.env ?? []), ...planned.flatMap(({ env }) => env ?? [])].findLast(
    ({ name }) => name === model.env,
  )
  if (present === undefined) return wanted
  if (present.value !== wanted.value) {
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
