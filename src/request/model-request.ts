/** The models that the annotations of a pod ask for, with all defaults filled in. */
import type { InitOrder } from '../annotations.ts'
import type { EngineName } from '../values/engine.ts'
import type { Delivery, Source } from '../values/source.ts'
import type { RunAsUser } from '../values/forms.ts'
import type { Credentials } from '../values/credentials.ts'
import type { Addressing } from '../values/s3/endpoint.ts'
import type { Expectation } from '../values/expectation.ts'
import type { VolumeChoice } from '../values/volume.ts'

export interface ModelRequest {
  /** The suffix, or `model` for the unsuffixed one. */
  readonly name: string
  readonly suffix: string | undefined
  readonly source: Source
  readonly delivery: Delivery
  /** The claim of a mountpoint delivery, unless it has the name that is made from its source. */
  readonly claim: string | undefined
  readonly mountPath: string
  readonly containers: readonly string[] | '*' | undefined
  readonly readOnly: boolean
  readonly sizeBytes: number | undefined
  readonly volume: VolumeChoice
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly expect: Expectation | undefined
  readonly env: string | undefined
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Undefined for the usual one of the endpoint and the bucket. */
  readonly addressing: Addressing | undefined
  readonly requesterPays: boolean
}

export interface InjectionRequest {
  /** The unsuffixed model first, then by name. */
  readonly models: readonly ModelRequest[]
  readonly serviceAccount: string | undefined
  readonly credentials: Credentials
  readonly credentialsScope: 'pod' | 'loader'
  readonly initOrder: InitOrder
  readonly runAsUser: RunAsUser
  readonly cpuMillicores: number
  readonly memoryBytes: number
  /** True where the pod itself says how much its loader gets; then nothing is taken away from it. */
  readonly cpuChosen: boolean
  readonly memoryChosen: boolean
  readonly timeoutSeconds: number
  readonly stallTimeoutSeconds: number
  readonly engine: EngineName
  /** Undefined where the pod chooses none; then it is the operator's. */
  readonly image: string | undefined
}
