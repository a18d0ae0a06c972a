/** cpu and memory of the loader: at most what the app has, unless the pod asks for more. */
import type { Config } from '../../config/config.ts'
import { formatBytes, formatMillicores } from '../../values/quantity.ts'
import type { Findings } from '../../request/findings.ts'
import { volumeMediumOf } from '../../request/volume-medium.ts'
import { appContainers, type Pod } from '../../pod/pod.ts'
import { leastLoaderMemoryBytes } from '../../values/engine.ts'
import type { InjectionRequest } from '../../request/model-request.ts'
import { amount, fieldOf, sizeOn, sum, type Share } from './resource-amounts.ts'
import type { Compute } from './qos.ts'

/** The app's share of one resource; `limit` is undefined where it is not limited. */
interface AppShare {
  readonly request: number
  readonly limit: number | undefined
  /** The share of the pod as a whole (`spec.resources`); the API server refuses containers that ask for more. */
  readonly podRequest: number
  readonly podLimit: number
}

export function cpuShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const app = appShare(pod, 'cpu', config)
  const own = request.cpuMillicores
  if (request.cpuChosen) {
    if (own > app.podLimit) {
      tooLarge(fieldOf('cpu', config), formatMillicores(own), formatMillicores(app.podLimit), findings)
    }
    return withinPod({ request: own, limit: app.limit === undefined ? undefined : own }, app)
  }
  // Without any cpu of the app a request of ours would be the only one and raise what the pod asks for.
  if (app.request === 0) return { request: undefined, limit: undefined }
  return withinPod(
    { request: Math.min(own, app.request), limit: app.limit === undefined ? undefined : Math.min(own, app.limit) },
    app,
  )
}

/**
 * Files in a memory volume stay charged to the pod when the loader has ended, so a memory volume of M bytes adds M to
 * what the app needs. That is a higher request than before, and what choosing `memory` asks for.
 */
export function memoryShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const app = appShare(pod, 'memory', config)
  const volumes = sizeOn(request.models, 'memory', pod)
  const least = leastLoaderMemoryBytes[request.engine]
  const needed = volumes + (request.memoryChosen ? request.memoryBytes : least)
  if (needed > app.podLimit) {
    const inMemory = request.models.find((model) => volumeMediumOf(model, pod) === 'memory')
    const field = inMemory === undefined ? fieldOf('memory', config) : fieldOf('size', config, inMemory.suffix)
    tooLarge(field, formatBytes(needed), formatBytes(app.podLimit), findings)
    return { request: undefined, limit: undefined }
  }
  const share = withinPod(withMemoryVolumes(app, request, volumes), app)
  if (share.limit !== undefined && share.limit < needed) tooSmall(share.limit, least, { config, findings })
  return share
}

function withMemoryVolumes(app: AppShare, request: InjectionRequest, volumes: number): Share {
  const own = request.memoryBytes
  if (volumes > 0) {
    const asked = volumes + Math.max(own, app.request)
    const limit = app.limit === undefined ? Math.max(volumes + own, asked) : volumes + Math.max(own, app.limit)
    return { request: asked, limit }
  }
  if (request.memoryChosen) return { request: own, limit: own }
  if (app.request === 0) return { request: undefined, limit: undefined }
  return { request: Math.min(own, app.request), limit: Math.min(own, app.limit ?? own) }
}

function withinPod({ request, limit }: Share, { podRequest, podLimit }: AppShare): Share {
  return {
    request: request === undefined ? undefined : Math.min(request, podRequest),
    limit: limit === undefined ? undefined : Math.min(limit, podLimit),
  }
}

function appShare(pod: Pod, name: Compute, config: Config): AppShare {
  const apps = appContainers(pod, config.sidecars)
  const limits = apps.map(({ resources }) => amount(resources, 'limits', name))
  const asked = sum(apps, ({ resources }) => amount(resources, 'requests', name) ?? amount(resources, 'limits', name))
  const podLimit = amount(pod.spec.resources, 'limits', name)
  const podRequest = amount(pod.spec.resources, 'requests', name) ?? podLimit
  return {
    request: asked > 0 ? asked : (podRequest ?? 0),
    limit: limits.every((limit) => limit !== undefined) ? limits.reduce((total, limit) => total + limit, 0) : podLimit,
    podRequest: podRequest ?? Number.POSITIVE_INFINITY,
    podLimit: podLimit ?? Number.POSITIVE_INFINITY,
  }
}

function tooLarge(field: string, needed: string, most: string, findings: Findings): void {
  findings.deny({
    reason: 'ResourcesTooSmall',
    field,
    problem: `needs ${needed} with all that goes with it, but spec.resources allows the pod ${most}`,
    remedy: 'raise spec.resources or lower this',
  })
}

function tooSmall(
  bytes: number,
  leastBytes: number,
  { config, findings }: { readonly config: Config; readonly findings: Findings },
): void {
  const least = formatBytes(leastBytes)
  findings.deny({
    reason: 'ResourcesTooSmall',
    field: fieldOf('memory', config),
    problem: `is not set, and the ${formatBytes(bytes)} that the app containers have is less than the ${least} a loader needs`,
    remedy: `set it to ${least} or more, or raise the memory limit of the app`,
  })
}
