/**
 * Injects `pvc://`: the model is on a volume that is filled elsewhere, as a shared claim of Trident. The app mounts the
 * model's directory. The kubelet creates a missing directory, also for a read-only mount, and the app would start on an
 * empty one; so a loader checks first.
 */
import { basename } from '../../values/path.ts'
import type { Source } from '../../values/source.ts'
import { dataVolumeName } from '../../pod/injected-names.ts'
import type { Volume } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import { claimVolume, isClaimVolume } from '../shared/claim-volume.ts'
import type { Deliverer, DeliveredModel, DeliveryContext } from '../delivery.ts'
import { verifyTask } from '../shared/verify-task.ts'
import { annotationKey } from '../../request/keys.ts'
import { annotationField } from '../../pod/field-path.ts'

export const claimDelivery: Deliverer = {
  deliver: deliverClaim,
  adds: (volume: Volume, source: Source) => source.scheme === 'pvc' && isClaimVolume(volume, source.claim),
}

function deliverClaim(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const { source, suffix, expect } = model
  if (source.scheme !== 'pvc') return undefined
  const chosen = claimVolume(dataVolumeName(suffix), source.claim, context)
  warnOfMovingPath(model, source.path, context)
  return {
    ...chosen,
    ...(source.path !== undefined && { subPath: source.path }),
    ...((source.path !== undefined || expect !== undefined) && {
      loader: verifyTask(model, chosen.volume, context.request),
    }),
  }
}

/** Publishers keep a link of this name; the kubelet follows it at each start of a container. */
function warnOfMovingPath(
  { name, suffix }: ModelRequest,
  path: string | undefined,
  { config, findings }: DeliveryContext,
): void {
  if (path === undefined || basename(path) !== 'current') return
  findings.warn(
    'PathMayChange',
    `${name}: after a restart, current may be another version than its neighbours see`,
    annotationField(annotationKey(config.annotationPrefix, 'source', suffix)),
  )
}
