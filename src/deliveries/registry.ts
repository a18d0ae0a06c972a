/** The deliveries. A new one needs its folder, a line here, and tests. */
import type { Delivery, Source } from '../values/source.ts'
import type { Volume } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'
import { claim } from './claim/inject.ts'
import type { DeliveredModel, Deliverer, DeliveryContext } from './delivery.ts'
import { download } from './download/inject.ts'
import { image } from './image/inject.ts'
import { mountpoint } from './mountpoint/inject.ts'
import { node } from './node/inject.ts'

const deliverers: Readonly<Record<Delivery, Deliverer>> = { download, mountpoint, claim, node, image }

export function deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  return deliverers[model.delivery].deliver(model, context)
}

/** True for a volume as one of the deliveries adds it for that source. */
export function isVolumeFor(volume: Volume, source: Source): boolean {
  return Object.values(deliverers).some((deliverer) => deliverer.adds?.(volume, source) === true)
}
