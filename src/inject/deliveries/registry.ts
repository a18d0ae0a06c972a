/** The deliveries. Adding one is a file beside this one, a line here, and its tests. */
import type { Delivery } from '../../annotations.ts'
import type { Source } from '../../values/source.ts'
import type { Volume } from '../pod.ts'
import type { ModelRequest } from '../request.ts'
import { claim } from './claim.ts'
import type { DeliveredModel, Deliverer, DeliveryContext } from './delivery.ts'
import { download } from './download.ts'
import { image } from './image.ts'
import { mountpoint } from './mountpoint.ts'
import { node } from './node.ts'

const deliverers: Readonly<Record<Delivery, Deliverer>> = { download, mountpoint, claim, node, image }

export function deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  return deliverers[model.delivery].deliver(model, context)
}

/** True for a volume as some delivery adds it for that source. */
export function isVolumeFor(volume: Volume, source: Source): boolean {
  return Object.values(deliverers).some((deliverer) => deliverer.adds?.(volume, source) === true)
}
