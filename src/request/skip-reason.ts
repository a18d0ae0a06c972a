/**
 * Tells pods that ask for a model from those that are left alone. The order of the checks is the order of precedence.
 */
import type { SkipReason } from '../reasons.ts'
import { hasOwnAnnotations } from './keys.ts'

/** Static pods of a node appear in the API as mirrors, which cannot be changed. */
const mirrorAnnotation = 'kubernetes.io/config.mirror'

/**
 * The reason to leave a pod alone; undefined where it asks for a model. Works on anything JSON can hold, so that an object
 * without annotations of ours is let through before its shape is checked.
 */
export function skipReasonOf(object: unknown, prefix: string): SkipReason | undefined {
  const annotations = rawAnnotations(object)
  if (mirrorAnnotation in annotations) return 'MirrorPod'
  if (annotations[`${prefix}inject`] === 'false') return 'OptedOut'
  return hasOwnAnnotations(annotations, prefix) ? undefined : 'NotAnnotated'
}

function rawAnnotations(object: unknown): Record<string, unknown> {
  const metadata = fieldOf(object, 'metadata')
  const annotations = fieldOf(metadata, 'annotations')
  return typeof annotations === 'object' && annotations !== null ? (annotations as Record<string, unknown>) : {}
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
}
