/** Differences of the injected parts from those that today's configuration would add. */
import type { OwnedFields } from '../inject/ownership/owned-fields.ts'
import { changedParts, differingFields, digestsOfFields, evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'
import type { PodFacts } from './pod-facts.ts'

/** Compares with the recorded digests, or without them with the fields found. Empty if nothing would be added today. */
export function plannedDifferences({ today: { planned }, status, found }: PodFacts): readonly Evidence[] {
  if (planned === undefined || status === undefined || found === undefined) return []
  const current = planned.fields
  const before = status.digests ?? digestsOfFields(found)
  const parts = changedParts(current, before)
  const known = parts.filter((part) => !changedParts(found, before).includes(part))
  const unknown = parts
    .filter((part) => !known.includes(part))
    .map((part) => evidence(part, describe(current, part), before[part] && `digest ${before[part]}`))
  return [...differingFields(known, current, found), ...unknown]
}

function describe(fields: OwnedFields, part: string): string | undefined {
  const digest = digestsOfFields(fields)[part]
  return digest && `digest ${digest}`
}
