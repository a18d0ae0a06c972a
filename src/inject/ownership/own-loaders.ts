/** Tells the injector's own loaders, and the volumes that they mount, from those of users. */
import { runsLoader, runsVerifier } from '../loader-command.ts'
import type { Container } from '../../pod/pod.ts'
import { tmpVolume, loaderName, dataName, isLoaderName, envValue } from '../../pod/injected-names.ts'

/**
 * The volumes of ours that the loaders mount: their own data volume and the one for small files. The name alone may be a
 * user's, and so may a volume that only begins like ours and that a loader fills because it was asked to.
 */
export function volumesOfLoaders(loaders: readonly Container[]): ReadonlySet<string> {
  return new Set(
    loaders.flatMap(({ name, volumeMounts }) => {
      const own = [tmpVolume, dataName + name.slice(loaderName.length)]
      return (volumeMounts ?? []).map((mount) => mount.name).filter((mounted) => own.includes(mounted))
    }),
  )
}

/** Ours is what has our name, our command and our environment; any of them alone proves nothing. */
export function isOurLoader(container: Container): boolean {
  return isLoaderName(container.name) && runsLoader(container) && envValue(container, 'MODEL_SOURCE') !== undefined
}

/** True for a loader that downloads, and so needs network and an identity. */
export function isDownloadLoader(container: Container): boolean {
  return isOurLoader(container) && !runsVerifier(container)
}
