/** Companion resources for the Mountpoint CSI driver: volumes, claims, roles, and the policy of the bucket. */
import type { ReadAccess } from '../../render/access.ts'
import { renderBucketPolicy } from '../../render/bucket-policy.ts'
import { mountpointObjects, type MountpointVolume } from './render-volume.ts'
import { merge, nothing, type Rendering } from '../../render/rendering.ts'
import { renderDownload } from '../download/render.ts'

export function renderMountpoint(volumes: readonly MountpointVolume[], readers: readonly ReadAccess[]): Rendering {
  return merge([...readers.map((access) => renderDownload(access)), renderMountpointVolumes(volumes, readers)])
}

/** Used if the roles are rendered separately, because they also cover other models. */
export function renderMountpointVolumes(
  volumes: readonly MountpointVolume[],
  readers: readonly ReadAccess[],
): Rendering {
  const buckets = [...Map.groupBy(volumes, ({ source }) => source.bucket)]
  return merge([
    { ...nothing, kubernetes: volumes.flatMap(mountpointObjects) },
    ...buckets.map(([bucket, [volume]]) =>
      renderBucketPolicy(
        bucket,
        volume?.region ?? '',
        readers.filter(({ sources }) => sources.some((source) => source.bucket === bucket)),
      ),
    ),
  ])
}
