/** The pod in question, and the facts about the cluster it would be created in. */
import type { MutatingWebhook, MutatingWebhookConfiguration, ClusterPod } from '../../cluster/objects.ts'
import type { Config } from '../../config/config.ts'
import type { Labels } from '../../cluster/label-selector.ts'
import type { Lookup } from '../../diagnosis/lookup.ts'

export interface ExplainedPod {
  /** `deployment/my-app` */
  readonly title: string
  readonly namespace: string
  /** The pod, or the template of a workload; unvalidated JSON. */
  readonly pod: unknown
  /** Translates a field path of the pod to one of the object that has it as its template. */
  readonly fieldOf?: (field: string) => string
  /** The same pod, if it exists in the cluster. */
  readonly live: ClusterPod | undefined
}

export interface Surroundings {
  readonly registration: Lookup<MutatingWebhookConfiguration>
  readonly webhook: Lookup<MutatingWebhook>
  readonly namespaceLabels: Lookup<Labels>
  readonly config: Config
  /** Origin of the configuration, for messages. */
  readonly configPlace: string
}
