/** The orders in which rows can stand. */
import { versionOf, type Row } from './rows.ts'

/** Numbers by value: version 10 comes after version 9. Made once, as each call of localeCompare would make its own. */
const collator = new Intl.Collator('en', { numeric: true })

export const compareTexts: (one: string, other: string) => number = collator.compare

type Comparison = (one: Row, other: Row) => number

const byKey: Comparison = (one, other) =>
  compareTexts(one.pod.namespace, other.pod.namespace) || compareTexts(one.pod.name, other.pod.name)

const comparisons: Readonly<Record<string, Comparison>> = {
  judgement: (one, other) => one.rank - other.rank,
  namespace: (one, other) => compareTexts(one.pod.namespace, other.pod.namespace),
  pod: (one, other) => compareTexts(one.pod.name, other.pod.name),
  model: (one, other) => compareTexts(modelText(one), modelText(other)),
  account: (one, other) => compareTexts(one.pod.serviceAccount, other.pod.serviceAccount),
  created: (one, other) => compareTexts(one.pod.createdAt ?? '', other.pod.createdAt ?? ''),
}

/** The worst first, unless `column` says otherwise; equal ones by namespace and name. */
export function sortRows(rows: readonly Row[], column: string, isDescending: boolean): readonly Row[] {
  const compare = Object.hasOwn(comparisons, column) ? comparisons[column] : comparisons.judgement
  const direction = isDescending ? -1 : 1
  return rows.toSorted((one, other) => direction * (compare?.(one, other) ?? 0) || byKey(one, other))
}

function modelText({ pod }: Row): string {
  return pod.models.map((model) => `${model.family} ${versionOf(model)}`).join(' ')
}
