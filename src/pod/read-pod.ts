/**
 * Checks the shape of what is read later. The API server has checked pods before it calls us; the command line reads
 * whatever a file holds, and the port is open to others than the API server.
 */
import type { Diagnostic } from '../reasons.ts'
import { annotationField } from './field-path.ts'
import type { Pod } from './pod.ts'
import { validatePod } from './validate-pod.ts'

const annotationsPointer = '/metadata/annotations/'

/** Reads a pod, or says where it is malformed. Only the first problem: a malformed pod is not worth a full report. */
export function readPod(value: unknown): { ok: true; pod: Pod } | { ok: false; diagnostic: Diagnostic } {
  if (!validatePod(value)) {
    const error = validatePod.errors?.[0]
    const path = error?.instancePath ?? ''
    const hint = path.startsWith(annotationsPointer) ? '; write it in quotes' : ''
    return malformed(fieldPath(path), `${error?.message ?? 'is malformed'}${hint}`)
  }
  const twice = duplicateName(value)
  return twice === undefined
    ? { ok: true, pod: value }
    : malformed(twice.field, `has the name of another: ${twice.name}`)
}

function malformed(field: string, problem: string): { ok: false; diagnostic: Diagnostic } {
  return { ok: false, diagnostic: { reason: 'InvalidPod', field: field === '' ? 'pod' : field, problem } }
}

/** The API server refuses such a pod after us; parts are found by name, so it is refused here already. */
function duplicateName(pod: Pod): { field: string; name: string } | undefined {
  return (
    firstDuplicate([
      ...pod.spec.containers.map((item, i) => ({ field: `spec.containers[${i}].name`, name: item.name })),
      ...(pod.spec.initContainers ?? []).map((item, i) => ({
        field: `spec.initContainers[${i}].name`,
        name: item.name,
      })),
    ]) ??
    firstDuplicate((pod.spec.volumes ?? []).map((item, i) => ({ field: `spec.volumes[${i}].name`, name: item.name })))
  )
}

function firstDuplicate(items: { field: string; name: string }[]): { field: string; name: string } | undefined {
  const seen = new Set<string>()
  return items.find(({ name }) => seen.size === seen.add(name).size)
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
