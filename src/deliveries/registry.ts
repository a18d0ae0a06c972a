/** The deliveries. A new one needs its folder, a line here, and tests. */
import type { Delivery, Source } from '../values/source.ts'
import type { Volume } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'
import { claimDelivery } from './claim/inject.ts'
import type { DeliveredModel, Deliverer, DeliveryContext } from './delivery.ts'
import { downloadDelivery } from './download/inject.ts'
import { imageDelivery } from './image/inject.ts'
import { mountpointDelivery } from './mountpoint/inject.ts'
import { nodeDelivery } from './node/inject.ts'

const deliverers: Readonly<Record<Delivery, Deliverer>> = {
  download: downloadDelivery,
  mountpoint: mountpointDelivery,
  claim: claimDelivery,
  node: nodeDelivery,
  image: imageDelivery,
}

export function deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  return deliverers[model.delivery].deliver(model, context)
}

/** True for a volume as one of the deliveries adds it for that source. */
export function isVolumeFor(volume: Volume, source: Source): boolean {
  return Object.values(deliverers).some((deliverer) => deliverer.adds?.(volume, source) === true)
}
