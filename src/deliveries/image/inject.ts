/**
 * Injects `oci://`: the model is an artifact in a registry, which the container runtime pulls and mounts like an image.
 */
import { annotationKey } from '../../request/keys.ts'
import { annotationField } from '../../pod/field-path.ts'
import { compareClusterVersions, parseClusterVersion } from '../../values/cluster-version.ts'
import type { Source } from '../../values/source.ts'
import { dataVolumeName } from '../../pod/injected-names.ts'
import type { Volume } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import type { Deliverer, DeliveredModel, DeliveryContext } from '../delivery.ts'

/**
 * The first version with image volumes on by default (feature gate ImageVolume). An API server before 1.31 drops the field
 * and makes an emptyDir of the rest, and the app starts without its model; later ones refuse the pod.
 */
export const firstClusterVersionWithImageVolumes = '1.35'

export const imageDelivery: Deliverer = {
  deliver: deliverImage,
  // Another webhook may have rewritten the reference to a mirror.
  adds: (volume: Volume, source: Source) => source.scheme === 'oci' && Boolean(volume.image),
}

function deliverImage(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const { source, suffix } = model
  if (source.scheme !== 'oci') return undefined
  denyOldCluster(model, context)
  const volume = dataVolumeName(suffix)
  return {
    volume,
    volumes: [{ name: volume, image: { reference: source.reference, pullPolicy: 'IfNotPresent' } }],
    ...(source.path !== undefined && { subPath: source.path }),
  }
}

/** An unknown version counts as too old: otherwise the app could start on an empty directory. */
function denyOldCluster({ source, suffix }: ModelRequest, { config, findings }: DeliveryContext): void {
  const stated = config.cluster?.version
  if (stated !== undefined && isNewEnough(stated)) return
  findings.deny({
    reason: 'DeliveryNotAvailable',
    field: annotationField(annotationKey(config.annotationPrefix, 'source', suffix)),
    found: source.uri,
    problem: `needs a cluster of version ${firstClusterVersionWithImageVolumes} or later, and the operator's configuration ${
      stated === undefined ? 'does not say which version this one is' : `says that this one is ${stated}`
    }`,
    remedy:
      stated === undefined ? 'have cluster.version set there' : 'use another source, or have the cluster upgraded',
  })
}

function isNewEnough(stated: string): boolean {
  const [version, least] = [parseClusterVersion(stated), parseClusterVersion(firstClusterVersionWithImageVolumes)]
  return version.ok && least.ok && compareClusterVersions(version.value, least.value) >= 0
}
