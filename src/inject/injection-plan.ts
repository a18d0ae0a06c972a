/** The plan of an injection: complete, checked against the pod, nothing changed yet. */
import type { Config } from '../config/config.ts'
import type { DeliveredModel } from '../deliveries/delivery.ts'
import type { Findings } from '../request/findings.ts'
import type { ContainerAddition } from './mounts.ts'
import type { Scheduling } from '../pod/scheduling.ts'
import type { Container, Volume } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'
import type { Status } from './status.ts'

export interface InjectionPlan {
  readonly loaders: readonly Container[]
  /** The position of the loaders among the other init containers. */
  readonly loaderIndex: number
  readonly volumes: readonly Volume[]
  readonly additions: readonly ContainerAddition[]
  readonly serviceAccount: string | undefined
  readonly fsGroup: number | undefined
  readonly imagePullSecrets: readonly string[]
  /** Requirements that the pod's own scheduling lacks. */
  readonly scheduling: Scheduling
  /** Names that belong in comma lists of others, by annotation. */
  readonly lists: Readonly<Record<string, readonly string[]>>
  /** Annotations of others; our status is written last, with the digests of the parts. */
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly status: Status
  /** Names of the policy rules that allowed it. */
  readonly rules: readonly string[]
  /** Names of the policy rules that all denied a model. */
  readonly refusedBy: readonly string[]
}

export interface PlanContext {
  readonly namespace: string
  readonly config: Config
  readonly findings: Findings
  /** Hash of the annotations that users wrote for the injector; the status keeps it. */
  readonly annotationsHash: string
  /** The containers that a first pass chose, by model; a second pass keeps to them. */
  readonly keptTargets: ReadonlyMap<string, readonly string[]>
  /** Loaders of a first pass, whose resources are kept: others may have changed them. */
  readonly keptLoaders: readonly Container[]
}

export interface PlannedModel {
  readonly model: ModelRequest
  readonly targets: readonly Container[]
  readonly delivered: DeliveredModel
  readonly user: number | undefined
}
