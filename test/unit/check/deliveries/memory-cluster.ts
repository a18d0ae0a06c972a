/** A cluster that consists of the objects that it is given, and answers as an API server does. */
import type { Cluster, DryRun, ListOptions, ServerVersion } from '../../../../src/cluster/cluster.ts'
import { refused } from '../../../../src/cluster/cluster-error.ts'
import type { KubernetesObject } from '../../../../src/cluster/objects.ts'
import { apiVersionOf, type Resource } from '../../../../src/cluster/resources.ts'

export interface MemoryWorld {
  readonly version: ServerVersion
  readonly objects: readonly KubernetesObject[]
  /** Plural names of kinds that the API server does not know. */
  readonly unknownKinds: readonly string[]
  /** Plural names of kinds that the user may not look at. */
  readonly forbidden: readonly string[]
  /** The result of a pod as a dry run. */
  readonly dryRun: (object: KubernetesObject) => DryRun
}

export function memoryCluster(world: MemoryWorld): Cluster {
  const of = (resource: Resource): readonly KubernetesObject[] =>
    world.objects.filter(({ apiVersion, kind }) => apiVersion === apiVersionOf(resource) && kind === resource.kind)
  const answer = (
    verb: 'get' | 'list',
    { group, plural, namespaced }: Resource,
    namespace: string | undefined,
  ): void => {
    const permission = { verb, group, resource: plural, namespace: namespaced ? namespace : undefined }
    if (world.forbidden.includes(plural)) throw refused(`${verb} ${plural}`, 403, { message: 'forbidden' }, permission)
    if (verb === 'list' && world.unknownKinds.includes(plural)) {
      throw refused(`list ${plural}`, 404, { message: 'the server could not find the requested resource' })
    }
  }
  return {
    server: 'https://cluster.example.com',
    context: 'memory',
    clusterName: 'memory',
    namespace: 'apps',
    async get<T extends KubernetesObject>(resource: Resource<T>, name: string, namespace?: string) {
      answer('get', resource, namespace)
      return Promise.resolve(
        of(resource).find(({ metadata }) => metadata.name === name && metadata.namespace === namespace) as
          | T
          | undefined,
      )
    },
    async *list<T extends KubernetesObject>(resource: Resource<T>, options: ListOptions = {}) {
      answer('list', resource, options.namespace)
      await Promise.resolve()
      yield* of(resource).filter((object) => isSelected(object, options)) as T[]
    },
    dryRunCreate: async (_resource, object) => Promise.resolve(world.dryRun(object as KubernetesObject)),
    servedKinds: async () => Promise.resolve([]),
    serverVersion: async () => Promise.resolve(world.version),
    whoAmI: async () => Promise.resolve({ username: 'eve', groups: [] }),
    canI: async () => Promise.resolve(true),
    fetchFromPod: async () => Promise.reject(new Error('there are no pods')),
    connectToPod: async () => Promise.reject(new Error('there are no pods')),
    close: () => undefined,
  }
}

/** Equality alone, which is all that is asked for. */
function isSelected(
  { metadata, status }: KubernetesObject,
  { namespace = metadata.namespace, labelSelector, fieldSelector }: ListOptions,
): boolean {
  const { phase } = (status ?? {}) as { phase?: string }
  return (
    namespace === metadata.namespace &&
    hasAll(labelSelector, metadata.labels ?? {}) &&
    hasAll(fieldSelector, { 'metadata.name': metadata.name, 'status.phase': phase })
  )
}

function hasAll(selector: string | undefined, values: Readonly<Record<string, string | undefined>>): boolean {
  return (
    selector === undefined ||
    selector.split(',').every((term) => {
      const [key = '', value] = term.split('=')
      return values[key] === value
    })
  )
}
