/**
 * The one place that makes a JSON Patch (RFC 6902). Untouched parts are shared between the two pods, so comparing stops at
 * them: the cost is that of what changed, and unknown fields are never named in an operation.
 */
import jsonPatch, { type Operation } from 'fast-json-patch'
import { isOurLoader } from './ownership/own-loaders.ts'
import { initContainersOf, type Container, type Pod } from '../pod/pod.ts'
import { jsonText, withLongIntegers, withoutLongIntegers } from '../values/json.ts'

/** The operations that turn `before` into `after`. */
export function diff(before: Pod, after: Pod): Operation[] {
  if (before === after) return []
  const old = initContainersOf(before)
  const placed = placedInitContainers(old, initContainersOf(after))
  if (placed === undefined) return compare(before, after)
  // Compared by index, one container put in front of three would rewrite all four (11 operations instead of one).
  const names = new Set(placed.map(({ container }) => container.name))
  const others = ({ name }: Container): boolean => !names.has(name)
  return [
    ...old
      .flatMap(({ name }, i): Operation[] =>
        names.has(name) ? [{ op: 'remove', path: `/spec/initContainers/${i}` }] : [],
      )
      .reverse(),
    ...compare(
      withInitContainers(before, old.filter(others)),
      withInitContainers(after, initContainersOf(after).filter(others)),
    ),
    ...placed.map(
      ({ container, index }): Operation => ({ op: 'add', path: `/spec/initContainers/${index}`, value: container }),
    ),
  ]
}

/** The library copies values as JSON, which has no integers of any length; pods of the API server have none of those. */
function compare(before: Pod, after: Pod): Operation[] {
  try {
    return jsonPatch.compare(before, after)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const operations = jsonPatch.compare(withoutLongIntegers(before) as Pod, withoutLongIntegers(after) as Pod)
    return withLongIntegers(operations) as Operation[]
  }
}

const written = new WeakMap<readonly Operation[], string>()

/** A patch as it travels. Its length is asked for before it is sent, and a patch is never changed. */
export function patchText(patch: readonly Operation[]): string {
  const text = written.get(patch) ?? jsonText(patch)
  written.set(patch, text)
  return text
}

/**
 * The init containers that are new or stand elsewhere, with their final index; undefined where that is no way to say what
 * happened: there were none before or are none now, some went away, or others than ours changed their order.
 */
function placedInitContainers(
  old: readonly Container[],
  now: readonly Container[],
): { container: Container; index: number }[] | undefined {
  if (old.length === 0 || now.length === 0) return undefined
  for (const isFixed of [() => true, (container: Container) => !isOurLoader(container)]) {
    const fixed = old.filter(isFixed)
    const names = new Set(fixed.map(({ name }) => name))
    const kept = now.filter(({ name }) => names.has(name))
    if (kept.length === fixed.length && kept.every(({ name }, i) => name === fixed[i]?.name)) {
      return now.flatMap((container, index) => (names.has(container.name) ? [] : { container, index }))
    }
  }
  return undefined
}

function withInitContainers(pod: Pod, initContainers: readonly Container[]): Pod {
  return { ...pod, spec: { ...pod.spec, initContainers } }
}
