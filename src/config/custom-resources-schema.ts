/** The setting that says where custom resources have their pods. */
import { longest } from './schema-parts.ts'

const fieldPath = {
  type: 'string',
  maxLength: longest.path,
  pattern: '^[A-Za-z][A-Za-z0-9_-]*(\\[\\])?(\\.[A-Za-z0-9_-]+(\\[\\])?)*$',
} as const

export const customResourcesSchema = {
  type: 'array',
  description:
    'Kinds of custom resources whose pods the commands cannot find by themselves, for `inject`, `policy test`, `audit`, `render` and `why` with files; the webhook sees their pods in any case.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['kind', 'pods'],
    properties: {
      kind: {
        type: 'string',
        maxLength: longest.name,
        pattern: '^[A-Z][A-Za-z0-9]*\\.[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
        description: 'Kind and API group, as `Trainer.ml.example.com`.',
      },
      pods: {
        type: 'array',
        description: 'The places of its pods; none for a kind without pods.',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['annotations', 'spec'],
          properties: {
            annotations: {
              ...fieldPath,
              description:
                'Path of the annotations that its operator gives to the pods, as `spec.workers[].podAnnotations`.',
            },
            spec: {
              ...fieldPath,
              description: 'Path of the fields that are those of the spec of a pod, as `spec.workers[].podSpec`.',
            },
          },
        },
      },
    },
  },
} as const
