/** Asks the API server itself: the pod is created as a dry run, under a new name. */
import type { Cluster, DryRun } from '../../cluster/cluster.ts'
import { resources } from '../../cluster/resources.ts'
import { carriesInjection } from '../../inject/ownership/detect-injection.ts'
import type { Config } from '../../config/config.ts'
import { printable } from '../../values/print/printable.ts'
import { lookup } from '../../diagnosis/lookup.ts'
import { notEvaluated, passes, stops, type Step } from './step.ts'
import type { ExplainedPod } from './explained-pod.ts'

export async function askServer(cluster: Cluster, explained: ExplainedPod, config: Config): Promise<Step> {
  const answer = await lookup(() => cluster.dryRunCreate(resources.pods, freshPod(explained), explained.namespace))
  if (answer.state !== 'found') {
    return notEvaluated(
      'dry-run',
      answer.state === 'unknown' ? answer.why : `there is no namespace ${explained.namespace}`,
    )
  }
  return judge(answer.value, config)
}

function judge(answer: DryRun, { annotationPrefix }: Config): Step {
  const warnings = answer.warnings.map((text) => `warning: ${printable(text)}`)
  if (!answer.created) {
    const [first = '', ...rest] = answer.message.split('\n').map(printable)
    return stops('dry-run', `the API server refuses the pod: ${first}`, [...rest, ...warnings])
  }
  return carriesInjection(answer.object, annotationPrefix)
    ? passes('dry-run', 'the API server answers with the pod and its model', warnings)
    : stops('dry-run', 'the API server answers with the pod as it is, without a model', warnings)
}

/** Drops the fields of an existing pod: name, owner, node, and fields that only a running pod may have. */
function freshPod({ pod, title, namespace }: ExplainedPod): object {
  const { metadata, spec } = asFields(pod)
  const { annotations, labels } = asFields(metadata)
  const kept = Object.entries(asFields(spec)).filter(
    ([field]) => field !== 'nodeName' && field !== 'ephemeralContainers',
  )
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: generateNameFor(title), namespace, annotations, labels },
    spec: Object.fromEntries(kept),
  }
}

/** `deployment/my-app` → `my-app-`. The API server adds five characters, and allows 63 for the name of a host. */
function generateNameFor(title: string): string {
  const name = title
    .slice(title.indexOf('/') + 1)
    .replace(/[^a-z0-9-]/g, '')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '')
  return name === '' ? 'pod-' : `${name}-`
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
