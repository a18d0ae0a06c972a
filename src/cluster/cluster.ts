/**
 * A client of a Kubernetes cluster for commands. `connectCluster({ kubeconfig, context })` of connect.ts makes one; tests use
 * objects with the same methods.
 *
 *   const cluster = connectCluster({ context: 'prod' })
 *   for await (const pod of cluster.list(resources.pods)) …          // in pages, one in memory at a time
 *   const config = await cluster.get(resources.configMaps, 'model-injector', 'apps')   // undefined: not there
 *   cluster.close()
 *
 * Objects are the JSON that the API server sent: no field is dropped or validated. Every failure is a ClusterError with the
 * HTTP `status` (undefined without an answer) and the permission that the user lacks, `missing`.
 */
import type { Duplex } from 'node:stream'
import type { KubernetesObject } from './objects.ts'
import type { Resource } from './resources.ts'
import type { ServedKind } from './served-kinds.ts'

export interface Cluster {
  /** Address of the API server. */
  readonly server: string
  /** Name of the context in the kubeconfig. */
  readonly context: string
  /** Name of that context's cluster in the kubeconfig. */
  readonly clusterName: string
  /** Namespace of the context, else `default`. */
  readonly namespace: string

  /** Undefined if the object or its kind does not exist. */
  get<T extends KubernetesObject>(resource: Resource<T>, name: string, namespace?: string): Promise<T | undefined>

  /** All objects, page by page; of all namespaces if none is given. */
  list<T extends KubernetesObject>(resource: Resource<T>, options?: ListOptions): AsyncGenerator<T, void, undefined>

  /** Sends the object through the whole admission chain and stores nothing. */
  dryRunCreate(resource: Resource, object: unknown, namespace?: string): Promise<DryRun>

  /** Every kind that can be listed. */
  servedKinds(): Promise<readonly ServedKind[]>

  serverVersion(): Promise<ServerVersion>

  whoAmI(): Promise<{ readonly username: string; readonly groups: readonly string[] }>

  /** Asks the API server if the user has the permission. */
  canI(
    verb: string,
    resource: Resource,
    options?: { readonly namespace?: string | undefined; readonly subresource?: string },
  ): Promise<boolean>

  /** GET from a plain HTTP port of a pod, through the API server (`pods/proxy`). */
  fetchFromPod(pod: PodPort, path: string): Promise<string>

  /** A connection to a port of a pod (`pods/portforward`); the caller ends it. */
  connectToPod(pod: PodPort): Promise<Duplex>

  /** Closes idle connections, so that the process can end. */
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
  /** Refused by admission or validation; a missing permission is a ClusterError instead. */
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
