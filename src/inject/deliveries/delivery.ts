/** What every way of bringing a model answers; one file beside this one for each, listed in registry.ts. */
import type { Config } from '../../config.ts'
import type { Findings } from '../findings.ts'
import type { EnvVar, Pod, Volume, VolumeMount } from '../pod.ts'
import type { InjectionRequest, ModelRequest } from '../request.ts'

export interface DeliveryContext {
  readonly pod: Pod
  readonly request: InjectionRequest
  readonly config: Config
  readonly findings: Findings
}

export interface DeliveredModel {
  /** The volume that the app mounts, and the directory of it that holds the model's files. */
  readonly volume: string
  readonly subPath: string
  /** Volumes the pod does not have yet. */
  readonly volumes: readonly Volume[]
  /** What the loader has to do first; undefined where nothing is loaded. */
  readonly loader?: LoaderTask
  /** True where files belong to whom the volume's driver says, so that only an fsGroup lets the loader write. */
  readonly needsFsGroup: boolean
}

export interface LoaderTask {
  readonly id: string
  readonly env: readonly EnvVar[]
  readonly volumeMount: VolumeMount
}

/** Undefined where it cannot be done; `findings` then says why. */
export type Deliver = (model: ModelRequest, context: DeliveryContext) => DeliveredModel | undefined
