/** The volume of a claim that a pod only reads. */
import { volumesOf, type Volume } from '../../pod/pod.ts'
import type { DeliveryContext } from '../delivery.ts'
import { firstBy } from '../../pod/lookup.ts'

export interface ClaimVolume {
  /** The volume to mount. */
  readonly volume: string
  readonly volumes: readonly Volume[]
}

const findByClaim = firstBy<Volume>(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName)

/**
 * A claim that the pod has in another volume is mounted from there, and our own volume stays unused: a kubelet before 1.35
 * never starts a pod that mounts two volumes of one claim, a later one mounts both read-only if one of them is
 * (kubernetes#122140). What the app sees is read-only either way, by its mount.
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
