/**
 * The position of the loader at which it has network although a service mesh redirects the pod's traffic.
 *
 * | mesh in the pod                                        | loader stands                     | and runs as          |
 * |--------------------------------------------------------|-----------------------------------|----------------------|
 * | proxy is a sidecar container among the init containers | right after the proxy             | any user             |
 * | istio-init or linkerd-init redirects                   | before it                         | any user             |
 * | a CNI plugin redirects from the start                  | anywhere                          | the proxy's own user |
 * | none, or ambient                                       | first                             | any user             |
 *
 * The proxy's own traffic is what a CNI plugin lets through: istio by user 1337, linkerd by user 2102.
 * Sources: istio pkg/kube/inject/webhook.go (reorderPod), linkerd2 charts/patch, kserve storage_initializer_injector.go.
 */
import type { InitOrder } from '../../annotations.ts'
import { annotationsOf, initContainersOf, isNativeSidecar, type Container, type Pod } from '../../pod/pod.ts'
import { findByName } from '../../pod/lookup.ts'
import { isDownloadLoader, isOurLoader } from '../ownership/own-loaders.ts'

interface MeshProxy {
  readonly container: string
  /** Redirects traffic from inside the pod; without it a CNI plugin has done so from outside. */
  readonly redirectInit: string
  readonly user: number
}

const meshProxies: readonly MeshProxy[] = [
  { container: 'istio-proxy', redirectInit: 'istio-init', user: 1337 },
  { container: 'linkerd-proxy', redirectInit: 'linkerd-init', user: 2102 },
]

/**
 * Init containers of meshes other than the proxies. A mesh may come before or after us, so what these use is not the
 * app's.
 */
const meshInitContainers: readonly string[] = [
  'istio-init',
  'istio-validation',
  'linkerd-init',
  'linkerd-network-validator',
]

/** Traffic of every user is intercepted in this mode, so the proxy's user is no way out. */
const istioInterceptionMode = 'sidecar.istio.io/interceptionMode'

export function isMeshInitContainer({ name }: Container): boolean {
  return meshInitContainers.includes(name)
}

/** The index among the pod's init containers (ours not counted) at which the loaders belong. */
export function loaderIndex(pod: Pod, order: InitOrder): number {
  const others = initContainersOf(pod).filter((container) => !isOurLoader(container))
  if (order === 'last') return others.length
  return order === 'first' ? 0 : lastNativeProxy(others) + 1
}

/**
 * True where the loaders that need it stand after every native proxy and before every container that cuts the network
 * off.
 */
export function loadersHaveNetwork(pod: Pod): boolean {
  const containers = initContainersOf(pod)
  const proxy = lastNativeProxy(containers)
  const redirect =
    proxy < 0 ? containers.findIndex(({ name }) => meshProxies.some(({ redirectInit }) => redirectInit === name)) : -1
  return containers.every(
    (container, i) => !isDownloadLoader(container) || (i > proxy && (redirect < 0 || i < redirect)),
  )
}

/** True for an index among the other init containers at which a loader has network; a chosen order may be another. */
export function hasNetworkAt(pod: Pod, index: number): boolean {
  const others = initContainersOf(pod).filter((container) => !isOurLoader(container))
  const proxy = lastNativeProxy(others)
  const redirect = others.findIndex(({ name }) => meshProxies.some(({ redirectInit }) => redirectInit === name))
  if (proxy >= 0 && index > proxy) return true
  return redirect < 0 ? proxy < 0 : index <= redirect
}

/** The user whose traffic a CNI plugin lets through, where one redirects this pod; else undefined. */
export function userPastInterception(pod: Pod): number | undefined {
  const proxy = cniProxy(pod)
  if (proxy === undefined || interceptsEverybody(pod)) return undefined
  // A proxy that binds low ports runs as root, which a loader never does; istio exempts its usual user all the same.
  const user = proxy.container.securityContext?.runAsUser ?? 0
  return user === 0 ? proxy.user : user
}

/** True where the mesh takes the traffic of every user, so that no choice of ours helps. */
export function interceptsEverybody(pod: Pod): boolean {
  return cniProxy(pod)?.container.name === 'istio-proxy' && annotationsOf(pod)[istioInterceptionMode] === 'TPROXY'
}

function cniProxy(pod: Pod): { container: Container; user: number } | undefined {
  for (const proxy of meshProxies) {
    const container = findByName(pod.spec.containers, proxy.container)
    const redirect = findByName(initContainersOf(pod), proxy.redirectInit)
    if (container !== undefined && redirect === undefined) return { container, user: proxy.user }
  }
  return undefined
}

function lastNativeProxy(containers: readonly Container[]): number {
  return containers.findLastIndex(
    (container) => isNativeSidecar(container) && meshProxies.some((proxy) => proxy.container === container.name),
  )
}
