/** Label selectors as the API server evaluates them. */
import type { LabelSelector } from './objects.ts'

export type Labels = Readonly<Record<string, string>>

/** An empty or missing selector selects everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  return failedRequirements(selector, labels).length === 0
}

/** Requirements that the labels do not meet, in kubectl's notation. */
export function failedRequirements(selector: LabelSelector | undefined, labels: Labels): readonly string[] {
  const equalities = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In',
    values: [value],
  }))
  return [...equalities, ...(selector?.matchExpressions ?? [])]
    .filter((requirement) => !meets(requirement, labels))
    .map(describe)
}

/** As the API takes it in the query `labelSelector`. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const equalities = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`)
  return [...equalities, ...matchExpressions.map(requirementText)].join(',')
}

function requirementText({ key, operator, values = [] }: Requirement): string {
  if (operator === 'Exists') return key
  return operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator.toLowerCase()} (${values.join(',')})`
}

/** Keys whose presence or value decides. */
export function keysOf(selector: LabelSelector | undefined): readonly string[] {
  return [...Object.keys(selector?.matchLabels ?? {}), ...(selector?.matchExpressions ?? []).map(({ key }) => key)]
}

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number]

function meets({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}

function describe({ key, operator, values = [] }: Requirement): string {
  return values.length === 0 ? `${key} ${operator}` : `${key} ${operator} [${values.join(', ')}]`
}
