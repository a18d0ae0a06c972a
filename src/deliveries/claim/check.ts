/** Checks for `pvc://`: the claim and, if Trident shares it from another namespace, Trident's rules for sharing. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { PersistentVolumeClaim, StorageClass } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { provisioner } from './render-trident.ts'
import { basename } from '../../values/path.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { absent, lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import {
  checkAccess,
  checkBinding,
  checkPresent,
  idOf,
  seeClaim,
  type ClaimName,
  type SeenClaim,
} from '../shared/check-claim.ts'
import { listOf, type DeliveryCheck, type DeliveryCheckContext } from '../shared/check-context.ts'
import { recreateShare, shareFrom, sourceNameOf, type SharedClaim } from './check-claim.ts'
import { createShare } from './check-comparison.ts'
import { checkSharing } from './check-sharing.ts'
import { checkTrident, seeTrident, type Trident } from './check-trident.ts'
import { checkReclaim, checkStorageClass, checkSharedVolume } from './check-volume.ts'
import { checkClaimWriters } from './check-writers.ts'
import { sectionTitle, type RequestedModel } from '../shared/requested-model.ts'

export const checkClaims: DeliveryCheck = async (question) => {
  const { models, cluster, namespace } = question
  if (models.length === 0) return []
  const trident = await seeTrident(cluster)
  const references = await listOf(cluster, resources.tridentVolumeReferences, { namespace })
  const claims = await Promise.all(
    claimsIn(models).map(async (models) => ({ ...(await seeShared(question, models)), references })),
  )
  const ofTrident = claims.filter(isOfTrident)
  return [
    ...(ofTrident.length === 0
      ? []
      : [{ title: 'Trident', findings: checkTrident(trident, references, driversOf(ofTrident)) }]),
    ...claims.map((claim) => ({
      title: sectionTitle(`pvc://${claim.name}`, claim.consumers),
      findings: checkClaim(claim, trident),
    })),
  ]
}

/** Each claim once, since it holds many versions. */
function claimsIn(models: readonly RequestedModel[]): readonly (readonly [string, readonly RequestedModel[]])[] {
  return [...Map.groupBy(models, ({ source }) => (source.scheme === 'pvc' ? source.claim : source.uri))]
}

async function seeShared(
  { cluster, namespace, writers }: DeliveryCheckContext,
  [name, models]: readonly [string, readonly RequestedModel[]],
): Promise<Omit<SharedClaim, 'references'>> {
  const consumer = await seeClaim(cluster, { namespace, name })
  const named = models[0]?.from
  const from = named ?? sourceNameOf(consumer)
  const source = from === undefined ? undefined : await seeClaim(cluster, from)
  return {
    ...consumer,
    source,
    named,
    sourceClass: await seeClass(cluster, source ?? consumer),
    paths: [...new Set(models.flatMap(({ source: own }) => (own.scheme === 'pvc' ? [own.path] : [])))],
    consumers: models.flatMap(({ consumers }) => consumers),
    writers: writers.filter(({ claim }) => claim === name),
  }
}

async function seeClass(cluster: Cluster, { claim }: SeenClaim): Promise<Lookup<StorageClass>> {
  const name = valueOf(claim)?.spec.storageClassName ?? ''
  return name === '' ? absent : lookup(() => cluster.get(resources.storageClasses, name))
}

function isOfTrident({ source, claim, volume, sourceClass }: SharedClaim): boolean {
  return (
    source !== undefined ||
    valueOf(volume)?.spec.csi?.driver === provisioner ||
    valueOf(sourceClass)?.provisioner === provisioner ||
    shareFrom in (valueOf(claim)?.metadata.annotations ?? {})
  )
}

function driversOf(claims: readonly SharedClaim[]): readonly string[] {
  return [...new Set(claims.flatMap(({ sourceClass }) => valueOf(sourceClass)?.parameters?.backendType ?? []))]
}

function checkClaim(seen: SharedClaim, trident: Trident): readonly Finding[] {
  const rules = isOfTrident(seen)
    ? tridentRules(seen, trident)
    : [ok('share-annotation', `${idOf(seen)} is none of Trident, so nothing of its rules applies`)]
  const isExplained = rules.some(({ severity }) => severity === 'error')
  const paths = seen.consumers.length === 0 ? [] : seen.paths
  return [...checkPresence(seen, isExplained), ...rules, ...paths.map((path) => checkPath(seen, path))]
}

function checkPresence(seen: SharedClaim, isExplained: boolean): readonly Finding[] {
  const { claim } = seen
  if (claim.state === 'unknown') return [unchecked('claim', claim.why)]
  if (claim.state === 'absent') return [absentClaim(seen, valueOf(seen.source?.claim ?? absent))]
  return [
    checkPresent({ ...seen, claim: claim.value }),
    checkBinding(seen, isExplained),
    checkAccess(seen, claim.value, (change) => recreateShare(seen, claim.value, change)),
  ]
}

function absentClaim(seen: SharedClaim, source: PersistentVolumeClaim | undefined): Finding {
  const problem = `there is no claim ${idOf(seen)}`
  if (source !== undefined) {
    return withCommands(error('claim', problem, 'create it as a share of its source'), createShare(seen, source))
  }
  return error(
    'claim',
    problem,
    `apply what model-injector render claim --claim ${seen.name} -n ${seen.namespace} prints; --from NAMESPACE/CLAIM of this command says what it is to be shared from`,
  )
}

function tridentRules(seen: SharedClaim, trident: Trident): readonly Finding[] {
  const sharing = checkSharing(seen)
  const owner = ownerOf(seen)
  const claim = owner && valueOf(owner.claim)
  if (owner === undefined || claim === undefined) return sharing
  return [
    ...sharing,
    ...checkSharedVolume(owner, claim, trident.volumes),
    ...checkStorageClass(owner, claim, seen.sourceClass),
    ...checkReclaim(owner),
    ...(seen.source === undefined ? [] : checkClaimWriters(seen)),
  ]
}

/** The claim that holds the files; undefined if another claim should hold them, which cannot be found. */
function ownerOf(seen: SharedClaim): SeenClaim | undefined {
  const isShare = shareFrom in (valueOf(seen.claim)?.metadata.annotations ?? {})
  return seen.source ?? (isShare ? undefined : seen)
}

/** The kubelet follows a link at each start of a container. Only a pod can see if a path exists. */
function checkPath(seen: ClaimName, path: string | undefined): Finding {
  if (path === undefined) return warning('model-path', `pvc://${seen.name} names no version`)
  if (basename(path) === 'current') {
    return warning('model-path', `pvc://${seen.name}/${path} may be another version after a restart`)
  }
  return ok('model-path', `${path}; whether it is on the volume model-loader sees before the app starts`)
}
