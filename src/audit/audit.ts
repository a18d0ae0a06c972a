/**
 * Audits pods as they come, one at a time: ten thousand take no more memory than a page of them. Only those with a model on a
 * claim wait, as audited pods, until every pod has been seen that could write there.
 */
import type { Config } from '../config/config.ts'
import { printable } from '../values/print/printable.ts'
import { examinePod, type ExaminedPod } from './audit-pod.ts'
import { labelsOf, type AuditedObject } from './audited-object.ts'
import { malformed } from './judge-facts.ts'
import {
  countedJudgements,
  judgementNames,
  waivedOf,
  type AuditedPod,
  type AuditSummary,
  type Judged,
  type Judgement,
} from './judgement.ts'
import { Neighbours } from './neighbours.ts'
import type { WaiverUse } from './waivers/waive.ts'

export interface AuditOptions {
  readonly config: Config
  /** Explains from the state of the cluster why a pod was not injected; called for missing pods only. */
  readonly whyMissing?: (pod: AuditedPod) => Promise<string | undefined>
  /** Called for pods of Jobs only. */
  readonly findCronJob?: FindCronJob
  readonly waivers?: Pick<WaiverUse, 'waive'>
}

/** Undefined where the Job has none, or cannot be read. */
export type FindCronJob = (namespace: string, job: string) => Promise<string | undefined>

/**
 * Audits the pods that request a model, claim to have one, or carry injected parts. Those with a model on a claim come after
 * the others of their namespace, or at the end. Errors of `objects` pass through.
 */
export async function* auditPods(
  objects: AsyncIterable<AuditedObject> | Iterable<AuditedObject>,
  options: AuditOptions,
): AsyncGenerator<AuditedPod, void, undefined> {
  const { config, waivers } = options
  const neighbours = new Neighbours(config)
  const waive = (pod: AuditedPod, labels: unknown): AuditedPod => waivers?.waive(pod, labels) ?? pod
  for await (const object of objects) {
    for (const { pod, labels } of neighbours.endedBefore(object)) yield waive(pod, labels)
    const examined = examineObject(object, config)
    const audited = examined.audited && (await complete(examined.audited, object, options))
    const isWaiting = neighbours.add(object, { ...examined, audited })
    if (audited !== undefined && !isWaiting) yield waive(audited, labelsOf(object))
  }
  for (const { pod, labels } of neighbours.ended()) yield waive(pod, labels)
}

function examineObject({ pod, namespace, unknown, fieldOf }: AuditedObject, config: Config): ExaminedPod {
  if (unknown === undefined) return examinePod(pod, namespace, config, fieldOf)
  const audited: AuditedPod = {
    namespace,
    name: '',
    serviceAccount: 'default',
    models: [],
    rules: [],
    judgements: [malformed([unknown])],
    unjudged: true,
  }
  return { audited, pod: undefined, status: undefined, isCompared: false }
}

/** Adds what the pod alone does not show, and no other pod either. */
async function complete(
  pod: AuditedPod,
  object: AuditedObject,
  { whyMissing, findCronJob }: AuditOptions,
): Promise<AuditedPod> {
  const placed = place(await followJob(pod, findCronJob), object)
  return whyMissing !== undefined && has(placed, 'missing') ? explainMissing(placed, await whyMissing(placed)) : placed
}

async function followJob(pod: AuditedPod, findCronJob: FindCronJob | undefined): Promise<AuditedPod> {
  const { owner, namespace } = pod
  if (findCronJob === undefined || owner?.kind !== 'Job') return pod
  const name = await findCronJob(namespace, owner.name)
  return name === undefined ? pod : { ...pod, owner: { kind: 'CronJob', name } }
}

function place(pod: AuditedPod, { file, workload, part, lineOf }: AuditedObject): AuditedPod {
  return {
    ...pod,
    ...(file !== undefined && { file }),
    ...(lineOf !== undefined && { lineOf }),
    ...(part !== undefined && { part }),
    ...(workload !== undefined && { name: titleOf(workload, part), owner: workload }),
  }
}

function titleOf({ kind, name }: NonNullable<AuditedObject['workload']>, part: string | undefined): string {
  return `${kind.toLowerCase()}/${name}${part === undefined ? '' : ` (${part})`}`
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
  #unjudged = 0
  readonly #counts = new Map<Judgement, number>(judgementNames.map((name) => [name, 0]))

  async *count(pods: AsyncIterable<AuditedPod>): AsyncGenerator<AuditedPod, void, undefined> {
    for await (const pod of pods) {
      this.#pods++
      if (pod.unjudged === true) this.#unjudged++
      for (const name of countedJudgements(pod)) {
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
      }
      if (waivedOf(pod).length > 0) this.#waived++
      yield pod
    }
  }

  /** Objects whose pods are not known, and which no judgement is about. */
  get unjudged(): number {
    return this.#unjudged
  }

  get summary(): AuditSummary {
    return {
      pods: this.#pods,
      waived: this.#waived,
      ...(Object.fromEntries(this.#counts) as Record<Judgement, number>),
    }
  }
}
