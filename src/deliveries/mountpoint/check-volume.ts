/** Checks a volume of the Mountpoint CSI driver: bucket and prefix, options, and the identity that reads. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../cluster/objects.ts'
import { mountpointDriver } from './render-volume.ts'
import type { S3Source } from '../../values/source.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { idOf, type SeenClaim } from '../shared/check-claim.ts'
import { patchObject, recreateVolume } from '../../diagnosis/kubectl-commands.ts'
import type { Consumer } from '../shared/requested-model.ts'

export interface MountedPrefix extends SeenClaim {
  readonly source: S3Source
  /** Region from the annotations or the configuration. */
  readonly region: string | undefined
  readonly consumers: readonly Consumer[]
  /** All volumes of the cluster. */
  readonly volumes: Lookup<readonly PersistentVolume[]>
  /** The volume of the claim, or a volume that names the claim. */
  readonly meant: PersistentVolume | undefined
}

export function checkMountedVolume(prefix: MountedPrefix, volume: PersistentVolume): readonly Finding[] {
  const {
    spec: { csi },
    metadata: { name },
  } = volume
  const claim = valueOf(prefix.claim)
  if (csi?.driver !== mountpointDriver) {
    return [error('volume-driver', `the volume ${name} of ${idOf(prefix)} is of ${csi?.driver ?? 'no CSI driver'}`)]
  }
  if (claim === undefined) return []
  return [
    ok('volume-driver', `${name}: ${mountpointDriver}`),
    checkHandle(prefix, volume, claim),
    ...checkSource(prefix, volume, claim),
    ...checkOptions(prefix, volume),
    checkIdentity(volume, claim),
  ]
}

/** Rendered handles contain the namespace, so they are as unique as volume names. */
function checkHandle({ volumes }: MountedPrefix, volume: PersistentVolume, claim: PersistentVolumeClaim): Finding {
  const {
    metadata: { name },
    spec: { csi },
  } = volume
  if (volumes.state !== 'found') return unchecked('volume-handle', whyNot(volumes))
  const twins = volumes.value.filter(
    (other) =>
      other.metadata.name !== name &&
      other.spec.csi?.driver === mountpointDriver &&
      other.spec.csi.volumeHandle === csi?.volumeHandle,
  )
  if (twins.length === 0) return ok('volume-handle', `${csi?.volumeHandle ?? ''}, of this volume alone`)
  const what = `${name} has the handle ${csi?.volumeHandle ?? ''}, and so ${twins.length === 1 ? 'has' : 'have'} ${twins.map(({ metadata }) => metadata.name).join(', ')}`
  return withCommands(
    error('volume-handle', what),
    ...recreateVolume(volume, claim, {
      volumeHandle: `${claim.metadata.name}.${claim.metadata.namespace ?? ''}.${claim.metadata.uid ?? 'recreated'}`,
    }),
  )
}

/** `--prefix=x/`, `prefix=x/` and `prefix x/` are the same to the driver. */
function readOptions(mountOptions: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    mountOptions.map((option) => {
      const [, name = '', value = ''] = /^(?:--)?([^=\s]+)(?:[=\s]+(.*))?$/.exec(option.trim()) ?? []
      return [name, value] as const
    }),
  )
}

function withOptions(volume: PersistentVolume, changes: Readonly<Record<string, string>>): string {
  const others = (volume.spec.mountOptions ?? []).filter(
    (option) => ![...readOptions([option]).keys()].some((name) => Object.hasOwn(changes, name)),
  )
  const added = Object.entries(changes).map(([name, value]) => (value === '' ? name : `${name} ${value}`))
  return patchObject({ kind: 'pv', name: volume.metadata.name }, { spec: { mountOptions: [...others, ...added] } })
}

function checkSource(
  { source }: MountedPrefix,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): readonly Finding[] {
  const bucket = volume.spec.csi?.volumeAttributes?.bucketName ?? ''
  const prefix = readOptions(volume.spec.mountOptions ?? []).get('prefix') ?? ''
  const { name } = volume.metadata
  if (bucket !== source.bucket) {
    const volumeAttributes = { ...volume.spec.csi?.volumeAttributes, bucketName: source.bucket }
    return [
      withCommands(
        error(
          'mount-source',
          `${name} shows the bucket ${bucket}, not ${source.bucket}`,
          'create the volume again: its attributes cannot be changed',
        ),
        ...recreateVolume(volume, claim, { volumeAttributes }),
      ),
    ]
  }
  if (prefix === source.key) return [ok('mount-source', `${name} shows s3://${bucket}/${prefix}`)]
  return [
    withCommands(
      error('mount-source', prefixProblem(name, prefix, source)),
      withOptions(volume, { prefix: source.key }),
    ),
  ]
}

function prefixProblem(name: string, prefix: string, { key, bucket }: S3Source): string {
  if (prefix === '') return `${name} names no prefix: it shows the whole bucket ${bucket}`
  return `${prefix}/` === key
    ? `the prefix of ${name}, ${prefix}, does not end in a slash`
    : `${name} shows the prefix ${prefix}, not ${key}`
}

function checkOptions(prefix: MountedPrefix, volume: PersistentVolume): readonly Finding[] {
  const options = readOptions(volume.spec.mountOptions ?? [])
  const problems = optionRules.flatMap((rule) => {
    const broken = rule(options, prefix)
    if (broken === undefined) return []
    const finding = broken.severity === 'error' ? error : warning
    return [
      withCommands(finding('mount-options', `${volume.metadata.name} ${broken.what}`), withOptions(volume, broken.fix)),
    ]
  })
  return problems.length > 0 ? problems : [ok('mount-options', [...options.keys()].join(', '))]
}

interface BrokenRule {
  readonly severity: 'error' | 'warning'
  readonly what: string
  /** Options that fix the problem. */
  readonly fix: Readonly<Record<string, string>>
}

type OptionRule = (options: ReadonlyMap<string, string>, prefix: MountedPrefix) => BrokenRule | undefined

const optionRules: readonly OptionRule[] = [lookInRegion, letOthersRead, readOnly]

function lookInRegion(options: ReadonlyMap<string, string>, { region }: MountedPrefix): BrokenRule | undefined {
  const written = options.get('region')
  if (region === undefined || written === undefined || written === region) return undefined
  return {
    severity: 'error',
    what: `looks for the bucket in ${written}, the annotation says ${region}`,
    fix: { region },
  }
}

function letOthersRead(options: ReadonlyMap<string, string>, { consumers }: MountedPrefix): BrokenRule | undefined {
  if (options.has('allow-other')) return undefined
  const fix = { 'allow-other': '' }
  const denied = deniedConsumers(consumers)
  if (denied.length > 0) {
    return {
      severity: 'error',
      what: `has no allow-other, and ${denied.join(', ')} ${denied.length === 1 ? 'runs' : 'run'} neither as root nor with an fsGroup`,
      fix,
    }
  }
  return consumers.every(hasGroup) && consumers.length > 0
    ? undefined
    : { severity: 'warning', what: 'has no allow-other: only root may read, unless the pod has an fsGroup', fix }
}

function readOnly(options: ReadonlyMap<string, string>): BrokenRule | undefined {
  return options.has('read-only')
    ? undefined
    : {
        severity: 'warning',
        what: 'is not read-only by itself, only where pods mount it so',
        fix: { 'read-only': '' },
      }
}

/** With an fsGroup the driver gives the files to that group (gid, 0770 and 0660). */
function hasGroup({ spec }: Consumer): boolean {
  return spec.securityContext?.fsGroup !== undefined
}

function deniedConsumers(consumers: readonly Consumer[]): readonly string[] {
  return consumers.filter((consumer) => !hasGroup(consumer) && isSurelyNotRoot(consumer)).map(({ title }) => title)
}

/** The user of an image is unknown here. */
function isSurelyNotRoot({ spec }: Consumer): boolean {
  const { runAsUser, runAsNonRoot } = (spec.securityContext ?? {}) as { runAsUser?: number; runAsNonRoot?: boolean }
  return (runAsUser ?? 0) > 0 || runAsNonRoot === true
}

function checkIdentity(volume: PersistentVolume, claim: PersistentVolumeClaim): Finding {
  const { name } = volume.metadata
  const { authenticationSource = 'driver' } = volume.spec.csi?.volumeAttributes ?? {}
  if (authenticationSource === 'pod') return ok('mount-identity', `${name} is read with the service account of the pod`)
  const volumeAttributes = { ...volume.spec.csi?.volumeAttributes, authenticationSource: 'pod' }
  return withCommands(
    warning('mount-identity', `${name} is read with the identity of the ${authenticationSource}, not of the pod`),
    ...recreateVolume(volume, claim, { volumeAttributes }),
  )
}
