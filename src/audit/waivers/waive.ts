/** Applies waivers to audited pods. What is waived stays visible, and no longer counts against the pod. */
import { matchesAny } from '../../values/pattern.ts'
import { conformingJudgements, workloadOf, type AuditedPod, type Judged } from '../judgement.ts'
import type { Waiver } from './parse-waivers.ts'

export interface WaiverUse {
  /** Those that no longer count. */
  readonly expired: readonly Waiver[]
  /** `labels` are those of the pod, whatever their type. */
  readonly waive: (pod: AuditedPod, labels: unknown) => AuditedPod
  /** Those that count and were for none of the judgements so far. */
  readonly unused: () => readonly Waiver[]
}

export function useWaivers(waivers: readonly Waiver[], now: Date): WaiverUse {
  const inForce = waivers.filter(({ endsAt }) => now.getTime() < endsAt)
  const used = new Set<Waiver>()
  const waive = (pod: AuditedPod, labels: unknown): AuditedPod => {
    const own = inForce.filter(({ pods }) => isFor(pods, pod, labels))
    if (own.length === 0) return pod
    const judged = pod.judgements.map((one) => {
      const matching = own.filter(({ judgement }) => judgement === one.judgement)
      for (const waiver of matching) used.add(waiver)
      const [first] = matching
      return first === undefined ? one : { ...one, waived: { reason: first.reason, until: first.until } }
    })
    return judged.some(({ waived }) => waived !== undefined) ? { ...pod, judgements: sortWaived(judged) } : pod
  }
  return {
    expired: waivers.filter((waiver) => !inForce.includes(waiver)),
    waive,
    unused: () => inForce.filter((waiver) => !used.has(waiver)),
  }
}

function isFor({ namespaces, names, workloads, labels = {} }: Waiver['pods'], pod: AuditedPod, own: unknown): boolean {
  const { kind, name } = workloadOf(pod)
  return (
    matchesAny(namespaces, pod.namespace) &&
    (names === undefined || matchesAny(names, pod.name)) &&
    (workloads === undefined || matchesAny(workloads, `${kind}/${name}`)) &&
    Object.entries(labels).every(([key, value]) => hasOwnText(own, key, value))
  )
}

/** Labels of a malformed pod may be anything. */
function hasOwnText(labels: unknown, key: string, value: string): boolean {
  return (
    typeof labels === 'object' &&
    labels !== null &&
    Object.hasOwn(labels, key) &&
    (labels as Readonly<Record<string, unknown>>)[key] === value
  )
}

const allWaived: Judged = { judgement: 'conforming', reason: 'all that speaks against it is waived', evidence: [] }

/** Judgements that count come first, so that the first one is the worst that counts. */
function sortWaived(judged: readonly Judged[]): AuditedPod['judgements'] {
  const counting = judged.filter(({ waived }) => waived === undefined)
  const waived = judged.filter((one) => one.waived !== undefined)
  const conforms = counting.every(({ judgement }) => conformingJudgements.includes(judgement))
  const isSaid = counting.some(({ judgement }) => judgement === 'conforming')
  const [worst = allWaived, ...rest] = conforms && !isSaid ? [...counting, allWaived] : counting
  return [worst, ...rest, ...waived]
}
