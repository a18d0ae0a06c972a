/** The pod that is asked about, and what is known of the cluster it would be created in. */
import type { MutatingWebhook, MutatingWebhookConfiguration, Pod } from '../../cluster/objects.ts'
import type { Config } from '../../config/config.ts'
import type { Labels } from '../../cluster/label-selector.ts'
import type { Lookup } from '../../diagnosis/lookup.ts'

export interface Subject {
  /** `deployment/my-app` */
  readonly title: string
  readonly namespace: string
  /** The pod, or the template of a workload: whatever JSON can hold. */
  readonly pod: unknown
  /** The same, where it is a pod of the cluster. */
  readonly live: Pod | undefined
}

export interface Surroundings {
  readonly registration: Lookup<MutatingWebhookConfiguration>
  readonly webhook: Lookup<MutatingWebhook>
  readonly namespaceLabels: Lookup<Labels>
  readonly config: Config
  /** Where the configuration is from. */
  readonly configPlace: string
}
