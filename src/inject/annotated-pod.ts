/**
 * A pod with everything that is parsed from it once: an admission asks for its annotations, its status and its loaders in
 * several places, and a status alone may have 64 KiB of JSON.
 */
import { shortHash } from '../values/short-hash.ts'
import { initContainersOf, type Container, type Pod } from '../pod/pod.ts'
import { ownAnnotations, type OwnAnnotation } from '../request/keys.ts'
import { isOurLoader } from './ownership/own-loaders.ts'
import { readStatus } from './read-status.ts'
import type { Status } from './status.ts'

export interface AnnotatedPod {
  readonly pod: Pod
  readonly prefix: string
  /** The annotations that users wrote for the injector, sorted by key. */
  readonly annotations: readonly OwnAnnotation[]
  /** A copy of an injected pod whose annotations were then edited has another hash than its status says. */
  readonly annotationsHash: string
  /** The status as the pod carries it: evidence, not proof. */
  readonly status: Status | undefined
  /** The loaders that are ours by name, command and environment. */
  readonly loaders: readonly Container[]
}

export function annotatedPod(pod: Pod, prefix: string): AnnotatedPod {
  const annotations = ownAnnotations(pod, prefix)
  return {
    pod,
    prefix,
    annotations,
    annotationsHash: hashAnnotations(annotations),
    status: readStatus(pod, prefix),
    loaders: initContainersOf(pod).filter(isOurLoader),
  }
}

function hashAnnotations(annotations: readonly OwnAnnotation[]): string {
  const pairs = annotations.map(({ key, value }) => [key, value])
  return shortHash(JSON.stringify(pairs))
}
