/** kubectl commands that fix a finding, for the objects that were found: each is one line of shell. */
import type { CSIVolume, KubernetesObject, PersistentVolume, PersistentVolumeClaim } from '../cluster/objects.ts'
import { quoteWord } from '../values/shell.ts'

export interface Target {
  /** Name of the kind for kubectl: `pvc`. */
  readonly kind: string
  readonly name: string
  readonly namespace?: string | undefined
}

export function applyObject(object: object): string {
  return `echo ${quoteWord(JSON.stringify(object))} | kubectl apply -f -`
}

export function createObject(object: object): string {
  return `echo ${quoteWord(JSON.stringify(object))} | kubectl create -f -`
}

/** `null` removes a field (RFC 7386). */
export function patchObject(target: Target, change: object): string {
  return `kubectl patch ${describe(target)} --type merge -p ${quoteWord(JSON.stringify(change))}`
}

/** A strategic merge patch: elements of lists are matched by name, as in kubectl apply. */
export function patchByName(target: Target, change: object): string {
  return `kubectl patch ${describe(target)} --type strategic -p ${quoteWord(JSON.stringify(change))}`
}

/** A list of JSON Patch operations (RFC 6902), for elements of lists. */
export function patchPath(target: Target, operations: readonly object[]): string {
  return `kubectl patch ${describe(target)} --type json -p ${quoteWord(JSON.stringify(operations))}`
}

export function annotateObject(target: Target, key: string, value: string): string {
  return `kubectl annotate ${describe(target)} --overwrite ${quoteWord(`${key}=${value}`)}`
}

export function deleteObject(target: Target): string {
  return `kubectl delete ${describe(target)}`
}

export function describeObject(target: Target): string {
  return `kubectl describe ${describe(target)}`
}

export function containerLogs(from: {
  readonly name: string
  readonly namespace: string
  readonly container: string
  /** The log of the run before. */
  readonly previous: boolean
}): string {
  const { name, namespace, container, previous } = from
  return `kubectl logs ${quoteWord(name)} -n ${quoteWord(namespace)} -c ${quoteWord(container)}${previous ? ' --previous' : ''}`
}

function describe({ kind, name, namespace }: Target): string {
  return [kind, quoteWord(name), ...(namespace === undefined ? [] : ['-n', quoteWord(namespace)])].join(' ')
}

export interface ClaimChange {
  readonly annotations?: Readonly<Record<string, string>>
  readonly accessModes?: readonly string[]
  readonly storageClassName?: string | undefined
  readonly storage?: string | undefined
  readonly volumeName?: string
}

/** Most fields of a claim are immutable. Pods that mount it have to end first: the deletion waits for them. */
export function recreateClaim(claim: PersistentVolumeClaim, change: ClaimChange): readonly string[] {
  const { name, namespace } = claim.metadata
  return [deleteObject({ kind: 'pvc', name, namespace }), createObject(newClaim(claim, change))]
}

/**
 * After the deletion of a claim its volume stays reserved for that claim's uid; a new claim of the same name does not get
 * it.
 */
export function forgetClaim(volume: PersistentVolume): string {
  return patchObject(
    { kind: 'pv', name: volume.metadata.name },
    { spec: { claimRef: { uid: null, resourceVersion: null } } },
  )
}

/** Recreates a claim that names its volume, bound to the same volume again. */
export function recreateClaimOf(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  change: ClaimChange,
): readonly string[] {
  const [deletion = '', creation = ''] = recreateClaim(claim, {
    storageClassName: '',
    volumeName: volume.metadata.name,
    ...change,
  })
  return [deletion, forgetClaim(volume), creation]
}

/** The new claim does not keep the old claim's volume. */
function newClaim(
  { metadata, spec }: PersistentVolumeClaim,
  { annotations, storage = spec.resources?.requests?.storage, ...fields }: ClaimChange,
): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: plainMetadata({ ...metadata, annotations: { ...metadata.annotations, ...annotations } }),
    spec: { ...without(spec, ['volumeName', 'volumeMode']), ...fields, resources: { requests: { storage } } },
  }
}

/** Recreates a statically provisioned volume and its claim; the content of the bucket is not touched. */
export function recreateVolume(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
  csi: Partial<CSIVolume>,
): readonly string[] {
  const { name, namespace } = claim.metadata
  const newVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: plainMetadata(volume.metadata),
    spec: {
      ...without(volume.spec, ['claimRef', 'volumeMode']),
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name },
      csi: { ...volume.spec.csi, ...csi },
    },
  }
  return [
    deleteObject({ kind: 'pvc', name, namespace }),
    deleteObject({ kind: 'pv', name: volume.metadata.name }),
    createObject(newVolume),
    createObject(newClaim(claim, { storageClassName: '', volumeName: volume.metadata.name })),
  ]
}

/** Annotations of kubectl, the API server and its controllers. */
const foreignAnnotation = /^(?:pv\.kubernetes\.io|volume\.(?:beta\.)?kubernetes\.io|kubectl\.kubernetes\.io)\//

function plainMetadata({ name, namespace, labels, annotations = {} }: KubernetesObject['metadata']): object {
  const own = without(
    annotations,
    Object.keys(annotations).filter((key) => foreignAnnotation.test(key)),
  )
  return { name, namespace, ...(labels && { labels }), ...(Object.keys(own).length > 0 && { annotations: own }) }
}

function without(object: Readonly<Record<string, unknown>>, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
}
