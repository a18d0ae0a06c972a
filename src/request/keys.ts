/** Annotation keys below our prefix: `models.example.io/size.llama` is about `size` of the model `llama`. */
import { statusAnnotation, type AnnotationName } from '../annotations.ts'
import { type Pod, annotationsOf } from '../pod/pod.ts'

export interface OwnAnnotation {
  readonly key: string
  /** The part between the prefix and the first dot. */
  readonly name: string
  /** The part after the first dot; undefined without a dot. */
  readonly suffix: string | undefined
  readonly value: string
}

/**
 * The annotations users wrote for the injector, sorted by key; the status, which it writes itself, is not among them.
 */
export function ownAnnotations(pod: Pod, prefix: string): readonly OwnAnnotation[] {
  return Object.entries(annotationsOf(pod))
    .filter(([key]) => isOwnKey(key, prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => {
      const own = key.slice(prefix.length)
      const dot = own.indexOf('.')
      return dot < 0
        ? { key, value, name: own, suffix: undefined }
        : { key, value, name: own.slice(0, dot), suffix: own.slice(dot + 1) }
    })
}

export function hasOwnAnnotations(annotations: Readonly<Record<string, unknown>>, prefix: string): boolean {
  return Object.keys(annotations).some((key) => isOwnKey(key, prefix))
}

/** In the order in which they are written: to count them takes no more. */
export function ownKeys(pod: Pod, prefix: string): readonly string[] {
  return Object.keys(annotationsOf(pod)).filter((key) => isOwnKey(key, prefix))
}

function isOwnKey(key: string, prefix: string): boolean {
  return (
    key.startsWith(prefix) &&
    (key.length !== prefix.length + statusAnnotation.length || !key.endsWith(statusAnnotation))
  )
}

export function annotationKey(prefix: string, name: AnnotationName, suffix?: string): string {
  return suffix === undefined ? prefix + name : `${prefix}${name}.${suffix}`
}
