/** Whether a pod is ours at all. The order of the checks is the order of precedence. */
import type { SkipReason } from '../reasons.ts'
import { hasOwnAnnotations } from './keys.ts'

export type Decision = { readonly decision: 'inject' } | { readonly decision: 'skip'; readonly reason: SkipReason }

/** Static pods of a node appear in the API as mirrors, which nobody can change. */
const mirrorAnnotation = 'kubernetes.io/config.mirror'

/** Works on anything JSON can hold, so that what is not ours is let through before its shape is looked at. */
export function decide(object: unknown, prefix: string): Decision {
  const annotations = rawAnnotations(object)
  if (mirrorAnnotation in annotations) return { decision: 'skip', reason: 'MirrorPod' }
  if (annotations[`${prefix}inject`] === 'false') return { decision: 'skip', reason: 'OptedOut' }
  return hasOwnAnnotations(annotations, prefix) ? { decision: 'inject' } : { decision: 'skip', reason: 'NotAnnotated' }
}

function rawAnnotations(object: unknown): Record<string, unknown> {
  const metadata = fieldOf(object, 'metadata')
  const annotations = fieldOf(metadata, 'annotations')
  return typeof annotations === 'object' && annotations !== null ? (annotations as Record<string, unknown>) : {}
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
}
