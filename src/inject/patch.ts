/**
 * The one place that makes a JSON Patch (RFC 6902). Untouched parts are shared between the two pods, so comparing stops at
 * them: the cost is that of what changed, and fields nobody here knows of are never named in an operation.
 */
import jsonPatch, { type Operation } from 'fast-json-patch'
import { initContainersOf, type Container, type Pod } from './pod.ts'

export type { Operation }

/** The operations that turn `before` into `after`. */
export function diff(before: Pod, after: Pod): Operation[] {
  if (before === after) return []
  const inserted = insertedInitContainers(before, after)
  if (inserted === undefined) return jsonPatch.compare(before, after)
  // Compared by index, one container put in front of three would rewrite all four (11 operations instead of one).
  const names = new Set(inserted.map(({ container }) => container.name))
  const rest = initContainersOf(after).filter(({ name }) => !names.has(name))
  const middle = { ...after, spec: { ...after.spec, initContainers: rest } }
  return [
    ...jsonPatch.compare(before, middle),
    ...inserted.map(({ container, index }): Operation => ({ op: 'add', path: `/spec/initContainers/${index}`, value: container })),
  ]
}

/** The new init containers with their final index, if the others are all there in their old order; else undefined. */
function insertedInitContainers(before: Pod, after: Pod): { container: Container; index: number }[] | undefined {
  const old = initContainersOf(before)
  if (old.length === 0) return undefined
  const known = new Set(old.map(({ name }) => name))
  const kept = initContainersOf(after).filter(({ name }) => known.has(name))
  const sameOrder = kept.length === old.length && kept.every(({ name }, i) => name === old[i]?.name)
  if (!sameOrder) return undefined
  return initContainersOf(after).flatMap((container, index) => (known.has(container.name) ? [] : { container, index }))
}
