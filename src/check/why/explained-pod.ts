/** The pod in question, and the facts about the cluster it would be created in. */
import type { MutatingWebhook, MutatingWebhookConfiguration, ClusterPod } from '../../cluster/objects.ts'
import type { Config } from '../../config/config.ts'
import type { Labels } from '../../cluster/label-selector.ts'
import type { Lookup } from '../../diagnosis/lookup.ts'
import type { Diagnostic, Warning } from '../../reasons.ts'

export interface ExplainedPod {
  /** `deployment/my-app` */
  readonly title: string
  readonly namespace: string
  /** The pod, or the template of a workload; unvalidated JSON. */
  readonly pod: unknown
  /** Words a mistake with its place in the object that has the pod as its template, and in its file. */
  readonly describe?: (diagnostic: Diagnostic) => string
  /** The same for warnings. */
  readonly describeWarning?: (warning: Warning) => string
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
