/**
 * Arbitraries: pods as users, controllers and other webhooks write them, sets of valid annotations, and configurations
 * of operators. Pods are plain JSON and valid for the API server as far as our code looks at them.
 */
import fc from 'fast-check'
import { defaultPrefix } from '../../../src/annotations.ts'
import type { Config } from '../../../src/config/config.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import type { Container, Pod, PodSpec, Volume } from '../../../src/pod/pod.ts'

type Json = Record<string, unknown>

/** Fields that the code does not know; their names would have to be escaped in a JSON pointer. */
export const unknownFieldNames = ['x-future', 'x/slash', 'x~tilde', 'x~1both', 'x ümlaut']

const unknownFields: fc.Arbitrary<Json> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom(...unknownFieldNames), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  },
)

/** A field that is missing, null, empty or there: the four ways in which Kubernetes writes "nothing". */
function sometimes<T>(field: string, value: fc.Arbitrary<T>, empty: unknown = []): fc.Arbitrary<Json> {
  return fc.oneof(
    { weight: 4, arbitrary: value.map((present) => ({ [field]: present })) },
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constantFrom({ [field]: null }, { [field]: empty }) },
  )
}

function mergeAll<T extends Json = Json>(...parts: fc.Arbitrary<Json>[]): fc.Arbitrary<T> {
  return fc.tuple(...parts).map((fields) => Object.assign({}, ...fields) as T)
}

/** JSON as it comes over the wire: no undefined, no negative zero, nothing shared. */
function wired<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return arbitrary.map((value) => JSON.parse(JSON.stringify(value)) as T)
}

const computeResources: readonly Json[] = [
  {},
  { requests: { cpu: '250m', memory: '1Gi' } },
  { requests: { cpu: '500m', memory: '512Mi' }, limits: { cpu: '2', memory: '4Gi' } },
  { requests: { cpu: '4', memory: '16Gi' }, limits: { cpu: '4', memory: '16Gi' } },
  { limits: { cpu: 1, memory: '2Gi' } },
  { requests: { cpu: 0.1 }, limits: { memory: '300M' } },
  { requests: { cpu: '0', memory: '0' } },
  { limits: { 'nvidia.com/gpu': '1' } },
]

const storageResources: readonly Json[] = [
  {},
  {},
  {},
  { requests: { 'ephemeral-storage': '1Gi' } },
  { requests: { 'ephemeral-storage': '500M' }, limits: { 'ephemeral-storage': '2Gi' } },
]

const resources: fc.Arbitrary<Json> = fc
  .tuple(fc.constantFrom(...computeResources), fc.constantFrom(...storageResources))
  .map(([compute, storage]) => {
    const merged = (bound: 'requests' | 'limits'): Json => ({
      ...(compute[bound] as Json | undefined),
      ...(storage[bound] as Json | undefined),
    })
    return Object.fromEntries(
      (['requests', 'limits'] as const)
        .filter((bound) => Object.keys(merged(bound)).length > 0)
        .map((bound) => [bound, merged(bound)]),
    )
  })

const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
}

const securityContext: fc.Arbitrary<Json> = fc.constantFrom<Json[]>(
  {},
  { runAsUser: 1000 },
  { ...restricted, runAsUser: 1000 },
  restricted,
  { runAsUser: 0 },
  { ...restricted, runAsUser: 2000 },
)

const volumeSources: readonly Json[] = [
  { emptyDir: {} },
  { emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } },
  { configMap: { name: 'settings', defaultMode: 420 } },
  { persistentVolumeClaim: { claimName: 'data' } },
  { secret: { secretName: 'keys' } },
]

const volumeNames = ['data', 'settings', 'cache', 'model-data-of-the-user'] as const

const volumes: fc.Arbitrary<Volume[]> = fc
  .uniqueArray(fc.constantFrom(...volumeNames), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => mergeAll<Volume>(fc.constant({ name }), fc.constantFrom(...volumeSources), unknownFields)),
    ),
  )

function mountsOf(available: readonly string[]): fc.Arbitrary<Json[]> {
  const paths = fc.uniqueArray(fc.constantFrom('/data', '/data/inner', '/etc/app/', '/cache', '/var/lib/x'), {
    maxLength: available.length > 0 ? 3 : 0,
  })
  return paths.chain((mountPaths) =>
    fc.tuple(
      ...mountPaths.map((mountPath) =>
        mergeAll(
          fc.record({ name: fc.constantFrom(...available), mountPath: fc.constant(mountPath) }),
          fc.constantFrom<Json[]>({}, {}, { readOnly: true }),
          unknownFields,
        ),
      ),
    ),
  )
}

const env: fc.Arbitrary<Json[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ name: fc.constantFrom('LOG_LEVEL', 'HOME', 'PORT'), value: fc.string({ maxLength: 8 }) }),
    fc.record({ name: fc.constant('NODE'), valueFrom: fc.constant({ fieldRef: { fieldPath: 'spec.nodeName' } }) }),
  ),
  { maxLength: 3, selector: ({ name }) => name },
)

function container(
  name: string,
  available: readonly string[],
  more: fc.Arbitrary<Json> = fc.constant({}),
): fc.Arbitrary<Container> {
  return mergeAll<Container>(
    fc.constant({ name, image: `registry.example.com/${name}:1` }),
    sometimes('env', env),
    sometimes('volumeMounts', mountsOf(available)),
    sometimes('resources', resources, {}),
    sometimes('securityContext', securityContext, {}),
    fc.constantFrom<Json[]>({}, {}, { command: ['/bin/app'], args: ['load'] }),
    more,
    unknownFields,
  )
}

/** The first container is always an ordinary app; known sidecars may follow it. */
function appContainers(available: readonly string[]): fc.Arbitrary<Container[]> {
  return fc
    .uniqueArray(fc.constantFrom('worker', 'metrics', 'envoy', 'vault-agent'), { maxLength: 2 })
    .chain((others) => fc.tuple(...['app', ...others].map((name) => container(name, available))))
}

function initContainers(available: readonly string[]): fc.Arbitrary<Container[]> {
  const kind = fc.constantFrom<Json[]>({}, {}, { restartPolicy: 'Always' })
  return fc
    .uniqueArray(fc.constantFrom('migrate', 'wait-for-db', 'log-shipper'), { maxLength: 2 })
    .chain((names) => fc.tuple(...names.map((name) => container(name, available, kind))))
}

const podSecurityContext: fc.Arbitrary<Json> = fc.constantFrom<Json[]>(
  {},
  {},
  { runAsUser: 1000 },
  { fsGroup: 3000 },
  { fsGroup: 3000, fsGroupChangePolicy: 'Always' },
  { fsGroupChangePolicy: 'Always' },
  { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  { fsGroup: null },
)

const podLevelResources: fc.Arbitrary<Json> = fc.constantFrom<Json[]>(
  {},
  {},
  {},
  {},
  {},
  {},
  { resources: null },
  { resources: { limits: { cpu: '64', memory: '512Gi' } } },
  { resources: { requests: { cpu: '32', memory: '256Gi' }, limits: { cpu: '64', memory: '512Gi' } } },
)

/** The labels of nodes with the models below, as an author may have written them; held against the core by the golden cases. */
const nodeLabels = ['node.models.example.io/c962e4b60149e320', 'node.models.example.io/b23fa908035e83ff']

const requirement: fc.Arbitrary<Json> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<Json[]>(
      { key: 'zone', operator: 'In', values: ['a', 'b'] },
      { key: 'gpu', operator: 'Exists' },
      { key: 'spot', operator: 'DoesNotExist' },
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...nodeLabels).map((key) => ({ key, operator: 'In', values: ['present'] })) },
  { weight: 1, arbitrary: fc.constantFrom(...nodeLabels).map((key) => ({ key, operator: 'Exists' })) },
)

const nodeSelectorTerm: fc.Arbitrary<Json> = mergeAll(
  sometimes('matchExpressions', fc.array(requirement, { minLength: 1, maxLength: 3 })),
  fc.constantFrom<Json[]>({}, {}, { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-7'] }] }),
)

const nodeAffinity: fc.Arbitrary<Json> = mergeAll(
  sometimes(
    'requiredDuringSchedulingIgnoredDuringExecution',
    fc.array(nodeSelectorTerm, { minLength: 1, maxLength: 3 }).map((nodeSelectorTerms) => ({ nodeSelectorTerms })),
    undefined,
  ),
  fc.constantFrom<Json[]>(
    {},
    {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } },
      ],
    },
  ),
)

const scheduling: fc.Arbitrary<Json> = mergeAll(
  sometimes(
    'affinity',
    mergeAll(
      sometimes('nodeAffinity', nodeAffinity, {}),
      fc.constantFrom<Json[]>({}, { podAffinity: {} }),
      unknownFields,
    ),
    {},
  ),
  fc.constantFrom<Json[]>(
    {},
    {},
    { tolerations: [{ operator: 'Exists' }] },
    { tolerations: null },
    { tolerations: [{ key: 'gpu', operator: 'Exists' }] },
    { tolerations: [{ key: 'models.example.io/baked', operator: 'Equal', value: '', effect: 'NoSchedule' }] },
  ),
  fc.constantFrom<Json[]>(
    {},
    {},
    { schedulingGates: [{ name: 'example.com/quota' }] },
    { schedulingGates: [] },
    { nodeName: 'node-7' },
  ),
)

const spec: fc.Arbitrary<Json> = fc.oneof(volumes, fc.constant([])).chain((list) => {
  const available = list.map(({ name }) => name)
  return mergeAll(
    list.length > 0 ? fc.constant({ volumes: list }) : fc.constantFrom<Json[]>({}, { volumes: null }, { volumes: [] }),
    appContainers(available).map((containers) => ({ containers })),
    sometimes('initContainers', initContainers(available)),
    fc.constantFrom<Json[]>(
      {},
      { serviceAccountName: 'default', serviceAccount: 'default' },
      { serviceAccountName: 'own' },
      { serviceAccount: 'own', serviceAccountName: 'own' },
    ),
    sometimes('securityContext', podSecurityContext, {}),
    podLevelResources,
    fc.constantFrom<Json[]>(
      {},
      {},
      { imagePullSecrets: [{ name: 'registry' }] },
      { imagePullSecrets: null },
      { imagePullSecrets: [] },
    ),
    fc.constantFrom<Json[]>(
      {},
      { nodeSelector: { 'kubernetes.io/os': 'linux' } },
      { nodeSelector: null },
      { os: { name: 'linux' } },
      { nodeSelector: { [nodeLabels[0]!]: 'present' } },
    ),
    fc.constantFrom<Json[]>({}, { hostNetwork: true }, { restartPolicy: 'Never' }),
    scheduling,
    unknownFields,
  )
})

/** Annotations of others, some of them lists that we add to. */
const foreignAnnotations: fc.Arbitrary<Record<string, string>> = fc.oneof(
  fc.constant({}),
  fc.constantFrom<Record<string, string>[]>(
    { 'prometheus.io/scrape': 'true' },
    { 'x~/ key': 'kept' },
    { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'data,cache' },
    { 'eks.amazonaws.com/skip-containers': 'metrics' },
    { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'model-tmp' },
  ),
)

/** A pod without annotations of ours. Every part of metadata may be missing. */
export const plainPods: fc.Arbitrary<Pod> = wired(
  mergeAll<Pod>(
    fc.constantFrom<Json[]>({}, { apiVersion: 'v1', kind: 'Pod' }),
    sometimes(
      'metadata',
      mergeAll(
        fc.constantFrom<Json[]>(
          {},
          { generateName: 'app-6d4b-' },
          { name: 'app', namespace: 'team' },
          { ownerReferences: [{ kind: 'DaemonSet', name: 'app' }] },
        ),
        sometimes('annotations', foreignAnnotations, {}),
        sometimes('labels', fc.constantFrom({ app: 'llm' }, { 'x/y~z': '' }), {}),
        unknownFields,
      ),
      {},
    ),
    spec.map((value) => ({ spec: value })),
    unknownFields,
  ),
)

/** Pairs that stand or fall together, so that most sets are accepted as a whole. */
const volumeChoices: readonly Record<string, string>[] = [
  {},
  {},
  { size: '20Gi' },
  { volume: 'disk', size: '500M' },
  { volume: 'memory', size: '4Gi' },
  { volume: 'ephemeral/fast-ssd', size: '1.5Ti' },
]

const sources = [
  's3://models/llama/1.2.3/',
  's3://models/llama/*',
  's3://models/adapters/a.safetensors',
  's3://my.bucket/ünïcode key/x/',
]

function optional(name: string, ...values: readonly string[]): fc.Arbitrary<Record<string, string>> {
  return fc.constantFrom<Record<string, string>[]>({}, {}, ...values.map((value) => ({ [name]: value })))
}

export interface AnnotationOptions {
  /** True if `containers: "*"` may occur, which means other containers when a mesh came first. */
  readonly star?: boolean
}

const expectation = optional('expect', 'objects=12', 'bytes=123456,objects=2')

function sourceOf(...values: readonly string[]): fc.Arbitrary<Record<string, string>> {
  return fc.constantFrom(...values.map((source) => ({ source })))
}

function download(pod: Pod): fc.Arbitrary<Record<string, string>> {
  const existing = (pod.spec.volumes ?? []).filter(
    (volume) => 'emptyDir' in volume || 'persistentVolumeClaim' in volume,
  )
  return mergeAll<Record<string, string>>(
    sourceOf(...sources),
    fc.constantFrom(...volumeChoices, ...existing.map(({ name }) => ({ volume: `existing/${name}` }))),
    optional('read-only', 'true', 'false'),
    optional('include', '*.safetensors,*.json'),
    optional('exclude', 'original/*'),
    expectation,
    optional('region', 'eu-west-1'),
    optional('endpoint', 'https://s3.example.com', 'http://minio:9000', 'https://s3.example.com/storage/v1'),
    optional('addressing', 'path', 'virtual'),
    optional('requester-pays', 'true', 'false'),
    fc.constant({ delivery: 'download' }),
  )
}

/** Claims that pods of these tests have in volumes of their own, too; two models may be on one. */
const claim = mergeAll<Record<string, string>>(
  sourceOf('pvc://data', 'pvc://data/llama', 'pvc://models', 'pvc://models/llama/1.2.3', 'pvc://models/llama/current/'),
  expectation,
  optional('read-only', 'true'),
)
const node = mergeAll<Record<string, string>>(
  sourceOf('node:///opt/models/llama', 'node:///opt/models/b/'),
  expectation,
)
const mountpoint = mergeAll<Record<string, string>>(
  sourceOf('s3://models/llama/1.2.3/', 's3://models/b/*'),
  fc.constant({ delivery: 'mountpoint' }),
  optional('claim', 'data', 'llama-1.2.3'),
  optional('region', 'eu-west-1'),
)
const image = sourceOf(
  ...['', '#weights', '#a/b/'].map(
    (path) => `oci://registry.example.com/models/llama@sha256:${'ab'.repeat(32)}${path}`,
  ),
)

function modelAnnotations(
  pod: Pod,
  suffix: string | undefined,
  { star = true }: AnnotationOptions,
): fc.Arbitrary<Record<string, string>> {
  const label = suffix ?? 'model'
  return mergeAll<Record<string, string>>(
    fc.oneof(
      { weight: 5, arbitrary: download(pod) },
      { weight: 3, arbitrary: claim },
      { weight: 2, arbitrary: node },
      { weight: 2, arbitrary: mountpoint },
      { weight: 2, arbitrary: image },
    ),
    optional('mount-path', `/srv/${label}`, `/opt/models/${label}/`),
    optional('env', `${label.toUpperCase().replaceAll('-', '_')}_PATH`),
    optional('containers', 'app', ...pod.spec.containers.map(({ name }) => `app, ${name}`), ...(star ? ['*'] : [])),
  ).map((values) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [suffix === undefined ? name : `${name}.${suffix}`, value]),
    ),
  )
}

const podAnnotations: fc.Arbitrary<Record<string, string>> = mergeAll<Record<string, string>>(
  optional('inject', 'true'),
  optional('service-account', 'model-reader', 'own'),
  optional('credentials', 'pod-identity', 'irsa', 'irsa', 'secret/s3-keys', 'anonymous'),
  optional('credentials-scope', 'pod', 'loader'),
  optional('init-order', 'auto', 'first', 'last'),
  optional('run-as-user', 'auto', '1000', '4711'),
  optional('cpu', '500m', '3'),
  optional('memory', '192Mi', '1Gi'),
  optional('timeout', '30m'),
  optional('stall-timeout', '1m30s'),
  optional('engine', 'native'),
)

/** Keys without the prefix, values that are accepted for this pod in nearly all cases: one to three models. */
function annotationSets(pod: Pod, options: AnnotationOptions = {}): fc.Arbitrary<Record<string, string>> {
  return fc
    .uniqueArray(fc.constantFrom(undefined, 'llama', 'b', 'a-1'), { minLength: 1, maxLength: 3 })
    .chain((suffixes) =>
      mergeAll<Record<string, string>>(
        podAnnotations,
        ...suffixes.map((suffix) => modelAnnotations(pod, suffix, options)),
      ),
    )
}

export function annotate(pod: Pod, annotations: Readonly<Record<string, string>>, prefix: string = defaultPrefix): Pod {
  const own = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...own } } }
}

/** Pods with one to three models. */
export function annotatedPods(options: AnnotationOptions = {}): fc.Arbitrary<Pod> {
  return plainPods.chain((pod) => annotationSets(pod, options).map((annotations) => annotate(pod, annotations)))
}

/** Configurations of operators, all under the default prefix; nearly all of them allow every delivery. */
export const configurations: fc.Arbitrary<Config> = mergeAll(
  sometimes(
    'defaults',
    mergeAll(
      optional('mount-path', '/mnt/NAME', '/models/NAME'),
      optional('read-only', 'false'),
      optional('credentials', 'anonymous', 'irsa', 'secret/keys'),
      optional('credentials-scope', 'loader'),
      optional('init-order', 'first', 'last'),
      optional('run-as-user', '1000'),
      optional('cpu', '1'),
      optional('memory', '256Mi'),
      optional('timeout', '1h'),
      optional('stall-timeout', '5m'),
      optional('region', 'us-east-1'),
      optional('endpoint', 'https://minio.example.com'),
      optional('addressing', 'path', 'virtual'),
      optional('image', 'registry.example.com/injector@sha256:abc'),
    ),
    {},
  ).filter((part) => part.defaults !== null),
  fc.constantFrom<Json[]>({}, {}, { sidecars: [] }, { sidecars: ['istio-proxy', 'linkerd-proxy', 'metrics'] }),
  fc.constantFrom<Json[]>({}, {}, { openshift: true }, { unknownAnnotations: 'warn' }),
  fc.constantFrom<Json[]>({}, { podIdentity: { uri: 'http://[fd00:ec2::23]/v1/credentials' } }),
  fc.constantFrom<Json[]>(
    {},
    {
      loader: {
        imagePullPolicy: 'Always',
        imagePullSecrets: ['registry', 'mirror'],
        env: { HTTPS_PROXY: 'http://proxy:3128' },
      },
    },
  ),
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constant<Json>({
        policy: { rules: [{ name: 'all', namespaces: ['*'], images: ['*'], sources: ['*', 'node://*'] }] },
      }),
    },
    { weight: 1, arbitrary: fc.constant<Json>({}) },
  ),
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constantFrom<Json[]>({ cluster: { version: '1.36' } }, { cluster: { version: 'v1.35.2-eks-1' } }),
    },
    { weight: 1, arbitrary: fc.constant<Json>({}) },
  ),
  fc.constantFrom<Json[]>({}, { mountpoint: { headroomGate: true } }),
).map((file) => {
  const result = parseConfig(JSON.stringify(file))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
})

/** A small pod for a test of one thing: an app container and what is given. */
export function podWith(annotations: Readonly<Record<string, string>>, spec: Partial<PodSpec> = {}): Pod {
  return annotate(
    { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec } },
    annotations,
  )
}
