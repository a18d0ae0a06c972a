/** Apps of a cluster's users, and what became of them. */
import type { ApiClient, ApiObject } from './api-client.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface AppOptions {
  readonly namespace: string
  readonly name: string
  readonly image: string
  readonly annotations: Readonly<Record<string, string>>
  /** A shell script; a container that only sleeps without it. */
  readonly script?: string
}

export interface LivePod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  readonly spec: LivePodSpec
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

interface LivePodSpec {
  readonly serviceAccountName?: string
  readonly initContainers?: readonly {
    readonly name: string
    readonly image: string
    readonly env?: readonly { readonly name: string; readonly value?: string }[]
  }[]
}

interface ContainerStatus {
  readonly name: string
  readonly restartCount: number
  readonly state: {
    readonly terminated?: Ended
    readonly running?: object
    readonly waiting?: { readonly reason: string }
  }
}

interface Ended {
  readonly exitCode: number
  readonly message?: string
}

/** Runs to its end once. */
export function appPod({ namespace, name, annotations, ...container }: AppOptions): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers: [appContainer(container)] },
  }
}

export function appContainer({ image, script = 'exec sleep 1000000' }: Pick<AppOptions, 'image' | 'script'>): object {
  return { name: 'app', image, command: ['/bin/sh', '-c', script] }
}

/** Throws where it is not there. */
export async function getPod(api: ApiClient, namespace: string, name: string): Promise<LivePod> {
  const { status, body } = await api.request('GET', `/api/v1/namespaces/${namespace}/pods/${name}`)
  if (status !== 200) throw new Error(`pod ${namespace}/${name}: ${status}`)
  return body as LivePod
}

/** Succeeded or Failed. */
export async function whenEnded(
  api: ApiClient,
  namespace: string,
  name: string,
  timeoutSeconds = 150,
): Promise<LivePod> {
  return await waitFor(
    `pod ${namespace}/${name} to end`,
    async () => {
      const pod = await getPod(api, namespace, name)
      return ['Succeeded', 'Failed'].includes(pod.status.phase) ? pod : undefined
    },
    { timeoutSeconds },
  )
}

export async function podsOf(api: ApiClient, namespace: string, labelSelector: string): Promise<readonly LivePod[]> {
  const { body } = await api.request(
    'GET',
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labelSelector)}`,
  )
  return (body as { items: LivePod[] }).items
}

export function isReady({ metadata, status }: LivePod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
  )
}
