/**
 * The companions of the deliveries, keyed by the delivery's annotation value. Only `render`, `check` and the generators of
 * docs load them: the core uses registry.ts. A new delivery needs its folder, a line here, and one there.
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

/** Deliveries that `check --delivery` supports. */
export type CheckedDelivery = { [D in keyof Table]: Table[D] extends { check: CheckSubject } ? D : never }[keyof Table]

export const checkSubjects = Object.fromEntries(
  Object.entries(companions).flatMap(([delivery, { check }]) => (check === undefined ? [] : [[delivery, check]])),
) as Readonly<Record<CheckedDelivery, CheckSubject>>

/** Resolves a delivery's name or alias as typed. */
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
