/** Turns requirements and flags into rendering plans: roles by service account, volumes by claim, nodes by path. */
import type { Config } from '../../config/config.ts'
import type { Access } from '../../render/access.ts'
import { renderNode } from '../../deliveries/node/render.ts'
import type { Origin, SizeOf } from '../../render/parse-aws-names.ts'
import { renderClaim } from '../../deliveries/claim/render.ts'
import { renderMountpointVolumes } from '../../deliveries/mountpoint/render.ts'
import type { MountpointVolume } from '../../deliveries/mountpoint/render-volume.ts'
import { extraObjectsOf, type Requirement, type SortedRequirements } from '../../deliveries/shared/requirements.ts'
import { merge, nothing, type Rendering } from '../../render/rendering.ts'
import { renderDownload } from '../../deliveries/download/render.ts'
import type { S3Source } from '../../values/source.ts'
import { unique } from '../../values/unique.ts'
import { roleNameOf } from '../../render/access-flags.ts'
import { filesOf, nodePlan, type NodeValues } from '../../deliveries/node/render-command.ts'
import { sharedPlan, type SharedValues } from '../../deliveries/claim/render-command.ts'

/** Flags that the requirements depend on were checked before. */
export type NeedValues = SharedValues &
  NodeValues & {
    readonly cache: number | undefined
    readonly origin: readonly Origin[]
    readonly size: readonly SizeOf[]
  }

export function renderNeeds(sorted: SortedRequirements, values: NeedValues, config: Config): Rendering {
  const readers = readersOf(sorted.roles, values)
  return merge([
    ...readers.map((access) => renderDownload(access)),
    renderMountpointVolumes(
      mountsOf(sorted.mounts, values),
      readers.filter(({ identities: [identity] }) =>
        sorted.mounts.some((need) => identity !== undefined && isSame(need, identity)),
      ),
    ),
    sorted.claims.length === 0
      ? nothing
      : renderClaim({ ...sharedPlan(values, config), models: sharedModels(sorted.claims, values) }),
    ...byUri(sorted.nodes).map(([uri, [need]]) =>
      need === undefined
        ? nothing
        : renderNode({
            ...nodePlan(values, config),
            sizeBytes: sizeOf(uri, values),
            baked: filesOf(
              values,
              { path: need.source.path, source: originOf(uri, values), expect: need.model.expect },
              config,
            ),
          }),
    ),
  ])
}

/** One role for each service account, for all models of all its pods. */
function readersOf(roles: readonly Requirement[], values: NeedValues): Access[] {
  const groups = Map.groupBy(roles, ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)
  return [...groups.values()].flatMap((needs) => (needs[0] === undefined ? [] : [readerOf(needs[0], needs, values)]))
}

function readerOf(
  { namespace, serviceAccount, credentials }: Requirement,
  needs: readonly Requirement[],
  values: NeedValues,
): Access {
  const { accountId, region, cluster: name, kmsKey, oidcProvider } = values
  const base = {
    cluster: { name, accountId, region },
    scope: 'source',
    identities: [{ namespace, serviceAccount }],
  } as const
  const sources = unique(
    needs.flatMap(({ model }) => (model.source.scheme === 's3' ? [model.source] : [])),
    ({ uri }) => uri,
  )
  return {
    ...base,
    sources,
    kmsKey,
    role: roleNameOf(base),
    besides: unique(
      needs.flatMap(({ model }) => extraObjectsOf(model)),
      ({ bucket, key }) => `${bucket}/${key}`,
    ),
    trust: credentials.kind === 'irsa' ? { kind: 'irsa', provider: oidcProvider ?? '' } : { kind: 'pod-identity' },
    bucketRegions: unique(
      needs.map((need) => regionOf(need, values)),
      (text) => text,
    ),
  }
}

function mountsOf(mounts: SortedRequirements['mounts'], values: NeedValues): MountpointVolume[] {
  const volumes = mounts.map((need) => ({
    source: need.source,
    namespace: need.namespace,
    claim: need.model.claim,
    region: regionOf(need, values),
    cacheBytes: values.cache,
  }))
  return unique(volumes, ({ namespace, claim, source }) => `${namespace}/${claim ?? source.uri}`)
}

function sharedModels(
  claims: SortedRequirements['claims'],
  values: NeedValues,
): Parameters<typeof renderClaim>[0]['models'] {
  return [...Map.groupBy(claims, ({ source }) => source.claim)].map(([claim, needs]) => ({
    claim,
    sizeBytes: sizeOf(claimUri(claim), values),
    source: originOf(claimUri(claim), values),
    namespaces: unique(
      needs.map(({ namespace }) => namespace),
      (text) => text,
    ).filter((namespace) => namespace !== values.storeNamespace),
  }))
}

export function byUri<T extends { readonly source: { readonly uri: string } }>(needs: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(needs, ({ source }) => source.uri)]
}

/** URI without the path: one claim holds many versions. */
export function claimUri(claim: string): string {
  return `pvc://${claim}`
}

function regionOf({ model }: Requirement, { bucketRegion, region }: NeedValues): string {
  return model.region ?? bucketRegion ?? region
}

function originOf(uri: string, { origin }: NeedValues): S3Source {
  const found = origin.find((candidate) => candidate.uri === uri)
  if (found === undefined) throw new Error(`${uri} has no origin`)
  return found.source
}

function sizeOf(uri: string, { size }: NeedValues): number {
  const found = size.find((candidate) => candidate.uri === uri)
  if (found === undefined) throw new Error(`${uri} has no size`)
  return found.bytes
}

function isSame(
  need: Requirement,
  { namespace, serviceAccount }: { namespace: string; serviceAccount: string },
): boolean {
  return need.namespace === namespace && need.serviceAccount === serviceAccount
}
