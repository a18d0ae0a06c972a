/** Reads the status that a pod carries. */
import { statusAnnotation } from '../annotations.ts'
import { annotationsOf, type Pod } from '../pod/pod.ts'
import { longestStatus, type Status } from './status.ts'
import { validateStatus } from './validate-status.ts'

/** The pod's status; undefined where there is none or where it is none of ours. */
export function readStatus(pod: Pod, prefix: string): Status | undefined {
  return parseStatus(annotationsOf(pod)[prefix + statusAnnotation])
}

function parseStatus(text: string | undefined): Status | undefined {
  if (text === undefined || text.length > longestStatus) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return validateStatus(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function hasStatus(pod: Pod, prefix: string): boolean {
  return annotationsOf(pod)[prefix + statusAnnotation] !== undefined
}
