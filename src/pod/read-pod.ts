/**
 * Checks the shape of what is read later. The API server has checked pods before it calls us; the command line reads
 * whatever a file holds, and the port is open to others than the API server.
 */
import type { Diagnostic, Omitted } from '../reasons.ts'
import { annotationField } from './field-path.ts'
import type { Pod } from './pod.ts'
import { findProblems } from './pod-problems.ts'
import { validatePod } from './validate-pod.ts'

const annotationsPointer = '/metadata/annotations/'

/** More than these are only counted. */
const mostDiagnostics = 20

interface MalformedPod {
  readonly ok: false
  readonly diagnostics: readonly [Diagnostic, ...Diagnostic[]]
  readonly omitted: Omitted
}

/** Reads a pod, or says where it is malformed: every place, so that nobody mends one after the other. */
export function readPod(value: unknown): { readonly ok: true; readonly pod: Pod } | MalformedPod {
  if (!validatePod(value)) {
    return malformed(
      findProblems(value, validatePod.errors?.[0]).map(({ pointer, problem }) => ({
        field: fieldPath(pointer),
        problem: pointer.startsWith(annotationsPointer) ? `${problem}; write it in quotes` : problem,
      })),
    )
  }
  const twice = duplicateNames(value)
  return twice.length === 0
    ? { ok: true, pod: value }
    : malformed(twice.map(({ field, name }) => ({ field, problem: `has the name of another: ${name}` })))
}

function malformed(problems: readonly Pick<Diagnostic, 'field' | 'problem'>[]): MalformedPod {
  const [first = { field: '', problem: 'is malformed' }, ...rest] = problems.slice(0, mostDiagnostics)
  const omitted = problems.length - mostDiagnostics
  return {
    ok: false,
    diagnostics: [diagnosticOf(first), ...rest.map(diagnosticOf)],
    omitted: omitted > 0 ? { InvalidPod: omitted } : {},
  }
}

function diagnosticOf({ field, problem }: Pick<Diagnostic, 'field' | 'problem'>): Diagnostic {
  return { reason: 'InvalidPod', field: field === '' ? 'pod' : field, problem }
}

interface NamedField {
  readonly field: string
  readonly name: string
}

/** The API server refuses such a pod after us; parts are found by name, so it is refused here already. */
function duplicateNames(pod: Pod): readonly NamedField[] {
  const { containers, initContainers, volumes } = pod.spec
  const namesOf = (list: string, items: readonly { readonly name: string }[]): readonly NamedField[] =>
    items.map(({ name }, i) => ({ field: `spec.${list}[${i}].name`, name }))
  return [
    ...duplicates([...namesOf('containers', containers), ...namesOf('initContainers', initContainers ?? [])]),
    ...duplicates(namesOf('volumes', volumes ?? [])),
  ]
}

function duplicates(items: readonly NamedField[]): readonly NamedField[] {
  const seen = new Set<string>()
  return items.filter(({ name }) => seen.size === seen.add(name).size)
}

function fieldPath(pointer: string): string {
  if (pointer.startsWith(annotationsPointer)) return annotationField(unescape(pointer.slice(annotationsPointer.length)))
  return unescape(
    pointer
      .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
      .replace(/^\//, '')
      .replaceAll('/', '.'),
  )
}

/** RFC 6901 §4: `~1` before `~0`. */
function unescape(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}
