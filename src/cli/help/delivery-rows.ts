/** The deliveries, for `help deliveries` and for docs/render.md. */
import { companions } from '../../deliveries/companions.ts'
import { deliveriesOfScheme, type Delivery } from '../../values/source.ts'

export interface DeliveryRow {
  readonly delivery: Delivery
  /** Code stands in backticks. */
  readonly sources: string
  /** What `render` prints for it. */
  readonly companions?: string
}

export function deliveryRows(): readonly DeliveryRow[] {
  return Object.entries(companions).map(([name, { render }]) => {
    const delivery = name as Delivery
    return { delivery, sources: sourcesOf(delivery), ...(render !== undefined && { companions: render.description }) }
  })
}

/** The default delivery of a scheme needs no annotation `delivery`. */
function sourcesOf(delivery: Delivery): string {
  return Object.entries<readonly string[]>(deliveriesOfScheme)
    .filter(([, own]) => own.includes(delivery))
    .map(([scheme, own]) => `\`${scheme}://\`${own[0] === delivery ? '' : ` and \`delivery: ${delivery}\``}`)
    .join(', ')
}
