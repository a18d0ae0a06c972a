/**
 * The QoS class of a pod, and quantities, written after Kubernetes (pkg/apis/core/v1/helper/qos/qos.go and defaults.go)
 * and not after our own core, so that a test can hold the one against the other.
 */
import type { QosClass } from '../../../src/inject/resources/qos.ts'

type Compute = 'cpu' | 'memory'
type ResourceList = Readonly<Record<string, string | number>>

export interface QosResources {
  readonly requests?: ResourceList | null
  readonly limits?: ResourceList | null
}

export interface ResourceContainer {
  readonly name: string
  readonly resources?: QosResources | null
  readonly restartPolicy?: string
}

export interface ResourcePod {
  readonly spec: {
    readonly containers: readonly ResourceContainer[]
    readonly initContainers?: readonly ResourceContainer[] | null
    readonly resources?: QosResources | null
  }
}

const compute: readonly Compute[] = ['cpu', 'memory']

/** As the API server sees it: fields that it would default are defaulted first. */
export function kubernetesQosClass(pod: ResourcePod): QosClass {
  const scopes = pod.spec.resources
    ? [podLevel(pod, pod.spec.resources)]
    : containersOf(pod).map(({ resources }) => defaulted(resources))
  const positive = (list: Record<string, bigint>): boolean => compute.some((name) => (list[name] ?? 0n) > 0n)
  if (!scopes.some(({ requests, limits }) => positive(requests) || positive(limits))) return 'BestEffort'
  const guaranteed = scopes.every(({ requests, limits }) =>
    compute.every((name) => (limits[name] ?? 0n) > 0n && requests[name] === limits[name]),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

export function containersOf(pod: ResourcePod): readonly ResourceContainer[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
}

interface Amounts {
  readonly requests: Record<string, bigint>
  readonly limits: Record<string, bigint>
}

/** A limit without a request is a request of the same amount. */
export function defaulted(resources: QosResources | null | undefined): Amounts {
  const limits = amounts(resources?.limits)
  return { requests: { ...limits, ...amounts(resources?.requests) }, limits }
}

/** A missing request of the pod is what its containers ask for together; where they ask for nothing, the pod's limit. */
export function podLevel(pod: ResourcePod, resources: QosResources): Amounts {
  const limits = amounts(resources.limits)
  const requests = amounts(resources.requests)
  if (Object.keys(limits).length === 0) return { requests, limits }
  for (const name of compute) {
    const asked = effectiveRequest(pod, name)
    const value = asked > 0n ? asked : limits[name]
    if (requests[name] === undefined && value !== undefined) requests[name] = value
  }
  return { requests, limits }
}

/**
 * Requests of the containers of a pod: the app and the sidecars at once, or one init container with the sidecars
 * that were started before it, whichever is more.
 */
export function effectiveRequest(pod: ResourcePod, name: string): bigint {
  const requestOf = (container: ResourceContainer): bigint => defaulted(container.resources).requests[name] ?? 0n
  const apps = pod.spec.containers.reduce((total, container) => total + requestOf(container), 0n)
  let sidecars = 0n
  let most = 0n
  for (const container of pod.spec.initContainers ?? []) {
    const request = requestOf(container)
    if (container.restartPolicy === 'Always') sidecars += request
    else if (sidecars + request > most) most = sidecars + request
  }
  return apps + sidecars > most ? apps + sidecars : most
}

function amounts(list: ResourceList | null | undefined): Record<string, bigint> {
  return Object.fromEntries(Object.entries(list ?? {}).map(([name, value]) => [name, quantity(value)]))
}

const suffixes: Readonly<Record<string, readonly [bigint, bigint]>> = {
  n: [1n, 1_000_000_000n],
  u: [1n, 1_000_000n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [1000n, 1n],
  M: [1000n ** 2n, 1n],
  G: [1000n ** 3n, 1n],
  T: [1000n ** 4n, 1n],
  P: [1000n ** 5n, 1n],
  Ki: [1024n, 1n],
  Mi: [1024n ** 2n, 1n],
  Gi: [1024n ** 3n, 1n],
  Ti: [1024n ** 4n, 1n],
  Pi: [1024n ** 5n, 1n],
}

/** A quantity in billionths of its unit: `100m` of cpu is 100 million. Throws where the text is none. */
export function quantity(value: string | number): bigint {
  const match = /^(\d+)(?:\.(\d{1,9}))?([a-zA-Z]*)$/.exec(String(value))
  const suffix = suffixes[match?.[3] ?? '?']
  if (match?.[1] === undefined || suffix === undefined) {
    throw new Error(`${JSON.stringify(value)} is no quantity that this test knows`)
  }
  const billionths = BigInt(match[1]) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'))
  return (billionths * suffix[0]) / suffix[1]
}
