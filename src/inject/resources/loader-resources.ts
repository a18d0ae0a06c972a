/**
 * The resources of the loader, chosen so that the pod stays as schedulable as it was: the same QoS class, and never more cpu or
 * memory than the app itself has, unless the pod asks for it. Disk and memory volumes are counted as the kubelet counts
 * them: for the whole pod, also after the loader has ended.
 *
 * Known sidecars and init containers of known agents are left out of every sum: another webhook may add them before or
 * after us, and the loader must come out the same.
 */
import type { Config } from '../../config/config.ts'
import { formatBytes, formatMillicores } from '../../values/quantity.ts'
import type { Findings } from '../../request/findings.ts'
import type { Pod, Resources } from '../../pod/pod.ts'
import type { InjectionRequest } from '../../request/model-request.ts'
import type { Share } from './resource-amounts.ts'
import { cpuShare, memoryShare } from './compute.ts'
import { asksByLimit, qosClass, type Compute } from './qos.ts'
import { storageShare } from './storage.ts'

/** Resources of every loader of the pod: they run one after another, so each gets the whole share. */
export function loaderResources(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Resources {
  const qos = qosClass(pod, config)
  const memory = qos === 'BestEffort' ? undefined : memoryShare(pod, request, config, findings)
  const cpu = qos === 'BestEffort' ? undefined : cpuShare(pod, request, config, findings)
  const storage = storageShare(pod, request, config, findings)
  const fit = (name: Compute, share: Share | undefined): Share | undefined =>
    asksByLimit(pod, name, config) ? undefined : qos === 'Guaranteed' ? pinned(share) : share
  return resourcesOf({ cpu: fit('cpu', cpu), memory: fit('memory', memory), 'ephemeral-storage': storage })
}

function pinned(share: Share | undefined): Share | undefined {
  const value = share?.limit ?? share?.request
  return { request: value, limit: value }
}

function resourcesOf(shares: Record<string, Share | undefined>): Resources {
  const pick = (bound: keyof Share): Record<string, string> =>
    Object.fromEntries(
      Object.entries(shares).flatMap(([name, share]) => {
        const value = share?.[bound]
        return value === undefined ? [] : [[name, name === 'cpu' ? formatMillicores(value) : formatBytes(value)]]
      }),
    )
  const [requests, limits] = [pick('request'), pick('limit')]
  return {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  }
}
