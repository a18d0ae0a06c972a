/**
 * Webhooks of others that write into every container of a pod, and how each is told to leave a pod or a container alone:
 * named in the guard's refusals and in docs/policies.md.
 */

interface Exclusion {
  readonly product: string
  /** Variables that it sets. */
  readonly variables: readonly string[]
  /** Labels or annotations that its users write on the pod, as part of a sentence. */
  readonly exclusion: string
}

export const exclusions: readonly Exclusion[] = [
  // https://docs.datadoghq.com/containers/cluster_agent/admission_controller/
  {
    product: 'Datadog',
    variables: ['LD_PRELOAD', 'NODE_OPTIONS'],
    exclusion: 'the label admission.datadoghq.com/enabled: "false"',
  },
  // https://github.com/open-telemetry/opentelemetry-operator/blob/main/README.md
  {
    product: 'OpenTelemetry',
    variables: ['NODE_OPTIONS'],
    exclusion:
      'the annotation instrumentation.opentelemetry.io/inject-nodejs: "false", ' +
      'or instrumentation.opentelemetry.io/container-names with the containers of the app',
  },
  // https://docs.dynatrace.com/docs/shortlink/annotate
  {
    product: 'Dynatrace',
    variables: ['LD_PRELOAD'],
    exclusion:
      'the annotation dynatrace.com/inject: "false" (oneagent.dynatrace.com/inject for its code modules alone), ' +
      'or container.inject.dynatrace.com/CONTAINER: "false"',
  },
]
