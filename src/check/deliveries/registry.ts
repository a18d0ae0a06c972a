/** The deliveries that need something beside the pods, by the names that `render` has for them. */
import type { Delivery } from '../../annotations.ts'
import { checkAmi } from './ami.ts'
import type { DeliveryCheck } from './delivery-check.ts'
import { checkFsx } from './fsx.ts'
import { checkMountpoint } from './mountpoint.ts'
import { checkOci } from './oci.ts'

export interface CheckedDelivery {
  /** As annotations and reasons call it. */
  readonly delivery: Delivery
  readonly check: DeliveryCheck
  /** How to name what to look at where nothing is annotated yet. */
  readonly example: string
}

export const checkedDeliveries = {
  fsx: row({ delivery: 'claim', check: checkFsx, example: '--claim llama --from model-store/llama' }),
  mountpoint: row({
    delivery: 'mountpoint',
    check: checkMountpoint,
    example: '--source s3://my-ml-bucket/llama/1.2.3/',
  }),
  ami: row({ delivery: 'node', check: checkAmi, example: '--path /opt/models/llama-1.2.3' }),
  oci: row({ delivery: 'image', check: checkOci, example: '--oci registry.example.com/llama@sha256:…' }),
} as const

export type CheckedDeliveryName = keyof typeof checkedDeliveries

function row(definition: CheckedDelivery): CheckedDelivery {
  return definition
}
