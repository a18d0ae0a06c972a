/**
 * The operator's configuration: the one declaration of its keys, types, defaults and meaning. From it come the types, the
 * validator and the defaults (parse-config.ts), the schema of the chart's values and the table of docs/configuration.md.
 */
import { annotations, defaultPrefix, type AnnotationName } from '../annotations.ts'
import { lengths, type AnnotationRow } from '../values/annotation-row.ts'
import type { Complete, Written } from '../schema-type.ts'
import { runtimePrefixes } from '../kept-variables.ts'
import { defaultS5cmdPath } from '../values/engine.ts'
import { reuses } from '../values/volume.ts'
import { customResourcesSchema } from './custom-resources-schema.ts'
import { ruleSchema } from './rule-schema.ts'
import { longest, longestCertificates, names, patterns } from './schema-parts.ts'

const loaderSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'The loader containers.',
  properties: {
    s5cmdPath: {
      type: 'string',
      maxLength: longest.path,
      pattern: '^/.',
      description: `Path of the program of the engine s5cmd in the image of loaders; \`${defaultS5cmdPath}\` without it.`,
    },
    imagePullPolicy: {
      enum: ['Always', 'IfNotPresent', 'Never'],
      default: 'IfNotPresent',
      description: 'Pull policy of the loader images.',
    },
    imagePullSecrets: {
      ...names,
      default: [],
      description: 'Pull secrets added to injected pods; they have to exist in the namespace of the pod.',
    },
    env: {
      type: 'object',
      additionalProperties: { type: 'string', maxLength: longest.variable },
      propertyNames: {
        maxLength: longest.name,
        pattern: `^(?!MODEL_|${runtimePrefixes.join('|')})[A-Za-z_][A-Za-z0-9_]*$`,
      },
      default: {},
      description:
        'Environment added to every loader, which drops what it does not read. Names that begin with `MODEL_`, `NODE_`, `LD_`, `SSL_` or `OPENSSL_` are refused.',
    },
    proxy: {
      type: 'object',
      additionalProperties: false,
      required: ['url'],
      description: 'Proxy through which loaders reach what is `https://`; the Pod Identity agent never.',
      properties: {
        url: { type: 'string', maxLength: longest.pattern, description: '`http://host:port`, without a user name.' },
        noProxy: {
          type: 'array',
          items: { type: 'string', maxLength: longest.name, pattern: '^[^,\\s]+$' },
          description: 'Hosts reached without the proxy, as in `NO_PROXY`.',
        },
      },
    },
    reuse: {
      enum: reuses,
      description:
        'Models found on a volume that may outlive its pod: `verify`, which holds without it, compares them with S3. `trust-own` does so too, but while S3 or the credentials cannot be reached it takes a model whose marker is of its source and whose files agree with evidence that a loader of the same user wrote.',
    },
    caCertificates: {
      type: 'string',
      maxLength: longestCertificates,
      description: 'PEM of authorities that loaders trust in addition to the public ones, for an endpoint of your own.',
    },
  },
} as const

export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    annotationPrefix: {
      type: 'string',
      maxLength: longest.name,
      // Node labels prepend `node.` to it, and allow 253 characters before the slash.
      pattern: '^[a-z0-9]([-a-z0-9.]{0,246}[a-z0-9])?/$',
      default: defaultPrefix,
      description: 'Prefix of all annotations, labels and node labels; ends in a slash.',
    },
    defaults: {
      type: 'object',
      additionalProperties: { type: ['string', 'number', 'boolean'] },
      default: {},
      description: 'Defaults of annotations, by their name without the prefix and written as in the annotation.',
      properties: {
        delivery: defaultOf('delivery'),
        'mount-path': defaultOf('mount-path'),
        'read-only': defaultOf('read-only'),
        volume: defaultOf('volume'),
        credentials: defaultOf('credentials'),
        'credentials-scope': defaultOf('credentials-scope'),
        'init-order': defaultOf('init-order'),
        'run-as-user': defaultOf('run-as-user'),
        cpu: defaultOf('cpu'),
        memory: defaultOf('memory'),
        timeout: defaultOf('timeout'),
        'stall-timeout': defaultOf('stall-timeout'),
        engine: defaultOf('engine'),
      },
    },
    sidecars: {
      ...names,
      // Containers and init containers that other webhooks and operators add to pods, before or after us.
      default: [
        'istio-proxy',
        'linkerd-proxy',
        'envoy',
        'envoy-sidecar',
        'consul-dataplane',
        'kuma-sidecar',
        'daprd',
        'vault-agent',
        'vault-agent-init',
        'copy-vault-env',
        'consul-connect-inject-init',
        'kuma-init',
        'azwi-proxy',
        'azwi-proxy-init',
        'datadog-init-apm-inject',
        'datadog-lib-dotnet-init',
        'datadog-lib-java-init',
        'datadog-lib-js-init',
        'datadog-lib-php-init',
        'datadog-lib-python-init',
        'datadog-lib-ruby-init',
        'dynatrace-operator',
        'install-oneagent',
        'opentelemetry-auto-instrumentation-dotnet',
        'opentelemetry-auto-instrumentation-java',
        'opentelemetry-auto-instrumentation-nodejs',
        'opentelemetry-auto-instrumentation-python',
        'cloud-sql-proxy',
        'aws-otel-collector',
        'otc-container',
        'datadog-agent',
        'fluent-bit',
        'fluentd',
        'xray-daemon',
        'queue-proxy',
        'wait',
        'gke-gcsfuse-sidecar',
        'gke-gcsfuse-metadata-prefetch',
      ],
      description:
        'Containers of other webhooks and operators: they get no model unless they are named, and the resources of the loader do not depend on theirs.',
    },
    customResources: customResourcesSchema,
    unknownAnnotations: {
      enum: ['deny', 'warn'],
      default: 'deny',
      description: 'Effect of an unknown annotation below the prefix.',
    },
    openshift: {
      type: 'boolean',
      default: false,
      description: 'True on OpenShift, which chooses user ids itself and refuses others: the loader gets none.',
    },
    allowWholeBucket: {
      type: 'boolean',
      description: 'True to allow sources that name a whole bucket, as `s3://bucket/`, for models at its root.',
    },
    requireChecksums: {
      type: 'boolean',
      description:
        'True to refuse objects for which neither S3 nor a manifest has a checksum of the whole; without it, they are loaded by their size. Models that are on a volume already are judged again.',
    },
    ownership: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Changes of other webhooks in loaders.',
      properties: {
        allowedEnv: {
          ...names,
          default: [],
          description:
            'Patterns of variables that other webhooks may set in loaders; none that matches a `MODEL_` variable or one of credentials.',
        },
        imageMirrors: {
          type: 'array',
          items: patterns.items,
          default: [],
          description:
            "Prefixes of registries that serve the operator's image by its name and tag; the same digest is the same image without them.",
        },
      },
    },
    podIdentity: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'The EKS Pod Identity agent.',
      properties: {
        uri: {
          type: 'string',
          maxLength: longest.name,
          pattern: '^http://(169\\.254\\.170\\.23|\\[fd00:ec2::23\\]|127\\.0\\.0\\.1:\\d{1,5})/v1/credentials$',
          default: 'http://169.254.170.23/v1/credentials',
          description: 'Address of the agent; `http://[fd00:ec2::23]/v1/credentials` in an IPv6 cluster.',
        },
      },
    },
    loader: loaderSchema,
    cluster: {
      type: 'object',
      additionalProperties: false,
      description: 'The cluster that the pods run in.',
      properties: {
        version: {
          type: 'string',
          maxLength: lengths.word,
          description:
            'Kubernetes version, in quotes. Without it, features that an older version would mishandle are not used.',
        },
      },
    },
    mountpoint: {
      type: 'object',
      additionalProperties: false,
      description: 'The Mountpoint CSI driver.',
      properties: {
        headroomGate: {
          type: 'boolean',
          description: 'True if the driver reserves room for its own pods, and removes the gate afterwards.',
        },
      },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Limits of one pod; what asks for more is denied before it is planned.',
      properties: {
        models: atMost(32, '`source` annotations.'),
        annotations: atMost(512, "Annotations below the prefix, known or not; the product's own do not count."),
        modelContainerPairs: atMost(
          1024,
          'Each model counts once for every container that gets it; names in `containers` count, known or not.',
        ),
        patchBytes: atMost(
          1024 * 1024,
          'Size of the JSON Patch. Long paths and sources, the environment of the loader and `loader.caCertificates` are in it once for each model or container.',
        ),
      },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Rules about the models that pods may ask for.',
      properties: {
        mode: {
          enum: ['enforce', 'audit'],
          description:
            'Effect of a violation: `enforce`, which holds without it, denies the pod; `audit` warns instead.',
        },
        enforceNamespaces: {
          ...names,
          description: 'Patterns of namespaces in which the rules are enforced although the mode is `audit`.',
        },
        auditNamespaces: {
          ...names,
          description: 'Patterns of namespaces in audit mode although the mode is `enforce`.',
        },
        rules: {
          type: 'array',
          items: ruleSchema,
          default: [],
          description: "Without a rule everything is allowed but images of the pod's choice and `node://` sources.",
        },
      },
    },
  },
} as const

/** The settings of a file. */
export type ConfigFile = Written<typeof configSchema>

/** The settings of a file, and defaults for the rest. */
export type Settings = Complete<typeof configSchema>

interface DefaultSetting {
  readonly type: readonly ['string', 'number', 'boolean']
  readonly default: string
}

function defaultOf(name: AnnotationName): DefaultSetting {
  const { default: byDefault }: AnnotationRow<unknown> = annotations[name]
  if (typeof byDefault === 'string') throw new Error(`the annotation ${name} has no default value`)
  return { type: ['string', 'number', 'boolean'], default: byDefault.value }
}

interface Limit {
  readonly type: 'integer'
  readonly minimum: 1
  readonly maximum: number
  readonly default: number
  readonly description: string
}

/** The operator may lower each limit, and raise none: they keep one pod from stopping the others. */
function atMost(highest: number, description: string): Limit {
  return { type: 'integer', minimum: 1, maximum: highest, default: highest, description }
}
