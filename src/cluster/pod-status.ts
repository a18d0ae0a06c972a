/** The fields that commands read of a pod's status, which the kubelet writes. */

export interface PodStatus {
  readonly phase?: string
  /** `Evicted`; set on pods that have failed as a whole. */
  readonly reason?: string
  readonly message?: string
  readonly podIP?: string
  readonly conditions?: readonly Condition[]
  readonly initContainerStatuses?: readonly ContainerStatus[]
  readonly containerStatuses?: readonly ContainerStatus[]
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

export interface ContainerStatus {
  readonly name: string
  readonly image?: string
  readonly ready?: boolean
  readonly restartCount?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}

/** One of them is set, or none before the kubelet has looked at the container. */
interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: ContainerEnd
}

export interface ContainerEnd {
  readonly exitCode: number
  readonly signal?: number
  /** `Error`, `OOMKilled`, `ContainerCannotRun` */
  readonly reason?: string
  /** The termination message, or the end of the log where the container asks for it. */
  readonly message?: string
  readonly startedAt?: string
  readonly finishedAt?: string
}
