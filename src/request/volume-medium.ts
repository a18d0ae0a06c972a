/**
 * The medium that a downloaded model counts against: the node's disk, the pod's memory, or nothing the kubelet watches.
 */
import { volumesOf, type Pod, type Volume } from '../pod/pod.ts'
import type { ModelRequest } from './model-request.ts'
import { findByName } from '../pod/lookup.ts'

export type VolumeMedium = 'disk' | 'memory'

export function volumeMediumOf(model: ModelRequest, pod: Pod): VolumeMedium | undefined {
  if (model.delivery !== 'download') return undefined
  switch (model.volume.kind) {
    case 'disk':
    case 'memory':
      return model.volume.kind
    case 'ephemeral':
      return undefined
    case 'existing':
      return mediumOfVolume(findByName(volumesOf(pod), model.volume.volume))
  }
}

function mediumOfVolume(volume: Volume | undefined): VolumeMedium | undefined {
  const { emptyDir } = volume ?? {}
  if (typeof emptyDir !== 'object' || emptyDir === null) return undefined
  return (emptyDir as { medium?: unknown }).medium === 'Memory' ? 'memory' : 'disk'
}
