/** Looks kinds up, as owner references and the command line name them. */
import type { Cluster } from './cluster.ts'
import { apiVersionOf, resources, type Resource } from './resources.ts'
import type { ServedKind } from './served-kinds.ts'

/** The cluster is asked once, and only for a kind that is not known here. */
export interface KindIndex {
  readonly find: (apiVersion: string, kind: string) => Promise<Resource | undefined>
  readonly inGroup: (group: string) => Promise<readonly Resource[]>
  readonly all: () => Promise<readonly ServedKind[]>
}

export function indexKinds(cluster: Cluster): KindIndex {
  let asked: Promise<readonly ServedKind[]> | undefined
  const all = (): Promise<readonly ServedKind[]> => (asked ??= cluster.servedKinds())
  return {
    all,
    find: async (apiVersion, kind) => {
      const known = Object.values<Resource>(resources).find(
        (one) => one.kind === kind && apiVersionOf(one) === apiVersion,
      )
      if (known !== undefined) return known
      const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
      return (await all()).find((one) => one.kind === kind && one.group === group)
    },
    inGroup: async (group) => (await all()).filter((one) => one.group === group),
  }
}
