/**
 * What was done to a pod, as JSON in an annotation: evidence for people, and what `uninject` needs to undo it. The pod's
 * author can write anything there, so nothing is believed that the pod's own parts do not show.
 */
import { createHash } from 'node:crypto'
import { Ajv } from 'ajv'
import { statusAnnotation } from '../annotations.ts'
import { ownAnnotations } from '../request/keys.ts'
import { annotationsOf, type Pod } from '../pod/pod.ts'
import type { Named } from '../schema-type.ts'

export const statusSchemaVersion = 1

/**
 * Of a status as JSON, in characters. A longer one is none of ours and is not even parsed; where ours would become longer the pod
 * is denied.
 */
export const longestStatus = 64 * 1024

const text = { type: 'string' } as const
const names = { type: 'array', items: text } as const
const nullableText = { type: 'string', nullable: true } as const

const statusSchema = {
  type: 'object',
  required: ['schema', 'injector', 'config', 'annotations', 'models', 'initOrder', 'runAsUser', 'added', 'replaced'],
  properties: {
    schema: { const: statusSchemaVersion },
    injector: text,
    /** Hashes of the inputs that shaped this pod: the operator's configuration and the pod's own annotations. */
    config: text,
    annotations: text,
    models: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['name', 'source', 'delivery', 'volume', 'mountPath', 'containers'],
        properties: {
          name: text,
          source: text,
          delivery: text,
          id: text,
          loader: text,
          /** Undefined for the native one. */
          engine: text,
          image: text,
          volume: text,
          subPath: text,
          mountPath: text,
          containers: names,
          env: text,
          /** Containers to which the variable was added; others had it already. */
          envAdded: names,
        },
      },
    },
    initOrder: { enum: ['auto', 'first', 'last'] },
    runAsUser: { enum: ['auto', 'chosen'] },
    /** Names of what was added to lists of the pod. */
    added: {
      type: 'object',
      required: ['volumes'],
      properties: {
        volumes: names,
        safeToEvict: names,
        skipContainers: names,
        imagePullSecrets: names,
        nodeLabels: names,
        tolerations: names,
        schedulingGates: names,
      },
    },
    /** What stood in the fields that were changed; null where there was nothing. */
    replaced: {
      type: 'object',
      properties: {
        serviceAccountName: nullableText,
        serviceAccount: nullableText,
        fsGroup: { type: 'null' },
        fsGroupChangePolicy: nullableText,
      },
    },
    /** Of the parts that are ours, by path, so that a later change shows (digest.ts). */
    digests: { type: 'object', additionalProperties: text },
  },
} as const

export type Status = Named<typeof statusSchema>
export type ModelStatus = Status['models'][number]
export type Replaced = Status['replaced']

const validate = new Ajv().compile<Status>(statusSchema)

/** Annotations of a pod are never changed, and their status is asked for several times in one admission. */
const known = new WeakMap<object, { readonly prefix: string; readonly status: Status | undefined }>()

/** The pod's status; undefined where there is none or where it is none of ours. */
export function readStatus(pod: Pod, prefix: string): Status | undefined {
  const annotations = annotationsOf(pod)
  const found = known.get(annotations)
  if (found?.prefix === prefix) return found.status
  const status = parseStatus(annotations[prefix + statusAnnotation])
  known.set(annotations, { prefix, status })
  return status
}

function parseStatus(text: string | undefined): Status | undefined {
  if (text === undefined || text.length > longestStatus) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return validate(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function hasStatus(pod: Pod, prefix: string): boolean {
  return annotationsOf(pod)[prefix + statusAnnotation] !== undefined
}

/** A copy of an injected pod whose annotations were then edited has another hash than its status says. */
export function hashAnnotations(pod: Pod, prefix: string): string {
  const pairs = ownAnnotations(pod, prefix).map(({ key, value }) => [key, value])
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16)
}
