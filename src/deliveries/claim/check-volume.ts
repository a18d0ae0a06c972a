/** Checks the class and the volume of a shared claim: NFS by Trident, in a state in which Trident shares it. */
import type { PersistentVolume, PersistentVolumeClaim, StorageClass, TridentVolume } from '../../cluster/objects.ts'
import { provisioner as provisionerOfTrident } from './render-trident.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { idOf, type SeenClaim } from '../shared/check-claim.ts'
import { shareFrom } from './check-claim.ts'
import { patchObject } from '../../diagnosis/kubectl-commands.ts'

const nfsDrivers = ['ontap-nas', 'ontap-nas-economy', 'ontap-nas-flexgroup']

/** `owner`: the claim that holds the files. */
export function checkStorageClass(
  owner: SeenClaim,
  { spec }: PersistentVolumeClaim,
  seen: Lookup<StorageClass>,
): readonly Finding[] {
  const name = spec.storageClassName ?? ''
  if (seen.state === 'unknown') return [unchecked('storage-class', seen.why)]
  if (seen.state === 'absent') {
    return [
      error('storage-class', name === '' ? `${idOf(owner)} has no storage class` : `there is no storage class ${name}`),
    ]
  }
  const problem = classProblem(seen.value)
  if (problem !== undefined) return [error('storage-class', `${name} ${problem}`)]
  const oddities = [...classOddities(seen.value), ...checkConnections(seen.value)]
  return oddities.length > 0
    ? oddities
    : [ok('storage-class', `${name}: Trident, NFS, ${seen.value.volumeBindingMode ?? 'Immediate'}`)]
}

function classProblem({ provisioner, parameters: { backendType } = {} }: StorageClass): string | undefined {
  if (provisioner !== provisionerOfTrident) return `is of ${provisioner}, not of Trident`
  return backendType === undefined || nfsDrivers.includes(backendType)
    ? undefined
    : `has backendType ${backendType}, which is not NFS; Trident shares only NFS`
}

function classOddities({
  metadata: { name },
  parameters: { fsType } = {},
  volumeBindingMode,
}: StorageClass): readonly Finding[] {
  const oddities = [
    ...(volumeBindingMode === 'WaitForFirstConsumer' ? ['it waits for a first pod (WaitForFirstConsumer)'] : []),
    ...(fsType === undefined ? [] : [`it has fsType ${fsType}, which means nothing for NFS`]),
  ]
  return oddities.length === 0
    ? []
    : [
        warning(
          'storage-class',
          `${name}: ${oddities.join('; ')}`,
          'a class cannot be changed: make claims of the next model with the one that model-injector render claim prints',
        ),
      ]
}

/** NFS 4.0 has a single connection, and without an explicit version the server negotiates one. */
function checkConnections({ metadata: { name }, mountOptions = [] }: StorageClass): readonly Finding[] {
  const options = mountOptions.flatMap((option) => option.split(','))
  if (
    !options.some((option) => option.startsWith('nconnect=')) ||
    options.some((option) => /^(?:nfsvers|vers)=(?:3|4\.[12])$/.test(option))
  ) {
    return []
  }
  const withVersion = ['nfsvers=4.1', ...options.filter((option) => !/^(?:nfsvers|vers)=/.test(option))]
  const finding = warning(
    'storage-class',
    `${name} has nconnect without nfsvers=4.1, so there may be one connection only`,
    'name the version of NFS; volumes that exist keep their options',
  )
  return [withCommands(finding, patchObject({ kind: 'storageclass', name }, { mountOptions: withVersion }))]
}

/** `owner`: the claim that holds the files. */
export function checkSharedVolume(
  owner: SeenClaim,
  claim: PersistentVolumeClaim,
  volumes: Lookup<readonly TridentVolume[]>,
): readonly Finding[] {
  const { [shareFrom]: sharedFrom, 'trident.netapp.io/notManaged': notManaged } = claim.metadata.annotations ?? {}
  if (sharedFrom !== undefined) {
    return [error('source-volume', `${idOf(owner)} is itself a share of ${sharedFrom}`, 'share that one instead')]
  }
  if (notManaged === 'true') {
    return [
      error(
        'source-volume',
        `${idOf(owner)} was imported as not managed (trident.netapp.io/notManaged), and Trident shares no such volume`,
      ),
    ]
  }
  if (owner.volume.state === 'unknown') return [unchecked('source-volume', owner.volume.why)]
  return owner.volume.state === 'absent' ? [] : [judgeVolume(owner.volume.value, volumes)]
}

function judgeVolume(volume: PersistentVolume, volumes: Lookup<readonly TridentVolume[]>): Finding {
  const {
    metadata: { name },
    spec: { csi },
  } = volume
  // Trident names its record of a volume like the PersistentVolume.
  const record = valueOf(volumes)?.find(({ metadata }) => metadata.name === name)
  const kind = kindProblem(volume)
  if (kind !== undefined) return error('source-volume', `the volume ${name} ${kind}`)
  const state = stateProblem(record)
  if (state !== undefined) {
    return error(
      'source-volume',
      `the volume ${name} ${state}`,
      'see what Trident says: tridentctl get volume, tridentctl get backend',
    )
  }
  const protocol = csi?.volumeAttributes?.protocol === undefined ? 'by a protocol that it does not say' : 'by NFS'
  return ok(
    'source-volume',
    [`${name}: of Trident`, protocol, ...(record?.state === undefined ? [] : [record.state])].join(', '),
  )
}

function kindProblem({ spec: { csi } }: PersistentVolume): string | undefined {
  if (csi?.driver !== provisionerOfTrident) return `is of ${csi?.driver ?? 'no CSI driver'}, not of Trident`
  const { protocol = 'file' } = csi.volumeAttributes ?? {}
  return protocol === 'file' ? undefined : `has the protocol ${protocol}, and Trident shares only NFS`
}

function stateProblem({ orphaned = false, state = '' }: Partial<TridentVolume> = {}): string | undefined {
  if (orphaned) return 'is orphaned: Trident has lost its backend'
  return state === '' || state === 'online' ? undefined : `is ${state}`
}

export function checkReclaim({ volume }: SeenClaim): readonly Finding[] {
  if (volume.state === 'unknown') return [unchecked('reclaim-policy', volume.why)]
  if (volume.state === 'absent') return []
  const {
    metadata: { name },
    spec: { persistentVolumeReclaimPolicy: policy = 'Retain' },
  } = volume.value
  if (policy === 'Retain') return [ok('reclaim-policy', `${name}: Retain`)]
  return [
    withCommands(
      warning('reclaim-policy', `the volume ${name} is deleted with its claim (${policy})`),
      patchObject({ kind: 'pv', name }, { spec: { persistentVolumeReclaimPolicy: 'Retain' } }),
    ),
  ]
}
