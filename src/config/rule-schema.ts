/** The shape of a rule of the operator's policy. */
import { lengths } from '../values/annotation-row.ts'
import { names, patterns } from './schema-parts.ts'

export const ruleSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'namespaces'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 63, description: 'Name of the rule, unique.' },
    namespaces: { ...names, minItems: 1, description: 'Patterns of the namespaces that the rule applies to.' },
    sources: {
      ...patterns,
      description:
        'Patterns of source URIs. Without the list every source but `node://` is allowed, which only patterns that begin with `node://` allow.',
    },
    endpoints: { ...patterns, description: 'Patterns of S3 endpoints; without the list, any.' },
    credentials: { ...patterns, description: 'Patterns of values of `credentials`; without the list, any.' },
    serviceAccounts: { ...patterns, description: 'Patterns of service accounts; without the list, any.' },
    claims: {
      ...patterns,
      description:
        'Patterns of claims, of `pvc://` sources and of mountpoint; without the list, the claim that mountpoint names by the source, and those that `sources` allow as `pvc://CLAIM`.',
    },
    deliveries: { ...patterns, description: 'Patterns of deliveries; without the list, any.' },
    mountPaths: { ...patterns, description: 'Patterns of mount paths; without the list, any.' },
    images: {
      ...patterns,
      description: "Patterns of loader images that pods may choose; without the list only the operator's own.",
    },
    maxSize: {
      type: 'string',
      maxLength: lengths.word,
      description: 'Largest `size` of a download, as `100Gi`; without it, any.',
    },
    requirePinned: {
      type: 'boolean',
      description:
        'True to allow only models of fixed content: `expect: manifest=…`, or `oci://` by its digest. Nothing fixes that of a mountpoint.',
    },
  },
} as const
