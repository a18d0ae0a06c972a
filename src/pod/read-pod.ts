/**
 * Checks the shape of what is read later. The API server has checked pods before it calls us; the command line reads
 * whatever a file holds, and the port is open to others than the API server.
 */
import { Ajv } from 'ajv'
import type { Diagnostic } from '../reasons.ts'
import { annotationField } from './field-path.ts'
import type { Pod } from './pod.ts'

const text = { type: 'string' } as const
const name = { type: 'string', minLength: 1, maxLength: 253 } as const
const texts = { type: 'object', nullable: true, additionalProperties: { type: 'string' } } as const
const quantity = {
  anyOf: [
    { type: 'number' },
    { type: 'string', pattern: '^[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,3}|[numkMGTPE]|[KMGTPE]i)?$' },
  ],
} as const
const quantities = { type: 'object', nullable: true, additionalProperties: quantity } as const
const resources = { type: 'object', nullable: true, properties: { requests: quantities, limits: quantities } } as const
const user = { type: 'integer', minimum: 0, nullable: true } as const

function listOf(item: object): object {
  return { type: 'array', nullable: true, items: item }
}

const container = {
  type: 'object',
  required: ['name'],
  properties: {
    name,
    image: { ...text, nullable: true },
    command: listOf(text),
    args: listOf(text),
    env: listOf({ type: 'object', required: ['name'], properties: { name: text, value: { ...text, nullable: true } } }),
    volumeMounts: listOf({
      type: 'object',
      required: ['name', 'mountPath'],
      properties: { name: text, mountPath: text },
    }),
    volumeDevices: listOf({ type: 'object', properties: { devicePath: text } }),
    resources,
    securityContext: { type: 'object', nullable: true, properties: { runAsUser: user } },
    restartPolicy: { ...text, nullable: true },
  },
}

const requirement = {
  type: 'object',
  properties: { key: { ...text, nullable: true }, operator: { ...text, nullable: true }, values: listOf(text) },
} as const

function objectWith(properties: object): object {
  return { type: 'object', nullable: true, properties }
}

const affinity = objectWith({
  nodeAffinity: objectWith({
    requiredDuringSchedulingIgnoredDuringExecution: objectWith({
      nodeSelectorTerms: listOf({
        type: 'object',
        properties: { matchExpressions: listOf(requirement), matchFields: listOf({ type: 'object' }) },
      }),
    }),
  }),
})

const podSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    metadata: {
      type: 'object',
      nullable: true,
      properties: {
        name: { ...text, nullable: true },
        generateName: { ...text, nullable: true },
        annotations: texts,
        labels: texts,
        ownerReferences: listOf({ type: 'object', properties: { kind: { ...text, nullable: true } } }),
      },
    },
    spec: {
      type: 'object',
      required: ['containers'],
      properties: {
        containers: { type: 'array', minItems: 1, items: container },
        initContainers: listOf(container),
        volumes: listOf({
          type: 'object',
          required: ['name'],
          properties: {
            name,
            persistentVolumeClaim: objectWith({ claimName: { ...text, nullable: true } }),
            hostPath: objectWith({ path: { ...text, nullable: true } }),
            image: objectWith({ reference: { ...text, nullable: true } }),
          },
        }),
        serviceAccountName: { ...text, nullable: true },
        serviceAccount: { ...text, nullable: true },
        securityContext: { type: 'object', nullable: true, properties: { runAsUser: user, fsGroup: user } },
        resources,
        imagePullSecrets: listOf({ type: 'object' }),
        nodeSelector: texts,
        nodeName: { ...text, nullable: true },
        affinity,
        tolerations: listOf({
          type: 'object',
          properties: {
            key: { ...text, nullable: true },
            operator: { ...text, nullable: true },
            effect: { ...text, nullable: true },
          },
        }),
        schedulingGates: listOf({ type: 'object', properties: { name: { ...text, nullable: true } } }),
        os: { type: 'object', nullable: true, properties: { name: text } },
      },
    },
  },
}

const validate = new Ajv({ allowUnionTypes: true }).compile<Pod>(podSchema)

const annotationsPointer = '/metadata/annotations/'

/** Reads a pod, or says where it is malformed. Only the first problem: a malformed pod is not worth a full report. */
export function readPod(value: unknown): { ok: true; pod: Pod } | { ok: false; diagnostic: Diagnostic } {
  if (!validate(value)) {
    const error = validate.errors?.[0]
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
