/** Audits pods as they come, one at a time: ten thousand take no more memory than a page of them. */
import type { Config } from '../config/config.ts'
import { printable } from '../values/print/printable.ts'
import { auditPod } from './audit-pod.ts'
import {
  countedJudgements,
  judgementNames,
  waivedOf,
  type AuditedPod,
  type AuditSummary,
  type Judged,
  type Judgement,
} from './judgement.ts'
import type { WaiverUse } from './waivers/waive.ts'

/** A pod of a cluster, or the pod of a workload in a file. */
export interface AuditedObject {
  readonly pod: unknown
  /** Namespace of a pod that names none. */
  readonly namespace: string
  readonly file?: string
  /** The workload that has the pod as its template. */
  readonly workload?: { readonly kind: string; readonly name: string }
}

export interface AuditOptions {
  readonly config: Config
  /** Explains from the state of the cluster why a pod was not injected; called for missing pods only. */
  readonly whyMissing?: (pod: AuditedPod) => Promise<string | undefined>
  readonly waivers?: Pick<WaiverUse, 'waive'>
}

/** Audits the pods that request a model, claim to have one, or carry injected parts. Errors of `objects` pass through. */
export async function* auditPods(
  objects: AsyncIterable<AuditedObject> | Iterable<AuditedObject>,
  { config, whyMissing, waivers }: AuditOptions,
): AsyncGenerator<AuditedPod, void, undefined> {
  for await (const object of objects) {
    const audited = auditPod(object.pod, object.namespace, config)
    if (audited === undefined) continue
    const placed = place(audited, object)
    const explained =
      whyMissing !== undefined && has(placed, 'missing') ? explainMissing(placed, await whyMissing(placed)) : placed
    yield waivers === undefined ? explained : waivers.waive(explained, labelsOf(object.pod))
  }
}

function labelsOf(pod: unknown): unknown {
  return (pod as { readonly metadata?: { readonly labels?: unknown } | null } | null | undefined)?.metadata?.labels
}

function place(pod: AuditedPod, { file, workload }: AuditedObject): AuditedPod {
  return {
    ...pod,
    ...(file !== undefined && { file }),
    ...(workload !== undefined && { name: `${workload.kind.toLowerCase()}/${workload.name}`, owner: workload }),
  }
}

function explainMissing(pod: AuditedPod, why: string | undefined): AuditedPod {
  if (why === undefined) return pod
  const explain = (judged: Judged): Judged =>
    judged.judgement === 'missing' ? { ...judged, reason: `${judged.reason}; ${printable(why)}` } : judged
  const [first, ...rest] = pod.judgements
  return { ...pod, judgements: [explain(first), ...rest.map(explain)] }
}

function has({ judgements }: AuditedPod, judgement: Judgement): boolean {
  return judgements.some((judged) => judged.judgement === judgement)
}

/** Counts pods and judgements of a stream. */
export class AuditCount {
  #pods = 0
  #waived = 0
  readonly #counts = new Map<Judgement, number>(judgementNames.map((name) => [name, 0]))

  async *count(pods: AsyncIterable<AuditedPod>): AsyncGenerator<AuditedPod, void, undefined> {
    for await (const pod of pods) {
      this.#pods++
      for (const name of countedJudgements(pod)) {
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
      }
      if (waivedOf(pod).length > 0) this.#waived++
      yield pod
    }
  }

  get summary(): AuditSummary {
    return {
      pods: this.#pods,
      waived: this.#waived,
      ...(Object.fromEntries(this.#counts) as Record<Judgement, number>),
    }
  }
}
