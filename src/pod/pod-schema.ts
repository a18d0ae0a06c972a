/**
 * The pod as it comes, and the only declaration of what is looked at: the types (pod.ts) and the validator (read-pod.ts) are
 * made from it. Other fields pass through unread.
 */

const text = { type: 'string' } as const
/** Null stands for nothing, as for the API server: the type leaves it out. */
const optionalText = { type: 'string', nullable: true } as { readonly type: 'string' }
const optionalFlag = { type: 'boolean', nullable: true } as { readonly type: 'boolean' }
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
const user = { type: 'integer', minimum: 0, nullable: true } as { readonly type: 'integer' }
/** Only asked for, never read. */
const anything = {} as const

function listOf<const Item extends object>(
  items: Item,
): { readonly type: 'array'; readonly nullable: true; readonly items: Item } {
  return { type: 'array', nullable: true, items }
}

const container = {
  type: 'object',
  required: ['name'],
  properties: {
    name,
    image: optionalText,
    command: listOf(text),
    args: listOf(text),
    env: listOf({
      type: 'object',
      required: ['name'],
      properties: { name: text, value: optionalText, valueFrom: anything },
    }),
    volumeMounts: listOf({
      type: 'object',
      required: ['name', 'mountPath'],
      properties: { name: text, mountPath: text, subPath: optionalText, readOnly: optionalFlag },
    }),
    volumeDevices: listOf({ type: 'object', properties: { name: text, devicePath: text } }),
    resources,
    securityContext: { type: 'object', nullable: true, properties: { runAsUser: user } },
    restartPolicy: optionalText,
  },
} as const

const requirement = {
  type: 'object',
  properties: { key: optionalText, operator: optionalText, values: listOf(text) },
} as const

function objectWith<const Properties extends object>(
  properties: Properties,
): { readonly type: 'object'; readonly nullable: true; readonly properties: Properties } {
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

export const podSchema = {
  type: 'object',
  required: ['spec'],
  properties: {
    metadata: {
      type: 'object',
      nullable: true,
      properties: {
        name: optionalText,
        generateName: optionalText,
        annotations: texts,
        labels: texts,
        ownerReferences: listOf({ type: 'object', properties: { kind: optionalText } }),
      },
    },
    spec: {
      type: 'object',
      required: ['containers'],
      properties: {
        containers: { type: 'array', minItems: 1, items: container },
        initContainers: listOf(container),
        ephemeralContainers: listOf(container),
        volumes: listOf({
          type: 'object',
          required: ['name'],
          properties: {
            name,
            emptyDir: anything,
            ephemeral: anything,
            projected: anything,
            persistentVolumeClaim: objectWith({ claimName: optionalText, readOnly: optionalFlag }),
            hostPath: objectWith({ path: optionalText }),
            image: objectWith({ reference: optionalText }),
          },
        }),
        serviceAccountName: optionalText,
        serviceAccount: optionalText,
        schedulerName: optionalText,
        runtimeClassName: optionalText,
        securityContext: {
          type: 'object',
          nullable: true,
          properties: { runAsUser: user, fsGroup: user, fsGroupChangePolicy: optionalText },
        },
        resources,
        imagePullSecrets: listOf({ type: 'object', properties: { name: optionalText } }),
        nodeSelector: texts,
        nodeName: optionalText,
        affinity,
        tolerations: listOf({
          type: 'object',
          properties: {
            key: optionalText,
            operator: optionalText,
            effect: optionalText,
          },
        }),
        schedulingGates: listOf({ type: 'object', properties: { name: optionalText } }),
        os: { type: 'object', nullable: true, properties: { name: text } },
      },
    },
  },
} as const
