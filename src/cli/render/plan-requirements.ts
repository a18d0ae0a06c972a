/** Turns requirements and flags into rendering plans: roles by service account, volumes by claim, nodes by path. */
import type { Config } from '../../config/config.ts'
import type { ReadAccess } from '../../render/access.ts'
import { renderNode } from '../../deliveries/node/render.ts'
import type { SourceOrigin, SizeOf } from '../../render/parse-aws-names.ts'
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
export type RequirementValues = SharedValues &
  NodeValues & {
    readonly cache: number | undefined
    readonly origin: readonly SourceOrigin[]
    readonly size: readonly SizeOf[]
  }

export function renderRequirements(sorted: SortedRequirements, values: RequirementValues, config: Config): Rendering {
  const readers = readersOf(sorted.roles, values)
  return merge([
    ...readers.map((access) => renderDownload(access)),
    renderMountpointVolumes(
      mountsOf(sorted.mounts, values),
      readers.filter(({ identities: [identity] }) =>
        sorted.mounts.some((requirement) => identity !== undefined && isSame(requirement, identity)),
      ),
    ),
    sorted.claims.length === 0
      ? nothing
      : renderClaim({ ...sharedPlan(values, config), models: sharedModels(sorted.claims, values) }),
    ...byUri(sorted.nodes).map(([uri, [requirement]]) =>
      requirement === undefined
        ? nothing
        : renderNode({
            ...nodePlan(values, config),
            sizeBytes: sizeOf(uri, values),
            baked: filesOf(
              values,
              { path: requirement.source.path, source: originOf(uri, values), expect: requirement.model.expect },
              config,
            ),
          }),
    ),
  ])
}

/** One role for each service account, for all models of all its pods. */
function readersOf(roles: readonly Requirement[], values: RequirementValues): ReadAccess[] {
  const groups = Map.groupBy(roles, ({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`)
  return [...groups.values()].flatMap((requirements) =>
    requirements[0] === undefined ? [] : [readerOf(requirements[0], requirements, values)],
  )
}

function readerOf(
  { namespace, serviceAccount, credentials }: Requirement,
  requirements: readonly Requirement[],
  values: RequirementValues,
): ReadAccess {
  const { accountId, region, cluster: name, kmsKey, oidcProvider } = values
  const base = {
    cluster: { name, accountId, region },
    scope: 'source',
    identities: [{ namespace, serviceAccount }],
  } as const
  const sources = unique(
    requirements.flatMap(({ model }) => (model.source.scheme === 's3' ? [model.source] : [])),
    ({ uri }) => uri,
  )
  return {
    ...base,
    sources,
    kmsKey,
    role: roleNameOf(base),
    extraObjects: unique(
      requirements.flatMap(({ model }) => extraObjectsOf(model)),
      ({ bucket, key }) => `${bucket}/${key}`,
    ),
    trust: credentials.kind === 'irsa' ? { kind: 'irsa', provider: oidcProvider ?? '' } : { kind: 'pod-identity' },
    bucketRegions: unique(
      requirements.map((requirement) => regionOf(requirement, values)),
      (text) => text,
    ),
  }
}

function mountsOf(mounts: SortedRequirements['mounts'], values: RequirementValues): MountpointVolume[] {
  const volumes = mounts.map((requirement) => ({
    source: requirement.source,
    namespace: requirement.namespace,
    claim: requirement.model.claim,
    region: regionOf(requirement, values),
    cacheBytes: values.cache,
  }))
  return unique(volumes, ({ namespace, claim, source }) => `${namespace}/${claim ?? source.uri}`)
}

function sharedModels(
  claims: SortedRequirements['claims'],
  values: RequirementValues,
): Parameters<typeof renderClaim>[0]['models'] {
  return [...Map.groupBy(claims, ({ source }) => source.claim)].map(([claim, requirements]) => ({
    claim,
    sizeBytes: sizeOf(claimUri(claim), values),
    source: originOf(claimUri(claim), values),
    namespaces: unique(
      requirements.map(({ namespace }) => namespace),
      (text) => text,
    ).filter((namespace) => namespace !== values.storeNamespace),
  }))
}

export function byUri<T extends { readonly source: { readonly uri: string } }>(
  requirements: readonly T[],
): [string, T[]][] {
  return [...Map.groupBy(requirements, ({ source }) => source.uri)]
}

/** URI without the path: one claim holds many versions. */
export function claimUri(claim: string): string {
  return `pvc://${claim}`
}

function regionOf({ model }: Requirement, { bucketRegion, region }: RequirementValues): string {
  return model.region ?? bucketRegion ?? region
}

function originOf(uri: string, { origin }: RequirementValues): S3Source {
  const found = origin.find((candidate) => candidate.uri === uri)
  if (found === undefined) throw new Error(`${uri} has no origin`)
  return found.source
}

function sizeOf(uri: string, { size }: RequirementValues): number {
  const found = size.find((candidate) => candidate.uri === uri)
  if (found === undefined) throw new Error(`${uri} has no size`)
  return found.bytes
}

function isSame(
  requirement: Requirement,
  { namespace, serviceAccount }: { namespace: string; serviceAccount: string },
): boolean {
  return requirement.namespace === namespace && requirement.serviceAccount === serviceAccount
}
