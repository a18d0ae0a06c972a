/** The audited pods with what looking for them needs, worked out once. */
import type { AuditedModel, AuditedPod, Judged, Judgement } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'

export interface Row {
  readonly pod: AuditedPod
  /** `namespace/name`; with a number where two objects have one name, as files can. */
  readonly key: string
  /** 0 for the worst judgement there is. */
  readonly rank: number
  /** Those that are not waived. */
  readonly judgements: readonly Judgement[]
  /** The worst first, and what is waived last. */
  readonly judged: readonly Judged[]
  readonly owner: string
  /** All that can be searched for, in lower case. */
  readonly text: string
}

export const noVersion = '(no version)'
export const waivedName = 'waived'
export const noOwner = '(no owner)'
const levels = ['error', 'warning', 'note', 'none']

export function makeRows(pods: readonly AuditedPod[], meanings: AboutPage['judgements']): readonly Row[] {
  const ranks = rankJudgements(meanings)
  const seen = new Map<string, number>()
  return pods.map((pod) => {
    const name = `${pod.namespace}/${pod.name}`
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    const rankOf = ({ judgement }: Judged): number => ranks.get(judgement) ?? ranks.size
    const sorted = pod.judgements.toSorted((one, other) => rankOf(one) - rankOf(other))
    const counted = sorted.filter(({ waived }) => waived === undefined)
    const judged = [...counted, ...sorted.filter(({ waived }) => waived !== undefined)]
    return {
      pod,
      key: count === 1 ? name : `${name}#${count}`,
      rank: Math.min(...counted.map(rankOf)),
      judged,
      judgements: counted.map(({ judgement }) => judgement),
      owner: ownerOf(pod),
      text: searchText(pod),
    }
  })
}

/** Ranks from the worst to none, within a level in the order of the table. */
export function rankJudgements(meanings: AboutPage['judgements']): ReadonlyMap<string, number> {
  const names = Object.keys(meanings) as Judgement[]
  const ordered = levels.flatMap((level) => names.filter((name) => meanings[name].level === level))
  return new Map(ordered.map((name, index) => [name, index]))
}

/** The words under which the pod is counted: its judgements, and whether one is waived. */
export function countedAs({ judgements, judged }: Row): readonly string[] {
  return judged.length > judgements.length ? [...judgements, waivedName] : judgements
}

export function versionOf({ version }: AuditedModel): string {
  return version ?? noVersion
}

function ownerOf({ owner }: AuditedPod): string {
  return owner === undefined ? noOwner : `${owner.kind}/${owner.name}`
}

function searchText(pod: AuditedPod): string {
  const models = pod.models.flatMap((model) => [
    model.name,
    model.source,
    versionOf(model),
    model.delivery,
    model.image ?? '',
    model.mountPath,
    ...model.containers,
  ])
  const reasons = pod.judgements.flatMap(({ judgement, reason, waived }) => [
    judgement,
    reason,
    ...(waived === undefined ? [] : [waivedName, waived.reason, waived.until]),
  ])
  return [
    pod.namespace,
    pod.name,
    ownerOf(pod),
    pod.serviceAccount,
    pod.file ?? '',
    ...pod.rules,
    ...models,
    ...reasons,
  ]
    .join('\n')
    .toLowerCase()
}
