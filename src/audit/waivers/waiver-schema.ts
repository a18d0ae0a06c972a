/** The shape of an operator's waivers: judgements that are accepted for some pods, for a reason, until a day. */
import { longest, names, patterns } from '../../config/schema-parts.ts'
import type { Written } from '../../schema-type.ts'
import { problemNames } from '../judgement.ts'

export const waiversSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    waivers: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['pods', 'judgement', 'reason', 'until'],
        properties: {
          pods: {
            type: 'object',
            additionalProperties: false,
            required: ['namespaces'],
            description: 'The pods that it is for: those that meet every line.',
            properties: {
              namespaces: { ...names, minItems: 1, description: 'Patterns of namespaces.' },
              names: { ...patterns, description: 'Patterns of names of pods; without the list, any.' },
              workloads: {
                ...patterns,
                description:
                  'Patterns of owners, as `Deployment/my-app`, and `Pod/NAME` of a pod without one; without the list, any.',
              },
              labels: {
                type: 'object',
                additionalProperties: { type: 'string', maxLength: longest.name },
                description: 'Labels that the pod has, with these values.',
              },
            },
          },
          judgement: { enum: problemNames, description: 'The judgement that is waived: any but `conforming`.' },
          reason: {
            type: 'string',
            minLength: 1,
            maxLength: longest.path,
            description: 'For those who read the audit.',
          },
          until: { type: 'string', description: 'The last day on which it counts, in UTC, as `2026-12-31`.' },
        },
      },
    },
  },
} as const

export type WaiversFile = Written<typeof waiversSchema>
export type WrittenWaiver = NonNullable<WaiversFile['waivers']>[number]
