/** Common verdicts and warnings of `inject` and `uninject`. */
import { statusAnnotation } from '../annotations.ts'
import { formatDiagnostic, formatOmitted, type Diagnostic, type Omitted } from '../reasons.ts'
import type { ObjectVerdict } from './manifests/transform.ts'
import { isObject, valueAt, type FoundObject } from './manifests/workloads.ts'
import { printable } from '../values/print/printable.ts'

export const notAWorkload = 'not a workload'

export function skipped(reason: string, warnings: readonly string[] = []): ObjectVerdict {
  return { verdict: 'skipped', patch: [], lines: [`skipped: ${reason}`], warnings }
}

/** Field paths of the core start at the pod; the report gives them from the object in the file. */
export function denied(
  diagnostics: readonly Diagnostic[],
  podPath: readonly string[],
  warnings: readonly string[] = [],
  omitted: Omitted = {},
): ObjectVerdict {
  const lines = diagnostics.map((diagnostic) =>
    formatDiagnostic({ ...diagnostic, field: fieldBelow(podPath, diagnostic.field) }),
  )
  return { verdict: 'denied', patch: [], lines: ['denied:', ...lines, ...formatOmitted(omitted)], warnings }
}

function fieldBelow(podPath: readonly string[], field: string): string {
  if (podPath.length === 0) return field
  return field === 'pod' ? podPath.join('.') : [...podPath, field].join('.')
}

/** Finds the most frequent mistake: annotations of the workload itself, for which nothing is injected. */
export function misplacedAnnotations({ object, podPath = [] }: FoundObject, prefix: string): readonly string[] {
  const right = valueAt(object, [...podPath, 'metadata', 'annotations'])
  return podPath.flatMap((_key, depth) => {
    const place = [...podPath.slice(0, depth), 'metadata', 'annotations']
    const annotations = valueAt(object, place)
    const keys = isObject(annotations) ? Object.keys(annotations).filter((key) => isMisplaced(key, prefix, right)) : []
    if (keys.length === 0) return []
    const [stand, them] = keys.length === 1 ? ['stands', 'it'] : ['stand', 'them']
    return [
      `${keys.map(printable).join(', ')} ${stand} in ${place.join('.')}, where nothing reads ${them}; move ${them} to ${[...podPath, 'metadata', 'annotations'].join('.')}`,
    ]
  })
}

/** Some tools write every annotation in both places. */
function isMisplaced(key: string, prefix: string, right: unknown): boolean {
  return key.startsWith(prefix) && key !== prefix + statusAnnotation && !(isObject(right) && Object.hasOwn(right, key))
}
