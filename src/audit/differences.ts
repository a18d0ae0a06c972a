/** Compares the parts of a pod with their recorded digests and with today's plan. */
import { digestOf, type Digests } from '../inject/ownership/digest.ts'
import type { OwnedFields } from '../inject/ownership/owned-fields.ts'
import type { PartFields } from '../inject/ownership/volume-fields.ts'
import type { Evidence } from './judgement.ts'

/** Parts whose fields do not have these digests. The status is compared in tampering.ts. */
export function changedParts(fields: OwnedFields, digests: Digests): readonly string[] {
  const parts = new Set([...Object.keys(fields), ...Object.keys(digests)])
  parts.delete('status')
  return [...parts].filter((part) => digestOf(fields[part] ?? {}) !== (digests[part] ?? digestOf({})))
}

export function digestsOfFields(fields: OwnedFields): Digests {
  return Object.fromEntries(Object.entries(fields).map(([part, own]) => [part, digestOf(own)]))
}

/** Every field of both, in the order of the pod that is expected. */
export function allFields(expected: OwnedFields, found: OwnedFields): readonly Evidence[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].flatMap((part) =>
    fieldsOf(part, expected[part] ?? {}, found[part] ?? {}),
  )
}

/** Those that differ, of these parts. */
export function differingFields(
  parts: readonly string[],
  expected: OwnedFields,
  found: OwnedFields,
): readonly Evidence[] {
  return parts
    .flatMap((part) => fieldsOf(part, expected[part] ?? {}, found[part] ?? {}))
    .filter((evidence) => evidence.expected !== evidence.found)
}

function fieldsOf(part: string, expected: PartFields, found: PartFields): readonly Evidence[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])].flatMap((field) => {
    const [planned, present] = [expected[field], found[field]]
    return planned === undefined && present === undefined ? [] : [evidence(fieldPath(part, field), planned, present)]
  })
}

/** A field that only has to be there has no text of its own. */
function fieldPath(part: string, field: string): string {
  return field === '' ? part : `${part}.${field}`
}

export function evidence(field: string, expected: string | undefined, found: string | undefined): Evidence {
  return { field, ...(expected !== undefined && { expected }), ...(found !== undefined && { found }) }
}
