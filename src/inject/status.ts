/**
 * The changes to a pod as JSON in an annotation: evidence for people, and the input of `uninject`. The pod's
 * author can write anything there, so nothing is believed that the pod's own parts do not show.
 */
import type { Named } from '../schema-type.ts'

export const statusSchemaVersion = 1

/**
 * Length of a status as JSON, in characters. A longer one is none of ours and is not even parsed; where ours would become longer the pod
 * is denied.
 */
export const longestStatus = 64 * 1024

const text = { type: 'string' } as const
const names = { type: 'array', items: text } as const
const nullableText = { type: 'string', nullable: true } as const

export const statusSchema = {
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
    /** Earlier values of changed fields; null where there was none. */
    replaced: {
      type: 'object',
      properties: {
        serviceAccountName: nullableText,
        serviceAccount: nullableText,
        fsGroup: { type: 'null' },
        fsGroupChangePolicy: nullableText,
      },
    },
    /** Digests of our parts by path, so that a later change shows (digest.ts). */
    digests: { type: 'object', additionalProperties: text },
  },
} as const

export type Status = Named<typeof statusSchema>
export type ModelStatus = Status['models'][number]
export type Replaced = Status['replaced']
