/** Classifies the mounts of a loader beside the planned ones. */
import { cleanPath, isSameOrBelow } from '../../values/path.ts'
import { loaderRoot } from '../../pod/injected-names.ts'
import type { VolumeMount } from '../../pod/pod.ts'
import {
  changeOf,
  type ChangeKind,
  type ComparedList,
  type ComparedLoader,
  type PartChange,
  unlessSame,
} from './loader-change.ts'
import { mountText } from './part-text.ts'

interface MountKind extends ChangeKind {
  readonly matches: (mount: VolumeMount, loader: ComparedLoader) => boolean
}

/** Paths of the image from which the loader takes its program, its libraries and its authorities, and paths of the runtime. */
export const protectedPaths: readonly string[] = [
  '/app',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/usr',
  '/etc/hosts',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/ld.so.preload',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/pki',
  '/etc/resolv.conf',
  '/etc/ssl',
  '/proc',
  '/sys',
  '/dev',
]

export const mountKinds: readonly MountKind[] = [
  {
    change: `a mount at, above or below \`${loaderRoot}\`, \`/tmp\` or the token's directory, other than the planned one`,
    madeBy: 'an attacker, or a webhook that mounts a volume everywhere',
    class: 'steering',
    matches: (mount, { planned }) =>
      touches(mount, [loaderRoot, '/tmp', ...(planned.volumeMounts ?? []).map(({ mountPath }) => mountPath)]),
  },
  {
    change: "a mount at, above or below the loader's program, libraries or certificate authorities",
    madeBy: 'an attacker, or a webhook that distributes a CA',
    class: 'steering',
    matches: (mount) => touches(mount, protectedPaths),
  },
  {
    change: "a second mount of the model's volume",
    madeBy: 'any webhook',
    class: 'unknown',
    matches: (mount, { planned }) => planned.volumeMounts?.some(({ name }) => name === mount.name) === true,
  },
  {
    change: 'any other mount, as of a token',
    madeBy: 'ServiceAccount admission, identity webhook of EKS, Vault, agents',
    class: 'harmless',
    matches: () => true,
  },
]

function touches({ mountPath }: VolumeMount, paths: readonly string[]): boolean {
  const place = cleanPath(mountPath)
  return paths.some((path) => isSameOrBelow(place, path) || isSameOrBelow(path, place))
}

/** The mounts without what does not stay, and with what was missing. */
export function compareMounts(loader: ComparedLoader): ComparedList<VolumeMount> {
  const present = loader.present.volumeMounts ?? []
  const planned = new Map((loader.planned.volumeMounts ?? []).map((mount) => [cleanPath(mount.mountPath), mount]))
  const changes: PartChange[] = []
  const placed = new Set<string>()
  const kept = present.flatMap((mount): readonly VolumeMount[] => {
    const place = cleanPath(mount.mountPath)
    const expected = planned.get(place)
    const isFirst = placed.size < placed.add(place).size
    const isPlanned = isFirst && expected !== undefined && isSameMount(mount, expected)
    const kind = isPlanned ? undefined : kindOfMount(mount, loader)
    if (kind !== undefined) changes.push(mountChange(kind, expected, mount))
    if (kind === undefined || kind.class === 'harmless') return [mount]
    if (expected !== undefined && isFirst) return [expected]
    return []
  })
  const missing = [...planned].flatMap(([place, mount]) => (placed.has(place) ? [] : [mount]))
  changes.push(...missing.map((mount) => mountChange({ class: 'steering' }, mount, undefined)))
  return { restored: unlessSame(present, [...kept, ...missing]), changes }
}

export function mountChange(
  kind: Pick<ChangeKind, 'class' | 'configurable'>,
  expected: VolumeMount | undefined,
  found: VolumeMount | undefined,
): PartChange {
  const path = (found ?? expected)?.mountPath ?? ''
  return changeOf(kind, `volumeMounts[${path}]`, {
    expected: expected && mountText(expected),
    found: found && mountText(found),
  })
}

export function isSameMount(found: VolumeMount, expected: VolumeMount): boolean {
  return mountText(found) === mountText(expected)
}

function kindOfMount(mount: VolumeMount, loader: ComparedLoader): MountKind {
  const kind = mountKinds.find(({ matches }) => matches(mount, loader))
  if (kind === undefined) throw new Error(`a mount of no kind: ${mount.mountPath}`)
  return kind
}
