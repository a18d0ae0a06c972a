/**
 * What commands ask of a Kubernetes cluster. `connectCluster({ kubeconfig, context })` of connect.ts makes one; tests make
 * objects that say the same.
 *
 *   const cluster = connectCluster({ context: 'prod' })
 *   for await (const pod of cluster.list(resources.pods)) …          // in pages, one in memory at a time
 *   const config = await cluster.get(resources.configMaps, 'model-injector', 'apps')   // undefined: not there
 *   cluster.close()
 *
 * Objects come as the JSON that was sent: no field is dropped, and none is checked. Every failure is a ClusterError, whose
 * `status` is that of HTTP (undefined: no answer came) and whose `missing` is the permission that the user lacks.
 */
import type { Duplex } from 'node:stream'
import type { KubernetesObject } from './objects.ts'
import type { Resource } from './resources.ts'

export interface Cluster {
  /** The address of the API server. */
  readonly server: string
  /** The context of the kubeconfig. */
  readonly context: string
  /** What the kubeconfig calls the cluster of that context. */
  readonly clusterName: string
  /** That of the context, else `default`. */
  readonly namespace: string

  /** Undefined where there is none of that name, or no such kind of object. */
  get<T extends KubernetesObject>(resource: Resource<T>, name: string, namespace?: string): Promise<T | undefined>

  /** All of them, page by page. Without a namespace, those of all namespaces. */
  list<T extends KubernetesObject>(resource: Resource<T>, options?: ListOptions): AsyncGenerator<T, void, undefined>

  /** Sends the object through the whole admission chain and stores nothing. */
  dryRunCreate(resource: Resource, object: unknown, namespace?: string): Promise<DryRun>

  serverVersion(): Promise<ServerVersion>

  whoAmI(): Promise<{ readonly username: string; readonly groups: readonly string[] }>

  /** Whether the user may do that, by what the API server says. */
  canI(
    verb: string,
    resource: Resource,
    options?: { readonly namespace?: string | undefined; readonly subresource?: string },
  ): Promise<boolean>

  /** GET of a plain HTTP port of a pod, which the API server does for us (`pods/proxy`). */
  fetchFromPod(pod: PodPort, path: string): Promise<string>

  /** A connection to a port of a pod (`pods/portforward`); the caller ends it. */
  connectToPod(pod: PodPort): Promise<Duplex>

  /** Ends idle connections, so that the process can end. */
  close(): void
}

export interface ListOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly pageSize?: number
}

export type DryRun =
  | { readonly created: true; readonly object: KubernetesObject; readonly warnings: readonly string[] }
  /** By admission or by validation; that the user may not create such objects is a ClusterError. */
  | {
      readonly created: false
      readonly status: number
      readonly reason: string
      readonly message: string
      readonly warnings: readonly string[]
    }

export interface ServerVersion {
  readonly gitVersion: string
  readonly major: number
  readonly minor: number
}

export interface PodPort {
  readonly namespace: string
  readonly name: string
  readonly port: number
}
