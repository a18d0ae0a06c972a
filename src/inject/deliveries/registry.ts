/** The deliveries this version has. Adding one is a file beside this one, a line here, and its tests. */
import type { Delivery } from '../../annotations.ts'
import { annotationField, annotationKey } from '../keys.ts'
import type { ModelRequest } from '../request.ts'
import type { Deliver, DeliveredModel, DeliveryContext } from './delivery.ts'
import { download } from './download.ts'

const deliverers: Readonly<Partial<Record<Delivery, Deliver>>> = { download }

export function deliver(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const deliverer = deliverers[model.delivery]
  if (deliverer !== undefined) return deliverer(model, context)
  const { config, findings } = context
  findings.deny({
    reason: 'DeliveryNotAvailable', field: annotationField(annotationKey(config.annotationPrefix, 'source', model.suffix)),
    found: model.source.uri, problem: `would be delivered as ${model.delivery}, which this version does not do yet`,
    accepted: Object.keys(deliverers).join(', '),
  })
  return undefined
}
