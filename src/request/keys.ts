/** Annotation keys below our prefix: `models.example.io/size.llama` is about `size` of the model `llama`. */
import { statusAnnotation, type AnnotationName } from '../annotations.ts'
import { type Pod, annotationsOf } from '../pod/pod.ts'

export interface OwnAnnotation {
  readonly key: string
  /** The part between the prefix and the first dot. */
  readonly name: string
  /** The part behind the first dot; undefined without a dot. */
  readonly suffix: string | undefined
  readonly value: string
}

/** Annotations of a pod are never changed, and are asked for several times in one admission. */
const known = new WeakMap<object, { readonly prefix: string; readonly own: readonly OwnAnnotation[] }>()

/** The annotations users wrote for us, sorted by key; what we wrote ourselves is not among them. */
export function ownAnnotations(pod: Pod, prefix: string): readonly OwnAnnotation[] {
  const annotations = annotationsOf(pod)
  const found = known.get(annotations)
  if (found?.prefix === prefix) return found.own
  const own = readOwnAnnotations(annotations, prefix)
  known.set(annotations, { prefix, own })
  return own
}

function readOwnAnnotations(annotations: Readonly<Record<string, string>>, prefix: string): readonly OwnAnnotation[] {
  return Object.entries(annotations)
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
  return key.startsWith(prefix) && key !== prefix + statusAnnotation
}

export function annotationKey(prefix: string, name: AnnotationName, suffix?: string): string {
  return suffix === undefined ? prefix + name : `${prefix}${name}.${suffix}`
}
