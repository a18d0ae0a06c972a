/** Volumes that can be written to, and directories of them that a mount reaches. */
import type { Volume, VolumeMount } from '../pod/pod.ts'
import { cleanPath, isSameOrBelow } from '../values/path.ts'

/** Tokens, ConfigMaps, Secrets and images are never writable, whatever a mount says. */
export function isWritable(volume: Volume): boolean {
  return (
    ['projected', 'configMap', 'secret', 'downwardAPI', 'image'].every(
      (kind) => (volume as Readonly<Record<string, unknown>>)[kind] === undefined,
    ) && volume.persistentVolumeClaim?.readOnly !== true
  )
}

/** A directory beside the model's is none of the model. Undefined stands for the whole volume. */
export function reachesDirectory(directory: string | undefined, ofModel: string | undefined): boolean {
  if (ofModel === undefined || directory === undefined) return true
  const [mounted, own] = [cleanPath(directory), cleanPath(ofModel)]
  return isSameOrBelow(mounted, own) || isSameOrBelow(own, mounted)
}

type MountedDirectory = Pick<VolumeMount, 'subPath'> & { readonly subPathExpr?: unknown }

/** Undefined where it may be any: only the node knows what an expression becomes. */
export function directoryOf({ subPath, subPathExpr }: MountedDirectory): string | undefined {
  return typeof subPathExpr === 'string' || typeof subPath !== 'string' ? undefined : subPath
}
