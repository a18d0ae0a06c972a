/**
 * Injects `s3://` by the Mountpoint CSI driver: a claim whose volume shows a prefix of a bucket; only data that the app
 * reads is fetched.
 */
import type { S3Source, Source } from '../../values/source.ts'
import { annotationKey } from '../../request/keys.ts'
import { annotationField } from '../../pod/field-path.ts'
import { dataVolumeName } from '../../pod/injected-names.ts'
import type { Volume } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import { claimVolume, isClaimVolume } from '../shared/claim-volume.ts'
import type { Deliverer, DeliveredModel, DeliveryContext } from '../delivery.ts'
import { modelId } from '../download/inject.ts'

/** Holds a pod back until a node has room for its Mountpoint pod as well (the driver's HEADROOM_FOR_MPPOD.md). */
export const headroomGate = 's3.csi.aws.com/reserve-headroom-for-mppod'

/**
 * Default claim of a pod: `mp-<id>`. The name depends on the source alone, so that it can be rendered without the
 * operator's configuration.
 */
export function mountpointClaimName(source: S3Source): string {
  return `mp-${modelId({ source, endpoint: undefined, region: undefined, include: [], exclude: [], expect: undefined })}`
}

export const mountpointDelivery: Deliverer = {
  deliver: deliverMountpoint,
  // An annotation may have named the claim.
  adds: (volume: Volume, source: Source) => source.scheme === 's3' && isClaimVolume(volume),
}

function deliverMountpoint(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const { source, suffix, claim } = model
  if (source.scheme !== 's3') return undefined
  if (source.extent === 'object' || source.key === '') {
    denyOtherThanPrefix(source, model, context)
    return undefined
  }
  const { pod, config } = context
  // The API server refuses a pod that has both a gate and a node.
  const gated = config.mountpoint?.headroomGate === true && !pod.spec.nodeName
  return {
    ...claimVolume(dataVolumeName(suffix), claim ?? mountpointClaimName(source), context),
    ...(gated && { scheduling: { schedulingGates: [headroomGate] } }),
  }
}

function denyOtherThanPrefix(
  { uri, extent }: S3Source,
  { suffix }: ModelRequest,
  { config, findings }: DeliveryContext,
): void {
  const [problem, remedy] =
    extent === 'object' ? ['is one object', 'end it with /'] : ['is a whole bucket', 'name a prefix in it']
  findings.deny({
    reason: 'NotApplicable',
    field: annotationField(annotationKey(config.annotationPrefix, 'source', suffix)),
    found: uri,
    problem: `${problem}, and mountpoint mounts prefixes`,
    remedy: `${remedy}, or set ${annotationKey(config.annotationPrefix, 'delivery', suffix)} to download`,
  })
}
