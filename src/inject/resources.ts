/**
 * What the loader may use, so that the pod stays as schedulable as it was: the same QoS class, and never more cpu or
 * memory than the app itself has, unless the pod asks for it. Disk and memory volumes are counted as the kubelet counts
 * them: for the whole pod, also after the loader has ended.
 *
 * Known sidecars are left out of every sum: a mesh may add its proxy before or after us, and the pod must come out the same.
 */
import type { AnnotationName } from '../annotations.ts'
import type { Config } from '../config.ts'
import type { Findings } from './findings.ts'
import { annotationField, annotationKey } from './keys.ts'
import { mediumOf, type Medium } from './medium.ts'
import { isMeshInitContainer } from './mesh.ts'
import { appContainers, initContainersOf, isNativeSidecar, type Container, type Pod, type Resources } from './pod.ts'
import { isOurLoader } from './parts.ts'
import { leastLoaderMemoryBytes, type InjectionRequest, type ModelRequest } from './request.ts'
import { formatBytes, formatMillicores, Mi, parseBytes, parseMillicores } from '../values/quantity.ts'

type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'
type Compute = 'cpu' | 'memory'

/** What a container may use of one resource; undefined means that the field stays out. */
interface Share {
  readonly request: number | undefined
  readonly limit: number | undefined
}

/** What the app has of one resource; `limit` is undefined where it is not limited. */
interface AppShare {
  readonly request: number
  readonly limit: number | undefined
  /** What the pod as a whole may have (`spec.resources`); the API server refuses containers that ask for more. */
  readonly podRequest: number
  readonly podLimit: number
}

/** Room for the file system's own needs: 2 % and 64Mi. */
export function withHeadroom(bytes: number): number {
  return roundUpToMi(Math.ceil(bytes * 1.02) + 64 * Mi)
}

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

/**
 * A pod that limits itself as a whole, and of which no container asks for anything, asks for its limit. The first request
 * of a container, ours, would take its place: the pod would be Guaranteed no more.
 */
function asksByLimit(pod: Pod, name: Compute, config: Config): boolean {
  const { resources } = pod.spec
  if (amount(resources, 'requests', name) !== undefined || amount(resources, 'limits', name) === undefined) return false
  return containersRequest(pod, name, config) === 0
}

/** What the containers ask for together: the app, or one init container if that is more. */
function containersRequest(pod: Pod, name: Compute, config: Config): number {
  const request = ({ resources }: Container): number => amount(resources, 'requests', name) ?? amount(resources, 'limits', name) ?? 0
  const init = otherInitContainers(pod, config)
  const app = sum([...appContainers(pod, config.sidecars), ...init.filter(isNativeSidecar)], request)
  return Math.max(app, ...init.map(request))
}

/** k8s.io/kubernetes/pkg/apis/core/v1/helper/qos: only cpu and memory count, init containers too. */
function qosClass(pod: Pod, config: Config): QosClass {
  const own = pod.spec.resources
  const compute: Compute[] = ['cpu', 'memory']
  const containers = [...appContainers(pod, config.sidecars), ...otherInitContainers(pod, config)]
  const uses = (resources: Resources | null | undefined): boolean =>
    compute.some((name) => (amount(resources, 'requests', name) ?? amount(resources, 'limits', name) ?? 0) > 0)
  const scopes = uses(own) ? [own] : containers.map(({ resources }) => resources)
  if (!scopes.some(uses)) return 'BestEffort'
  const guaranteed = scopes.every((scope) => compute.every((name) => {
    const limit = amount(scope, 'limits', name)
    const asked = scope === own && containersRequest(pod, name, config) || limit
    return limit !== undefined && limit > 0 && (amount(scope, 'requests', name) ?? asked) === limit
  }))
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function cpuShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const app = appShare(pod, 'cpu', config)
  const own = request.cpuMillicores
  if (request.cpuChosen) {
    if (own > app.podLimit) tooLarge(fieldOf('cpu', config), formatMillicores(own), formatMillicores(app.podLimit), findings)
    return withinPod({ request: own, limit: app.limit === undefined ? undefined : own }, app)
  }
  // Without any cpu of the app a request of ours would be the only one and raise what the pod asks for.
  if (app.request === 0) return { request: undefined, limit: undefined }
  return withinPod({ request: Math.min(own, app.request), limit: app.limit === undefined ? undefined : Math.min(own, app.limit) }, app)
}

/**
 * Files in a memory volume stay charged to the pod when the loader has ended, so a memory volume of M bytes adds M to
 * what the app needs. That is a higher request than before, and what choosing `memory` asks for.
 */
function memoryShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const app = appShare(pod, 'memory', config)
  const volumes = sizeOn(request.models, 'memory', pod)
  const needed = volumes + (request.memoryChosen ? request.memoryBytes : leastLoaderMemoryBytes)
  if (needed > app.podLimit) {
    const inMemory = request.models.find((model) => mediumOf(model, pod) === 'memory')
    const field = inMemory === undefined ? fieldOf('memory', config) : fieldOf('size', config, inMemory.suffix)
    tooLarge(field, formatBytes(needed), formatBytes(app.podLimit), findings)
    return { request: undefined, limit: undefined }
  }
  const share = withinPod(withMemoryVolumes(app, request, volumes), app)
  if (share.limit !== undefined && share.limit < needed) tooSmall(share.limit, config, findings)
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

/**
 * The kubelet evicts a pod whose files, all containers and volumes together, exceed the pod's limit. The loader's share
 * is part of it although the loader has ended, so it carries the models and what the app writes beside them.
 */
function storageShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const apps = appContainers(pod, config.sidecars)
  const models = sizeOn(request.models, 'disk', pod)
  const asked = models + sum(apps, (app) => amount(app.resources, 'requests', 'ephemeral-storage') ?? amount(app.resources, 'limits', 'ephemeral-storage'))
  const limited = apps.filter((app) => amount(app.resources, 'limits', 'ephemeral-storage') !== undefined)
  if (limited.length === 0) return { request: asked === 0 ? undefined : roundUpToMi(asked), limit: undefined }
  for (const model of request.models.filter((candidate) => mediumOf(candidate, pod) === 'disk' && candidate.sizeBytes === undefined)) {
    findings.deny({
      reason: 'SizeRequired', field: fieldOf('size', config, model.suffix),
      problem: `is required, because container ${limited[0]?.name ?? ''} has an ephemeral-storage limit that the model would count against`,
      accepted: 'a Kubernetes quantity, as 20Gi',
    })
  }
  const limit = withHeadroom(models) + sum(limited, (app) => amount(app.resources, 'limits', 'ephemeral-storage'))
  return { request: roundUpToMi(asked), limit: roundUpToMi(Math.max(limit, asked)) }
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

function otherInitContainers(pod: Pod, config: Config): readonly Container[] {
  return initContainersOf(pod).filter((container) =>
    !isOurLoader(container) && !isMeshInitContainer(container) && !config.sidecars.includes(container.name))
}

function sizeOn(models: readonly ModelRequest[], medium: Medium, pod: Pod): number {
  return sum(models, (model) => (mediumOf(model, pod) === medium ? model.sizeBytes : undefined))
}

function pinned(share: Share | undefined): Share | undefined {
  const value = share?.limit ?? share?.request
  return { request: value, limit: value }
}

function resourcesOf(shares: Record<string, Share | undefined>): Resources {
  const pick = (bound: keyof Share): Record<string, string> => Object.fromEntries(
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

function amount(resources: Resources | null | undefined, bound: 'requests' | 'limits', name: string): number | undefined {
  const value = resources?.[bound]?.[name]
  if (value === undefined) return undefined
  const result = name === 'cpu' ? parseMillicores(String(value)) : parseBytes(String(value))
  return result.ok ? result.value : undefined
}

function fieldOf(name: AnnotationName, config: Config, suffix?: string): string {
  return annotationField(annotationKey(config.annotationPrefix, name, suffix))
}

function sum<T>(items: readonly T[], valueOf: (item: T) => number | undefined): number {
  return items.reduce((total, item) => total + (valueOf(item) ?? 0), 0)
}

function roundUpToMi(bytes: number): number {
  return Math.ceil(bytes / Mi) * Mi
}

function tooLarge(field: string, needed: string, most: string, findings: Findings): void {
  findings.deny({
    reason: 'ResourcesTooSmall', field, problem: `needs ${needed} with all that goes with it, but spec.resources allows the pod ${most}`,
    remedy: 'raise spec.resources or lower this',
  })
}

function tooSmall(bytes: number, config: Config, findings: Findings): void {
  const least = formatBytes(leastLoaderMemoryBytes)
  findings.deny({
    reason: 'ResourcesTooSmall', field: fieldOf('memory', config),
    problem: `is not set, and the ${formatBytes(bytes)} that the app containers have is less than the ${least} a loader needs`,
    remedy: `set it to ${least} or more, or raise the memory limit of the app`,
  })
}
