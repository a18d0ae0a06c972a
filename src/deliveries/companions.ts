/**
 * The companions of the deliveries, keyed by the delivery's annotation value. Only `render`, `check` and the generators of
 * docs load them: the core uses registry.ts. A new delivery needs its folder, a line here, and one there.
 */
import type { CheckRow } from '../diagnosis/check-row.ts'
import type { Delivery } from '../values/source.ts'
import { claimCompanion } from './claim/companion.ts'
import type { CheckCommand, Companion, RenderCommand } from './companion.ts'
import { downloadCompanion } from './download/companion.ts'
import { imageCompanion } from './image/companion.ts'
import { mountpointCompanion } from './mountpoint/companion.ts'
import { nodeCompanion } from './node/companion.ts'
import { sharedChecks } from './shared/checks.ts'

const table = {
  download: downloadCompanion,
  claim: claimCompanion,
  mountpoint: mountpointCompanion,
  node: nodeCompanion,
  image: imageCompanion,
} as const satisfies Record<Delivery, Companion>

type Table = typeof table

export const companions: Readonly<Record<Delivery, Companion>> = table

/** Deliveries that `render` supports. */
export type RenderedDelivery = {
  [D in keyof Table]: Table[D] extends { render: RenderCommand } ? D : never
}[keyof Table]

export const renderedDeliveries = Object.entries(companions).flatMap(([delivery, { render }]) =>
  render === undefined ? [] : [delivery as RenderedDelivery],
)

/** Deliveries that `check --delivery` supports. */
export type CheckedDelivery = { [D in keyof Table]: Table[D] extends { check: CheckCommand } ? D : never }[keyof Table]

export const checkCommands = Object.fromEntries(
  Object.entries(companions).flatMap(([delivery, { check }]) => (check === undefined ? [] : [[delivery, check]])),
) as Readonly<Record<CheckedDelivery, CheckCommand>>

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
