/**
 * The companions of the deliveries, by the word that annotations have for each. Loaded by `render`, `check` and the generators of
 * docs only: the core knows registry.ts. Adding a delivery is its folder, a line here, and one there.
 */
import type { CheckRow } from '../diagnosis/check-row.ts'
import type { Delivery } from '../values/source.ts'
import { claim } from './claim/companion.ts'
import type { CheckSubject, Companion } from './companion.ts'
import { download } from './download/companion.ts'
import { image } from './image/companion.ts'
import { mountpoint } from './mountpoint/companion.ts'
import { node } from './node/companion.ts'
import { sharedChecks } from './shared/checks.ts'

const table = { download, claim, mountpoint, node, image } as const satisfies Record<Delivery, Companion>

type Table = typeof table

export const companions: Readonly<Record<Delivery, Companion>> = table

/** The deliveries that `check --delivery` knows. */
export type CheckedDelivery = { [D in keyof Table]: Table[D] extends { check: CheckSubject } ? D : never }[keyof Table]

export const checkSubjects = Object.fromEntries(
  Object.entries(companions).flatMap(([delivery, { check }]) => (check === undefined ? [] : [[delivery, check]])),
) as Readonly<Record<CheckedDelivery, CheckSubject>>

/** The name of a delivery, or an alias of it, as people type them. */
export function deliveryOfName(name: string): Delivery | undefined {
  const found = Object.entries(companions).find(([delivery, { alias }]) => delivery === name || alias === name)
  return found?.[0] as Delivery | undefined
}

type OwnCheckId = { [D in keyof Table]: keyof Table[D]['checks'] & string }[keyof Table]
export type DeliveryCheckId = keyof typeof sharedChecks | OwnCheckId

/** The rows of all deliveries. */
export const deliveryChecks = Object.assign(
  {},
  sharedChecks,
  ...Object.values(table).map(({ checks }) => checks),
) as Readonly<Record<DeliveryCheckId, CheckRow>>
