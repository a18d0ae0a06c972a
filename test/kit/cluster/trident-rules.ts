/**
 * Trident's rules for sharing a volume between namespaces, as code: Trident publishes no schema that would say them. From
 * frontend/csi/controller_helpers/kubernetes/helper.go, core/orchestrator_core.go, storage_drivers/ontap/awsapi/aws.go and
 * frontend/crd of github.com/NetApp/trident. Facts that only a running Trident has (bound, online, not orphaned) are not here.
 */
import { parseBytes } from '../../../src/values/quantity.ts'

export interface TridentObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

interface Claim {
  readonly object: TridentObject
  readonly id: string
  readonly storageClass: string
  readonly bytes: number
}

const provisioner = 'csi.trident.netapp.io'
const shareFrom = 'trident.netapp.io/shareFromPVC'
const shareTo = 'trident.netapp.io/shareToNamespace'
const forbiddenBeside = [
  'trident.netapp.io/cloneFromPVC',
  'trident.netapp.io/importOriginalName',
  'trident.netapp.io/mirrorRelationship',
]
const nfsDrivers = ['ontap-nas', 'ontap-nas-economy', 'ontap-nas-flexgroup']
const leastBytes = 20 * 2 ** 20
/** awsapi/aws.go: the six characters that AWS appends are part of what it reads. */
const secretArn =
  /^arn:(?:aws|aws-cn|aws-us-gov|aws-eusc|aws-iso(?:-[a-z0-9]+)?):secretsmanager:[^:]+:\d{12}:secret:[A-z0-9/_+=.@-]+-[A-z0-9/_+=.@-]{6}$/

/** Every rule that the objects break, in words. */
export function tridentProblems(objects: readonly TridentObject[], tridentNamespace: string): string[] {
  const claims = objects.filter(({ kind }) => kind === 'PersistentVolumeClaim').map(claimOf)
  const classes = objects.filter((object) => object.kind === 'StorageClass' && object.provisioner === provisioner)
  const backends = objects.filter(({ kind }) => kind === 'TridentBackendConfig')
  return [
    ...backends.flatMap((backend) => backendProblems(backend, tridentNamespace)),
    ...classes.flatMap((storageClass) => classProblems(storageClass, backends)),
    ...claims.flatMap((claim) =>
      claim.bytes < leastBytes ? [`${claim.id}: is smaller than 20Mi, which no volume is`] : [],
    ),
    ...claims
      .filter(({ object }) => shareFrom in (object.metadata.annotations ?? {}))
      .flatMap((claim) => importProblems(claim, claims, objects, classes)),
  ]
}

function claimOf(object: TridentObject): Claim {
  const spec = object.spec as { storageClassName?: string; resources?: { requests?: { storage?: string } } }
  const bytes = parseBytes(spec.resources?.requests?.storage ?? '')
  return {
    object,
    id: `${object.metadata.namespace ?? ''}/${object.metadata.name}`,
    storageClass: spec.storageClassName ?? '',
    bytes: bytes.ok ? bytes.value : 0,
  }
}

function importProblems(
  claim: Claim,
  claims: readonly Claim[],
  objects: readonly TridentObject[],
  classes: readonly TridentObject[],
): string[] {
  const { object, id } = claim
  const from = object.metadata.annotations?.[shareFrom] ?? ''
  if (!/^[^/]+\/[^/]+$/.test(from)) return [`${id}: ${shareFrom} is not NAMESPACE/NAME: ${from}`]
  const source = claims.find((candidate) => candidate.id === from)
  if (source === undefined) return [`${id}: there is no claim ${from}`]
  const namespace = object.metadata.namespace ?? ''
  return broken(id, [
    [hasReference(objects, namespace, from), `its namespace has no TridentVolumeReference of ${from}`],
    [isSharedTo(source, namespace), `${from} is not shared to its namespace`],
    [source.storageClass === claim.storageClass, `has another storage class than ${from}`],
    [claim.bytes <= source.bytes, `is larger than ${from}`],
    [annotationOf(source.object, shareFrom) === undefined, `${from} is shared from elsewhere itself`],
    [
      forbiddenBeside.every((key) => annotationOf(object, key) === undefined),
      `has an annotation that Trident does not accept together with ${shareFrom}`,
    ],
    [classes.some(({ metadata }) => metadata.name === source.storageClass), `${from} has no storage class of Trident`],
  ])
}

/** The problems of rules that do not hold. */
function broken(subject: string, rules: readonly (readonly [holds: boolean, problem: string])[]): string[] {
  return rules.filter(([holds]) => !holds).map(([, problem]) => `${subject}: ${problem}`)
}

function annotationOf({ metadata }: TridentObject, key: string): string | undefined {
  return metadata.annotations?.[key]
}

/** helper.go splits at commas and trims nothing. */
function isSharedTo({ object }: Claim, namespace: string): boolean {
  const shared = (object.metadata.annotations?.[shareTo] ?? '').split(',')
  return shared.includes(namespace) || shared.includes('*')
}

function hasReference(objects: readonly TridentObject[], namespace: string, from: string): boolean {
  return objects.some(({ kind, metadata, spec }) => {
    const { pvcName, pvcNamespace } = (spec ?? {}) as { pvcName?: string; pvcNamespace?: string }
    return (
      kind === 'TridentVolumeReference' &&
      metadata.namespace === namespace &&
      `${pvcNamespace ?? ''}/${pvcName ?? ''}` === from
    )
  })
}

interface ClassParameters {
  readonly backendType?: string
  readonly fsType?: string
}

function classProblems(
  { metadata: { name }, parameters = {}, mountOptions = [], volumeBindingMode, reclaimPolicy }: TridentObject,
  backends: readonly TridentObject[],
): string[] {
  const { backendType = '', fsType } = parameters as ClassParameters
  const options = mountOptions as readonly string[]
  const hasConnections = options.some((option) => option.startsWith('nconnect='))
  return broken(name, [
    [nfsDrivers.includes(backendType), 'is not of NFS, and only NFS is shared'],
    [fsType === undefined, 'has a fsType, which NFS does not'],
    [volumeBindingMode === 'Immediate', 'does not bind at once, so what shares its claims fails until a pod runs'],
    [reclaimPolicy === 'Retain', 'deletes the models with the claim'],
    [
      !hasConnections || options.some((option) => /^(?:nfsvers|vers)=4\.1$/.test(option)),
      'has nconnect without nfsvers=4.1',
    ],
    [
      backends.some(({ spec }) => (spec as { storageDriverName?: string }).storageDriverName === backendType),
      `finds no backend with the driver ${backendType}`,
    ],
  ])
}

interface BackendSpec {
  readonly version?: unknown
  readonly storageDriverName?: string
  readonly svm?: string
  readonly managementLIF?: string
  readonly aws?: { readonly fsxFilesystemID?: string; readonly apiRegion?: string }
  readonly credentials?: { readonly name?: string; readonly type?: string }
}

function backendProblems({ metadata: { name, namespace }, spec }: TridentObject, tridentNamespace: string): string[] {
  const { version, storageDriverName = '', svm = '', aws = {}, credentials = {}, managementLIF } = spec as BackendSpec
  return broken(name, [
    [namespace === tridentNamespace, `is in ${String(namespace)}, but Trident reads only ${tridentNamespace}`],
    [version === 1, 'has no version 1'],
    [nfsDrivers.includes(storageDriverName), `has the driver ${storageDriverName}`],
    [svm !== '', 'names no svm'],
    [
      /^fs-[0-9a-f]+$/.test(String(aws.fsxFilesystemID)) && aws.apiRegion !== undefined,
      'names no file system and region',
    ],
    [
      credentials.type === 'awsarn' && secretArn.test(String(credentials.name)),
      'has credentials that are no whole ARN of a secret',
    ],
    [managementLIF === undefined, 'names a management address in addition to the file system that has it'],
  ])
}
