/** Compares a container of the app with what it gets: mounts of models and variables with their paths. */
import { cleanPath, isSameOrBelow } from '../../values/path.ts'
import type { Container, EnvVar, VolumeMount } from '../../pod/pod.ts'
import type { ContainerAddition } from '../mounts.ts'
import type { ComparedPart } from './compare-loader.ts'
import { steering } from './compared-pod.ts'
import { changeOf, unlessSame, type ComparedList, type PartChange } from './loader-change.ts'
import { hasPlannedEnv } from './loader-env.ts'
import { isSameMount, mountChange } from './loader-mounts.ts'
import { envText } from './part-text.ts'

interface TargetContext {
  readonly list: string
  /** The container without what is recorded as ours. */
  readonly before: Container | undefined
  readonly own: readonly ContainerAddition[]
}

export function compareTarget(container: Container, { list, before, own }: TargetContext): ComparedPart<Container> {
  if (isAsPlanned(container, before, own)) return { restored: container, changes: [] }
  const path = `spec.${list}[${container.name}]`
  const mounts = compareTargetMounts(container, before, own)
  const env = compareTargetEnv(container, before, own)
  const changed = {
    ...(mounts.restored !== undefined && { volumeMounts: mounts.restored }),
    ...(env.restored !== undefined && { env: env.restored }),
  }
  return {
    restored: Object.keys(changed).length === 0 ? container : { ...container, ...changed },
    changes: [...mounts.changes, ...env.changes].map((change) => ({ ...change, field: `${path}.${change.field}` })),
  }
}

/** The additions to a container are nearly always untouched, and the lists need not be gone through item by item. */
function isAsPlanned(container: Container, before: Container | undefined, own: readonly ContainerAddition[]): boolean {
  const mounts = withoutForeign(container.volumeMounts, before?.volumeMounts)
  const hasPlannedMounts =
    mounts.length === own.length &&
    own.every(({ volumeMount }, i) => {
      const found = mounts[i]
      return found?.mountPath === volumeMount.mountPath && isSameMount(found, volumeMount)
    })
  return (
    hasPlannedMounts &&
    hasPlannedEnv(
      withoutForeign(container.env, before?.env),
      own.flatMap(({ env }) => env ?? []),
    )
  )
}

/** `foreign` has items of the list in the order of the list. */
function withoutForeign<T>(
  list: readonly T[] | null | undefined,
  foreign: readonly T[] | null | undefined,
): readonly T[] {
  let next = 0
  return (list ?? []).filter((item) => {
    const isForeign = item === foreign?.[next]
    if (isForeign) next++
    return !isForeign
  })
}

function compareTargetMounts(
  { volumeMounts }: Container,
  before: Container | undefined,
  own: readonly ContainerAddition[],
): ComparedList<VolumeMount> {
  const present = volumeMounts ?? []
  const foreign = new Set(before?.volumeMounts)
  const planned = new Map(own.map(({ volumeMount }) => [cleanPath(volumeMount.mountPath), volumeMount]))
  const placed = new Set<string>()
  const changes: PartChange[] = []
  const kept = present.flatMap((mount): readonly VolumeMount[] => {
    if (foreign.has(mount)) return [mount]
    const place = cleanPath(mount.mountPath)
    const expected = placed.has(place) ? undefined : planned.get(place)
    placed.add(place)
    if (expected !== undefined && isSameMount(mount, expected)) return [mount]
    // A container that only reads a model elsewhere takes nothing from anybody.
    if (expected === undefined && mount.readOnly === true && !touchesAny(place, planned.keys())) return [mount]
    changes.push(mountChange({ ...steering, configurable: true }, expected, mount))
    return expected === undefined ? [] : [expected]
  })
  const missing = [...planned].flatMap(([place, mount]) => (placed.has(place) ? [] : [mount]))
  changes.push(...missing.map((mount) => mountChange({ ...steering, configurable: true }, mount, undefined)))
  return { restored: unlessSame(present, [...kept, ...missing]), changes }
}

function touchesAny(place: string, paths: Iterable<string>): boolean {
  return [...paths].some((path) => isSameOrBelow(place, path) || isSameOrBelow(path, place))
}

function compareTargetEnv(
  { env }: Container,
  before: Container | undefined,
  own: readonly ContainerAddition[],
): ComparedList<EnvVar> {
  const present = env ?? []
  const foreign = new Set(before?.env)
  const planned = new Map(
    own.flatMap((addition) => (addition.env === undefined ? [] : [[addition.env.name, addition.env]])),
  )
  const placed = new Set<string>()
  const changes: PartChange[] = []
  const kept = present.flatMap((variable): readonly EnvVar[] => {
    if (foreign.has(variable)) return [variable]
    const expected = placed.has(variable.name) ? undefined : planned.get(variable.name)
    placed.add(variable.name)
    if (expected !== undefined && envText(expected) === envText(variable)) return [variable]
    changes.push(variableChangeOf(expected, variable))
    return expected === undefined ? [] : [expected]
  })
  const missing = [...planned.values()].filter(({ name }) => !placed.has(name))
  changes.push(...missing.map((variable) => variableChangeOf(variable, undefined)))
  return { restored: unlessSame(present, [...kept, ...missing]), changes }
}

function variableChangeOf(expected: EnvVar | undefined, found: EnvVar | undefined): PartChange {
  return changeOf({ ...steering, configurable: true }, `env[${(expected ?? found)?.name ?? ''}]`, {
    expected: expected && envText(expected),
    found: found && envText(found),
  })
}
