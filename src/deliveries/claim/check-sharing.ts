/**
 * The rules by which Trident shares a volume with the claim of another namespace: getSubordinateVolumeConfig of its
 * frontend/csi/controller_helpers/kubernetes/helper.go, and addSubordinateVolume of core/orchestrator_core.go.
 */
import type { PersistentVolumeClaim } from '../../cluster/objects.ts'
import { label } from '../../render/names.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { bindingProblem, describeBinding, idOf, type SeenClaim } from '../shared/check-claim.ts'
import { recreateShare, broken, shareFrom, sourceNameOf, type SharedClaim } from './check-claim.ts'
import { compareClaims } from './check-comparison.ts'
import { annotateObject, applyObject, describeObject, patchObject } from '../../diagnosis/kubectl-commands.ts'

const shareTo = 'trident.netapp.io/shareToNamespace'
const excluding = [
  'trident.netapp.io/cloneFromPVC',
  'trident.netapp.io/importOriginalName',
  'trident.netapp.io/mirrorRelationship',
]

export function checkSharing(seen: SharedClaim): readonly Finding[] {
  const annotation = checkAnnotation(seen)
  const { source } = seen
  if (source === undefined) return [annotation]
  if (source.claim.state !== 'found') return [annotation, missingSource(source)]
  return [
    annotation,
    checkSource(source, source.claim.value, seen),
    checkShared(seen, source.claim.value),
    checkReference(seen, source),
    ...compareClaims(seen, source.claim.value),
  ]
}

function checkAnnotation(seen: SharedClaim): Finding {
  const { claim } = seen
  if (claim.state === 'unknown') return unchecked('share-annotation', claim.why)
  if (claim.state === 'absent') return unchecked('share-annotation', `there is no claim ${idOf(seen)} yet`)
  return shareFrom in (claim.value.metadata.annotations ?? {})
    ? checkShareFrom(seen, claim.value)
    : checkUnshared(seen, claim.value)
}

function checkShareFrom(seen: SharedClaim, claim: PersistentVolumeClaim): Finding {
  const { named } = seen
  const { annotations = {} } = claim.metadata
  const written = annotations[shareFrom] ?? ''
  const other = excluding.find((key) => key in annotations)
  if (named !== undefined && written !== idOf(named)) {
    return wrongAnnotation(seen, claim, `${idOf(seen)} shares ${written}, not ${idOf(named)}`)
  }
  if (sourceNameOf(seen) === undefined) {
    return wrongAnnotation(seen, claim, `${shareFrom} of ${idOf(seen)} is "${written}", which is not NAMESPACE/NAME`)
  }
  if (other !== undefined) {
    return broken(
      'share-annotation',
      seen,
      `${idOf(seen)} has both ${other} and ${shareFrom}, and Trident takes only one of them`,
    )
  }
  return ok('share-annotation', `${idOf(seen)} shares ${written}`)
}

function wrongAnnotation(seen: SharedClaim, claim: PersistentVolumeClaim, what: string): Finding {
  const { named } = seen
  const finding = broken('share-annotation', seen, what)
  return named === undefined
    ? finding
    : withCommands(finding, ...recreateShare(seen, claim, { annotations: { [shareFrom]: idOf(named) } }))
}

/** A read-only volume of its own can never be filled. */
function checkUnshared(seen: SharedClaim, claim: PersistentVolumeClaim): Finding {
  if (seen.named !== undefined) {
    return wrongAnnotation(
      seen,
      claim,
      `${idOf(seen)} has no ${shareFrom}: it is a volume of its own, not a share of ${idOf(seen.named)}`,
    )
  }
  const isOnlyRead = (claim.spec.accessModes ?? []).every((mode) => mode === 'ReadOnlyMany')
  if (!isOnlyRead) return ok('share-annotation', `${idOf(seen)} is a volume of its own, shared from nowhere`)
  return error(
    'share-annotation',
    `${idOf(seen)} has no ${shareFrom} and can only be read: it is a new, empty volume that cannot be filled`,
    'delete it, and create it again with the annotation; --from NAMESPACE/CLAIM of this command makes the commands',
  )
}

function missingSource(source: SeenClaim): Finding {
  if (source.claim.state === 'unknown') return unchecked('source-claim', source.claim.why)
  return error(
    'source-claim',
    `there is no claim ${idOf(source)}`,
    `apply what model-injector render claim --claim ${source.name} --store-namespace ${source.namespace} prints`,
  )
}

function checkSource(source: SeenClaim, { metadata }: PersistentVolumeClaim, { sourceClass }: SharedClaim): Finding {
  const problem = bindingProblem(source)
  if (problem !== undefined) {
    const waits =
      valueOf(sourceClass)?.volumeBindingMode === 'WaitForFirstConsumer' ? '; its class waits for a first pod' : ''
    return withCommands(
      error('source-claim', `${problem}${waits}`),
      describeObject({ kind: 'pvc', name: source.name, namespace: source.namespace }),
    )
  }
  if (metadata.deletionTimestamp === undefined) return ok('source-claim', describeBinding(source))
  return warning(
    'source-claim',
    `${idOf(source)} is being deleted: nothing new is shared from it, and its files go with the last claim that shares it`,
    'publish to another claim, and share that one, before the last one goes',
  )
}

/** Trident splits at commas and does not trim names. */
function checkShared(seen: SharedClaim, { metadata }: PersistentVolumeClaim): Finding {
  const written = metadata.annotations?.[shareTo]
  const names = (written ?? '').split(',')
  const id = `${metadata.namespace ?? ''}/${metadata.name}`
  if (names.includes(seen.namespace) || names.includes('*')) {
    return ok('source-shared', `${id} is shared to ${written ?? ''}`)
  }
  const trimmed = names.map((name) => name.trim()).filter((name) => name !== '')
  const namespaces = [...new Set([...trimmed, seen.namespace])].join(',')
  return withCommands(
    broken('source-shared', seen, `${id} is shared to ${describeShared(written, seen.namespace, trimmed)}`),
    annotateObject({ kind: 'pvc', name: metadata.name, namespace: metadata.namespace }, shareTo, namespaces),
  )
}

function describeShared(written: string | undefined, namespace: string, trimmed: readonly string[]): string {
  if (written === undefined) return `no namespace, so not to ${namespace}`
  return trimmed.includes(namespace)
    ? `"${written}": Trident reads the blank as part of the name`
    : `"${written}", not to ${namespace}`
}

function checkReference(seen: SharedClaim, source: SeenClaim): Finding {
  const { references, namespace } = seen
  if (references.state === 'unknown') return unchecked('volume-reference', references.why)
  if (references.state === 'absent') {
    return unchecked('volume-reference', 'the API server knows no TridentVolumeReferences')
  }
  const right = references.value.find(
    ({ spec }) => spec.pvcName === source.name && spec.pvcNamespace === source.namespace,
  )
  if (right !== undefined) return ok('volume-reference', `${namespace}/${right.metadata.name} names ${idOf(source)}`)
  const spec = { pvcName: source.name, pvcNamespace: source.namespace }
  const wrong = references.value.find(
    (reference) => reference.spec.pvcName === source.name || reference.metadata.name === label(source.name),
  )
  if (wrong === undefined) {
    return withCommands(
      broken('volume-reference', seen, `no TridentVolumeReference in ${namespace} names ${idOf(source)}`),
      applyObject({
        apiVersion: 'trident.netapp.io/v1',
        kind: 'TridentVolumeReference',
        metadata: { name: label(source.name), namespace },
        spec,
      }),
    )
  }
  const { pvcNamespace = '', pvcName = '' } = wrong.spec
  return withCommands(
    broken(
      'volume-reference',
      seen,
      `the TridentVolumeReference ${namespace}/${wrong.metadata.name} names ${pvcNamespace}/${pvcName}, not ${idOf(source)}`,
    ),
    patchObject({ kind: 'tridentvolumereference', name: wrong.metadata.name, namespace }, { spec }),
  )
}
