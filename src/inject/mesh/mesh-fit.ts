/** Fits a present loader to a service mesh that was injected after it. */
import { loaderIndex, loadersHaveNetwork, userPastInterception } from './mesh.ts'
import { isDownloadLoader, isOurLoader } from '../ownership/own-loaders.ts'
import { initContainersOf, type Container, type Pod } from '../../pod/pod.ts'
import type { Status } from '../status.ts'

/** The same pod where nothing has to change, or where the pod's author chose place and user. */
export function fitToMesh(pod: Pod, status: Status): Pod {
  const placed = status.initOrder === 'auto' && !loadersHaveNetwork(pod) ? moveLoaders(pod) : pod
  return status.runAsUser === 'auto' ? runPastInterception(placed) : placed
}

/** Moves all loaders: they stay together, in their order. */
function moveLoaders(pod: Pod): Pod {
  const loaders = initContainersOf(pod).filter(isOurLoader)
  const others = initContainersOf(pod).filter((container) => !isOurLoader(container))
  const index = loaderIndex(pod, 'auto')
  return withInitContainers(pod, [...others.slice(0, index), ...loaders, ...others.slice(index)])
}

function runPastInterception(pod: Pod): Pod {
  const user = userPastInterception(pod)
  const fits = (container: Container): boolean =>
    !isDownloadLoader(container) || container.securityContext?.runAsUser === user
  if (user === undefined || initContainersOf(pod).every(fits)) return pod
  return withInitContainers(
    pod,
    initContainersOf(pod).map((container) =>
      fits(container)
        ? container
        : { ...container, securityContext: { ...container.securityContext, runAsUser: user } },
    ),
  )
}

function withInitContainers(pod: Pod, initContainers: readonly Container[]): Pod {
  return { ...pod, spec: { ...pod.spec, initContainers } }
}
