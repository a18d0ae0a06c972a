/** Explains the pods of an object, of a file or of a cluster. */
import { askServer } from '../../check/why/ask-server.ts'
import { explainPod, explainUnknown, type Explanation } from '../../check/why/explain.ts'
import type { ExplainedPod } from '../../check/why/explained-pod.ts'
import { surroundingsOf, type ClusterFacts } from '../../check/why/surroundings.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterPod } from '../../cluster/objects.ts'
import type { Config } from '../../config/config.ts'
import type { Diagnostic, Warning } from '../../reasons.ts'
import { skipReasonOf } from '../../request/skip-reason.ts'
import { describeMistake, describePending, describeWarning, misplacedAnnotations } from '../judge.ts'
import type { FoundPod } from '../manifests/pods.ts'

export interface AdmissionSources {
  readonly facts: ClusterFacts
  readonly cluster: Cluster | undefined
  /** The API server is asked for its answer too. */
  readonly server: boolean
}

/** If one of several pods asks for a model, the others need none: the head of a cluster beside its workers. */
export function askedFor(pods: readonly FoundPod[], { annotationPrefix }: Config): readonly FoundPod[] {
  const asking = pods.filter(({ pod, unknown }) => unknown !== undefined || hasAnnotation(pod, annotationPrefix))
  return asking.length === 0 ? pods : asking
}

function hasAnnotation(pod: unknown, prefix: string): boolean {
  return skipReasonOf(pod, prefix) !== 'NotAnnotated'
}

export async function explainFound(
  found: FoundPod,
  pods: readonly FoundPod[],
  { asked, namespace: byDefault, live }: { asked: AdmissionSources; namespace: string; live?: ClusterPod | undefined },
): Promise<Explanation> {
  const { title, pod, unknown, isPending = false } = found
  const namespace = found.of.namespace ?? byDefault
  if (unknown !== undefined) {
    const description = isPending ? describePending(found, unknown) : describeMistake(found, unknown)
    return explainUnknown(title, namespace, { isPending, description })
  }
  const describe = (diagnostic: Diagnostic): string => describeMistake(found, diagnostic)
  const describeRemark = (warning: Warning): string => describeWarning(found, warning)
  const explained = { title, namespace, pod, describe, describeWarning: describeRemark, live }
  const explanation = await explainSubject(explained, asked)
  const { annotationPrefix } = asked.facts.configuration.config
  const misplaced = found === pods[0] ? misplacedAnnotations(found.of, pods, annotationPrefix) : []
  return { ...explanation, hints: [...misplaced, ...explanation.hints] }
}

async function explainSubject(
  explained: ExplainedPod,
  { facts, cluster, server }: AdmissionSources,
): Promise<Explanation> {
  const surroundings = await surroundingsOf(facts, cluster, explained.namespace)
  const answer = cluster === undefined || !server ? undefined : await askServer(cluster, explained, surroundings.config)
  return explainPod(explained, surroundings, answer)
}
