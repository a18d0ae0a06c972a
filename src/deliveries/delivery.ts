/** The contract of a delivery; each delivery has a folder with an implementation, listed in registry.ts. */
import type { Config } from '../config/config.ts'
import type { Source } from '../values/source.ts'
import type { Findings } from '../request/findings.ts'
import type { Scheduling } from '../pod/scheduling.ts'
import type { EnvVar, Pod, Volume, VolumeMount } from '../pod/pod.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'

export interface DeliveryContext {
  readonly pod: Pod
  /** Volumes that earlier models of the pod add. */
  readonly volumes: readonly Volume[]
  readonly request: InjectionRequest
  readonly config: Config
  readonly findings: Findings
}

export interface DeliveredModel {
  /** The volume that the app mounts, and the model's directory on it; undefined for the whole volume. */
  readonly volume: string
  readonly subPath?: string
  /** Volumes that the pod does not have yet. */
  readonly volumes: readonly Volume[]
  /** The loader's task before the app starts; undefined if there is nothing to load or check. */
  readonly loader?: LoaderTask
  /** True if the volume's driver decides who owns files, so that only an fsGroup lets the loader write. */
  readonly needsFsGroup?: boolean
  /** Scheduling constraints that place the pod where the model is. */
  readonly scheduling?: Partial<Scheduling>
}

export type LoaderTask = LoadTask | VerifyTask

interface LoadTask {
  readonly kind: 'load'
  /** The model's directory on the volume. */
  readonly id: string
  readonly env: readonly EnvVar[]
  readonly volumeMount: VolumeMount
}

/** Reads only what is mounted: needs neither network nor credentials. */
interface VerifyTask {
  readonly kind: 'verify'
  readonly env: readonly EnvVar[]
  readonly volumeMount: VolumeMount
}

export interface Deliverer {
  /** Undefined if the model cannot be delivered; `findings` then explains why. */
  deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined
  /**
   * True for a volume as this delivery adds it for that source. The name alone proves nothing, since anyone can use it, and
   * there may be no loader to recognise the injection by. Absent if a loader fills the volume.
   */
  adds?(volume: Volume, source: Source): boolean
}
