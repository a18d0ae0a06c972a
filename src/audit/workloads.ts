/** Counts the pods of each workload: a row for each of these is kept, whatever the number of its pods. */
import {
  countedJudgements,
  rankOf,
  waivedOf,
  workloadOf,
  type AuditedPod,
  type AuditedWorkload,
  type Judgement,
} from './judgement.ts'

interface Row {
  readonly workload: Omit<AuditedWorkload, 'pods' | 'worst' | 'judgements' | 'waived'>
  readonly counts: Map<Judgement, number>
  worst: Judgement
  pods: number
  waived: number
}

export class WorkloadCount {
  readonly #rows = new Map<string, Row>()

  add(pod: AuditedPod): void {
    const [{ judgement }] = pod.judgements
    const row = this.#rowOf(pod, judgement)
    row.pods++
    if (waivedOf(pod).length > 0) row.waived++
    if (rankOf(judgement) < rankOf(row.worst)) row.worst = judgement
    for (const name of countedJudgements(pod)) row.counts.set(name, (row.counts.get(name) ?? 0) + 1)
  }

  /** The worst first; among equals by namespace, kind and name. */
  get workloads(): readonly AuditedWorkload[] {
    return [...this.#rows]
      .toSorted(([a, one], [b, other]) => rankOf(one.worst) - rankOf(other.worst) || (a < b ? -1 : 1))
      .map(([, { workload, counts, worst, pods, waived }]) => ({
        ...workload,
        pods,
        worst,
        judgements: Object.fromEntries([...counts].toSorted(([a], [b]) => rankOf(a) - rankOf(b))),
        waived,
      }))
  }

  /** One name in two files is two workloads. */
  #rowOf(pod: AuditedPod, worst: Judgement): Row {
    const { kind, name } = workloadOf(pod)
    const { namespace, file } = pod
    const key = JSON.stringify([namespace, kind, name, file])
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const workload = { namespace, kind, name, ...(file !== undefined && { file }) }
    const row = { workload, counts: new Map<Judgement, number>(), worst, pods: 0, waived: 0 }
    this.#rows.set(key, row)
    return row
  }
}
