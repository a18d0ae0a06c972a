/** Common verdicts and warnings of `inject` and `uninject`. */
import { formatDiagnostic, formatOmitted, type Diagnostic, type Omitted, type Warning } from '../reasons.ts'
import { locate, parseField } from './manifests/locate.ts'
import type { ManifestDocument } from './manifests/documents.ts'
import type { ObjectVerdict } from './manifests/transform.ts'
import { formatPath, valueAt, type Path } from './manifests/paths.ts'
import { annotatedPlaces, type FoundPod } from './manifests/pods.ts'
import type { FoundObject } from './manifests/workloads.ts'
import { printable, quote } from '../values/print/printable.ts'

export const notAWorkload = 'not a workload'

export function skipped(reason: string, warnings: readonly string[] = []): ObjectVerdict {
  return { verdict: 'skipped', patch: [], lines: [`skipped: ${reason}`], warnings }
}

/** Field paths of the core start at the pod; reports give them from the object in the file. */
export function describeMistake(found: FoundPod, diagnostic: Diagnostic): string {
  const field = found.fieldOf(diagnostic.field)
  return `${placeOfField(found, field)}${formatDiagnostic({ ...diagnostic, field })}`
}

/** A warning about the pod as a whole stands at its annotations, without which there would be none. */
export function describeWarning(found: FoundPod, { field, message }: Warning): string {
  const { of, annotationPlaces } = found
  return field === undefined
    ? `${documentPlace(of.document, [...of.path, ...(annotationPlaces.at(-1) ?? [])])}${message}`
    : `${placeOfField(found, found.fieldOf(field))}${message}`
}

export function denied(
  diagnostics: readonly Diagnostic[],
  found: FoundPod,
  warnings: readonly string[] = [],
  omitted: Omitted = {},
): ObjectVerdict {
  const lines = diagnostics.map((diagnostic) => describeMistake(found, diagnostic))
  return { verdict: 'denied', patch: [], lines: [headOf(found), ...lines, ...formatOmitted(omitted)], warnings }
}

/** Of a pod that is not known yet, or not at all. */
export function unjudged(found: FoundPod, unknown: Diagnostic): ObjectVerdict {
  if (found.isPending !== true) return denied([unknown], found)
  return { verdict: 'skipped', patch: [], lines: [pendingText(found, unknown)], warnings: [], isUnjudged: true }
}

export function pendingText(found: FoundPod, unknown: Diagnostic): string {
  return `cannot be judged: ${describePending(found, unknown)}`
}

/** `workflow.yaml:12:9: spec.…: "{{…}}" is not known …`: no reason, since nothing is wrong. */
export function describePending(found: FoundPod, { field, found: value = '', problem }: Diagnostic): string {
  return `${placeOfField(found, field)}${field}: ${quote(value)} ${problem}`
}

/** Two objects of one name are in two namespaces. */
function headOf({ of: { namespace } }: FoundPod): string {
  return namespace === undefined ? 'denied:' : `denied (namespace ${printable(namespace)}):`
}

/** `k8s/app.yaml:12:9: `, which editors and terminals turn into a link. */
function placeOfField({ of: { document, path } }: FoundPod, field: string): string {
  return documentPlace(document, [...path, ...parseField(field)])
}

function documentPlace(document: ManifestDocument | undefined, path: Path): string {
  if (document === undefined) return ''
  const { line, column } = locate(document, path)
  return `${printable(document.file)}:${line}:${column}: `
}

/** The pods are made of other fields, which have no room for the parts. */
export function cannotBeChanged({ of: { kind } }: FoundPod): Diagnostic {
  return {
    reason: 'InvalidPod',
    field: 'pod',
    problem: `is made into pods by the operator of ${printable(kind)}, so nothing can be added to them in a manifest`,
    remedy: 'apply it as it is where the webhook runs, which injects such pods when they are created',
  }
}

/** Finds the most frequent mistake: annotations of the workload itself, for which nothing is injected. */
export function misplacedAnnotations(
  { object, document, path: objectPath }: FoundObject,
  pods: readonly FoundPod[],
  prefix: string,
): readonly string[] {
  const right = pods.flatMap(({ annotationPlaces }) => annotationPlaces)
  if (right.length === 0) return []
  return annotatedPlaces(object, prefix).flatMap(({ path, keys }) => {
    if (right.some((place) => formatPath(place) === formatPath(path))) return []
    const misplaced = keys.filter((key) => !right.some((place) => valueAt(object, [...place, key]) !== undefined))
    if (misplaced.length === 0) return []
    const [stand, them] = misplaced.length === 1 ? ['stands', 'it'] : ['stand', 'them']
    return [
      `${documentPlace(document, [...objectPath, ...path, ...misplaced.slice(0, 1)])}${misplaced.map(printable).join(', ')} ${stand} in ${formatPath(path)}, where nothing reads ${them}; move ${them} to ${rightPlaces(pods)}`,
    ]
  })
}

/** The place to recommend for each pod. */
function rightPlaces(pods: readonly FoundPod[]): string {
  const places = new Set(pods.map(({ annotationPlaces }): Path => annotationPlaces.at(-1) ?? []).map(formatPath))
  return [...places].map(printable).join(' or ')
}
