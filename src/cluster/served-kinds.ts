/** The kinds that an API server serves, custom resources included: names, short names, group and preferred version. */
import { ClusterError } from './cluster-error.ts'
import type { Resource } from './resources.ts'

export interface ServedKind extends Resource {
  readonly singular: string
  readonly shortNames: readonly string[]
}

/**
 * Asks for all groups in one answer, which API servers give from 1.30 on:
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/
 */
export const discoveryFormat = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

interface GroupDiscovery {
  readonly metadata?: { readonly name?: string }
  readonly versions?: readonly { readonly version?: string; readonly resources?: readonly ResourceDiscovery[] }[]
}

interface ResourceDiscovery {
  readonly resource: string
  readonly responseKind?: { readonly kind?: string }
  readonly scope?: string
  readonly singularResource?: string
  readonly shortNames?: readonly string[]
  readonly verbs?: readonly string[]
}

/** Of a kind in several versions the first, which the API server prefers. */
export function readDiscovery(body: unknown): readonly ServedKind[] {
  const { kind, items = [] } = body as { kind?: string; items?: readonly GroupDiscovery[] }
  if (kind !== 'APIGroupDiscoveryList') {
    throw new ClusterError(
      'cannot list the kinds of the cluster: its API server does not answer in the form of 1.30 and newer',
    )
  }
  return items.flatMap(({ metadata, versions = [] }) => {
    const all = versions.flatMap(({ version = '', resources: own = [] }) =>
      own
        .filter(({ verbs = [] }) => verbs.includes('list'))
        .map((one) => servedKind(metadata?.name ?? '', version, one)),
    )
    return all.filter((one, i) => all.findIndex(({ plural }) => plural === one.plural) === i)
  })
}

function servedKind(group: string, version: string, served: ResourceDiscovery): ServedKind {
  const { singularResource: singular = '' } = served
  const kind = served.responseKind?.kind ?? served.resource
  return {
    group,
    version,
    kind,
    plural: served.resource,
    singular: singular === '' ? kind.toLowerCase() : singular,
    shortNames: served.shortNames ?? [],
    namespaced: served.scope === 'Namespaced',
  }
}
