/** Mounts a claim read-only, in a volume of its own or the pod's. */
import { volumesOf, type Volume } from '../../pod/pod.ts'
import type { DeliveryContext } from '../delivery.ts'
import { firstBy } from '../../pod/lookup.ts'

export interface ClaimVolume {
  /** Name of the volume to mount. */
  readonly volume: string
  readonly volumes: readonly Volume[]
}

const findByClaim = firstBy<Volume>(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName)

/**
 * If the pod already has the claim in a volume, the model is mounted from there and our own volume stays unused: a kubelet
 * before 1.35 never starts a pod that mounts two volumes of one claim, and later ones mount both read-only if one of them
 * is (kubernetes#122140). The app's mount is read-only either way.
 */
export function claimVolume(name: string, claimName: string, { pod, volumes }: DeliveryContext): ClaimVolume {
  const own = { name, persistentVolumeClaim: { claimName, readOnly: true } }
  const present =
    findByClaim(volumesOf(pod), claimName) ??
    volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claimName)
  return { volume: present?.name ?? name, volumes: [own] }
}

export function isClaimVolume({ persistentVolumeClaim }: Volume, claimName?: string): boolean {
  return (
    persistentVolumeClaim?.readOnly === true &&
    (claimName === undefined || persistentVolumeClaim.claimName === claimName)
  )
}
