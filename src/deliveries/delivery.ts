/** What every way of bringing a model answers; one file beside this one for each, listed in registry.ts. */
import type { Config } from '../config/config.ts'
import type { Source } from '../values/source.ts'
import type { Findings } from '../request/findings.ts'
import type { Placement } from '../pod/scheduling.ts'
import type { EnvVar, Pod, Volume, VolumeMount } from '../pod/pod.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'

export interface DeliveryContext {
  readonly pod: Pod
  /** What the models before this one add to the pod. */
  readonly volumes: readonly Volume[]
  readonly request: InjectionRequest
  readonly config: Config
  readonly findings: Findings
}

export interface DeliveredModel {
  /** The volume that the app mounts, and the directory of it that holds the model's files; undefined for the whole volume. */
  readonly volume: string
  readonly subPath?: string
  /** Volumes the pod does not have yet. */
  readonly volumes: readonly Volume[]
  /** What the loader has to do first; undefined where nothing is loaded or checked. */
  readonly loader?: LoaderTask
  /** True where files belong to whom the volume's driver says, so that only an fsGroup lets the loader write. */
  readonly needsFsGroup?: boolean
  /** Where and when the pod may be scheduled, so that the model is there. */
  readonly placement?: Partial<Placement>
}

export type LoaderTask = LoadTask | VerifyTask

interface LoadTask {
  readonly kind: 'load'
  /** The directory of the model on the volume. */
  readonly id: string
  readonly env: readonly EnvVar[]
  readonly volumeMount: VolumeMount
}

/** Reads only what is mounted: needs no network and nobody's credentials. */
interface VerifyTask {
  readonly kind: 'verify'
  readonly env: readonly EnvVar[]
  readonly volumeMount: VolumeMount
}

export interface Deliverer {
  /** Undefined where it cannot be done; `findings` then says why. */
  deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined
  /**
   * True for a volume as this delivery adds it for that source. Our name alone proves nothing, and there may be no loader
   * to tell ours by. Absent where a loader fills the volume.
   */
  adds?(volume: Volume, source: Source): boolean
}
