/** Injected pods with changes of others in their loaders, and what the guard has to say of them by the code's own comparison. */
import fc from 'fast-check'
import { defaultPrefix } from '../../../src/annotations.ts'
import type { Config } from '../../../src/config/config.ts'
import { annotatedPod } from '../../../src/inject/annotated-pod.ts'
import { inject } from '../../../src/inject/inject.ts'
import { podIdentityDirectory } from '../../../src/inject/identity.ts'
import { comparePod } from '../../../src/inject/ownership/compare-pod.ts'
import { detectInjection } from '../../../src/inject/ownership/detect-injection.ts'
import type { ComparedLoader, PartChange } from '../../../src/inject/ownership/loader-change.ts'
import { variableKinds } from '../../../src/inject/ownership/loader-env.ts'
import { weaknesses, type Weakness } from '../../../src/inject/ownership/loader-fields.ts'
import { protectedPaths } from '../../../src/inject/ownership/loader-mounts.ts'
import { isOurLoader } from '../../../src/inject/ownership/own-loaders.ts'
import { envText } from '../../../src/inject/ownership/part-text.ts'
import { planAgain } from '../../../src/inject/second-pass.ts'
import { loaderRoot } from '../../../src/pod/injected-names.ts'
import {
  annotationsOf,
  initContainersOf,
  type Container,
  type EnvVar,
  type Pod,
  type VolumeMount,
} from '../../../src/pod/pod.ts'
import { Findings } from '../../../src/request/findings.ts'
import { cleanPath, isSameOrBelow } from '../../../src/values/path.ts'
import { annotate, annotatedPods, unknownFieldNames } from '../webhook/pods.ts'
import { eksWebhook } from '../aws/eks-webhook.ts'
import type { PodObject } from './policies.ts'

/** The rules of the guard about loaders, in its order. */
export const loaderRules = [
  'command',
  'args',
  'envFrom',
  'lifecycle',
  'restartPolicy',
  'weakened',
  'steered',
  'misdirected',
  'contradicting',
  'misspelt',
  'covered',
  'late',
  'account',
] as const
export type LoaderRule = (typeof loaderRules)[number]

/** The fields that a rule finds fault with, sorted. */
export type RuleFindings = Readonly<Record<LoaderRule, readonly string[]>>

const field = (name: string, value: unknown): Change => inLoader((one) => ({ ...one, [name]: value }))

type Change = (pod: Pod, loader: string) => Pod

function inLoader(change: (container: Container) => Container): Change {
  return (pod, loader) => ({
    ...pod,
    spec: {
      ...pod.spec,
      initContainers: initContainersOf(pod).map((one) => (one.name === loader ? change(one) : one)),
    },
  })
}

function env(...variables: readonly EnvVar[]): Change {
  return inLoader((one) => ({ ...one, env: [...(one.env ?? []), ...variables] }))
}

function replacedEnv(name: string, value: string): Change {
  return inLoader((one) => ({
    ...one,
    env: [...(one.env ?? []).filter((variable) => variable.name !== name), { name, value }],
  }))
}

/** A volume of its own for each path, which is not there twice. */
function mount(mountPath: string, more: Partial<VolumeMount> = {}): Change {
  return (pod, loader) => {
    const added = inLoader((one) => ({
      ...one,
      volumeMounts: [
        ...(one.volumeMounts ?? []).filter((own) => own.mountPath !== mountPath),
        { name: 'other', mountPath, ...more },
      ],
    }))(pod, loader)
    return withVolume(added, 'other')
  }
}

function withVolume(pod: Pod, name: string): Pod {
  const volumes = (pod.spec.volumes ?? []).filter((volume) => volume.name !== name)
  return { ...pod, spec: { ...pod.spec, volumes: [...volumes, { name, emptyDir: {} }] } }
}

function security(changed: Readonly<Record<string, unknown>>): Change {
  return inLoader((one) => ({ ...one, securityContext: { ...one.securityContext, ...changed } }))
}

/** A process that sees the whole /proc needs a user namespace, which the network of the node rules out. */
const bareProc: Change = (pod, loader) => {
  const { spec } = security({ procMount: 'Unmasked' })(pod, loader)
  return { ...pod, spec: { ...spec, hostUsers: false, hostNetwork: false } }
}

const behind: Change = (pod, loader) => ({
  ...pod,
  spec: {
    ...pod.spec,
    initContainers: [
      ...initContainersOf(pod).filter(({ name }) => name !== loader),
      ...initContainersOf(pod).filter(({ name }) => name === loader),
    ],
  },
})

const otherAccount: Change = (pod) => ({
  ...pod,
  spec: { ...pod.spec, serviceAccountName: 'own', serviceAccount: 'own' },
})

const otherVolume = (volumeMount: Partial<VolumeMount>): Change =>
  inLoader((one) => ({
    ...one,
    volumeMounts: (one.volumeMounts ?? []).map((own) =>
      own.mountPath === loaderRoot ? { ...own, ...volumeMount } : own,
    ),
  }))

const refused: readonly fc.Arbitrary<Change>[] = [
  fc.constantFrom<Change[]>(field('command', ['/bin/true']), field('command', ['node', 'dist/main.js'])),
  fc.constantFrom<Change[]>(
    field('args', []),
    field('args', ['load']),
    field('args', ['load', '--verify']),
    field('args', ['load', '--verify', '--']),
    field('args', undefined),
  ),
  fc.constant(field('envFrom', [{ configMapRef: { name: 'other' } }])),
  fc.constant((pod: Pod, loader: string) =>
    field('lifecycle', { postStart: { exec: { command: ['x'] } } })(
      field('restartPolicy', 'Always')(pod, loader),
      loader,
    ),
  ),
  fc.constantFrom<Change[]>(field('restartPolicy', 'Always'), field('restartPolicy', 'Never')),
  fc.constant(security({ privileged: true, allowPrivilegeEscalation: true })),
  fc.constantFrom<Change[]>(
    security({ allowPrivilegeEscalation: true }),
    security({ allowPrivilegeEscalation: undefined }),
  ),
  fc.constantFrom<Change[]>(
    security({ readOnlyRootFilesystem: false }),
    security({ readOnlyRootFilesystem: undefined }),
  ),
  fc.constantFrom<Change[]>(security({ runAsNonRoot: false }), security({ runAsNonRoot: undefined })),
  fc.constant(security({ runAsUser: 0 })),
  fc.constant(bareProc),
  fc.constantFrom<Change[]>(
    security({ capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }),
    security({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } }),
  ),
  fc.constantFrom<Change[]>(security({ capabilities: { drop: ['NET_RAW'] } }), security({ capabilities: undefined })),
  fc.constantFrom<Change[]>(
    security({ seccompProfile: { type: 'Unconfined' } }),
    security({ seccompProfile: undefined }),
  ),
  fc.constant(security({ appArmorProfile: { type: 'Unconfined' } })),
  fc.constant(security({ seLinuxOptions: { type: 'spc_t' } })),
  fc.constant(field('securityContext', undefined)),
  fc
    .constantFrom(
      'NODE_OPTIONS',
      'node_options',
      'NODE_EXTRA_CA_CERTS',
      'LD_PRELOAD',
      'LD_LIBRARY_PATH',
      'SSL_CERT_FILE',
      'OPENSSL_CONF',
      'HTTPS_PROXY',
      'https_proxy',
      'NO_PROXY',
      'ALL_PROXY',
      'GLIBC_TUNABLES',
      'RES_OPTIONS',
    )
    .map((name) => replacedEnv(name, 'other')),
  fc.constantFrom<Change[]>(
    env({ name: 'MODEL_SOURCE', value: 's3://other/llama/' }),
    replacedEnv('MODEL_SOURCE', 's3://other/llama/'),
    replacedEnv('MODEL_SOURCE', ''),
    inLoader((one) => ({ ...one, env: (one.env ?? []).filter(({ name }) => name !== 'MODEL_SOURCE') })),
  ),
  fc.constantFrom<Change[]>(
    env({ name: 'MODEL_NAME', value: 'other' }),
    env({ name: 'MODEL_NAME', value: 'other' }, { name: 'MODEL_ROOT', value: '/other' }),
    env({ name: 'MODEL_POD_UID', value: 'other' }, { name: 'MODEL_POD_UID', value: 'others' }),
  ),
  fc
    .constantFrom('/x/../app', '//usr/lib', '/vault//secrets', '/models/./x', '/x/.', '../x')
    .map((path) => mount(path)),
  fc
    .constantFrom(
      ...protectedPaths,
      ...protectedPaths.map((path) => `${path}/below/`),
      '/etc',
      '/etc/ssl/certs/',
      '/',
      'app/dist',
      `${loaderRoot}/x`,
      '/tmp/x',
      '/tmp/',
    )
    .map((path) => mount(path)),
  fc.constantFrom<Change[]>(
    (pod, loader) => withVolume(otherVolume({ name: 'other' })(pod, loader), 'other'),
    otherVolume({ subPath: 'other' }),
    (pod, loader) => otherVolume({ readOnly: !isReadOnly(pod, loader) })(pod, loader),
    mount('/var/run/secrets'),
    mount(podIdentityDirectory),
  ),
]

function isReadOnly(pod: Pod, loader: string): boolean {
  const mounts = initContainersOf(pod).find(({ name }) => name === loader)?.volumeMounts
  return mounts?.find(({ mountPath }) => mountPath === loaderRoot)?.readOnly === true
}

/** Nothing of this may be refused. */
const harmless: fc.Arbitrary<Change> = fc.constantFrom<Change[]>(
  field('imagePullPolicy', 'Always'),
  field('resources', { limits: { cpu: '1', memory: '1Gi' } }),
  env({ name: 'DD_AGENT_HOST', value: '10.0.0.1' }, { name: 'OTEL_SERVICE_NAME', value: 'x' }),
  env({ name: 'MODEL_NAMES', value: 'x' }),
  env({ name: 'LDAP_HOST', value: 'x' }, { name: 'PROXY_HOST', value: 'x' }, { name: 'glibc_tunables', value: 'x' }),
  env({ name: 'SCANNER_SSL_MODE', value: 'x' }),
  mount('/vault/secrets'),
  mount('/application'),
  mount('/etc/ssl-extra/'),
  mount('/models/tmp'),
  security({ runAsUser: 4711, runAsGroup: 4711 }),
  security({ capabilities: { drop: ['NET_RAW', 'ALL'] } }),
  security({ seccompProfile: { type: 'Localhost', localhostProfile: 'x.json' } }),
  security({ procMount: 'Default', privileged: false }),
  (pod) => eksWebhook(pod, { podIdentity: ['default', 'model-reader', 'own'], region: 'eu-west-1' }),
  (pod) =>
    eksWebhook(pod, {
      roles: Object.fromEntries(
        ['default', 'model-reader', 'own'].map((name) => [name, 'arn:aws:iam::123456789012:role/models']),
      ),
      region: 'eu-west-1',
      regionalSts: true,
    }),
)

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.oneof({ weight: 1, arbitrary: harmless }, { weight: 3, arbitrary: fc.oneof(...refused) }),
  { maxLength: 2 },
)

/** Few pods have an init container that gets the model, or an account of the annotation. */
const rareChanges: fc.Arbitrary<readonly Change[]> = fc.oneof(
  { weight: 2, arbitrary: changes },
  { weight: 1, arbitrary: fc.subarray([behind, otherAccount], { minLength: 1 }) },
)

export interface ChangedPod {
  readonly pod: PodObject
  readonly findings: RuleFindings
}

/** Pods that have at least one loader; undefined for others, and where the pod itself is denied. */
export function podsWithChangedLoaders(config: Config): fc.Arbitrary<ChangedPod | undefined> {
  return fc
    .tuple(annotatedPods(), fc.boolean(), fc.array(fc.tuple(fc.nat(), rareChanges), { minLength: 1, maxLength: 2 }))
    .map(([pod, naming, changed]) => {
      const injected = injectedFrom(naming ? namingInitContainers(creatable(pod)) : creatable(pod), config)
      if (injected === undefined) return undefined
      const loaders = initContainersOf(injected).filter(isOurLoader)
      const result = changed.reduce<Pod>(
        (one, [at, list]) =>
          list.reduce((before, change) => change(before, loaders[at % loaders.length]?.name ?? ''), one),
        injected,
      )
      const findings = loaders.length === 0 ? undefined : guardFindings(result, config)
      return findings === undefined ? undefined : { pod: result as PodObject, findings }
    })
}

function injectedFrom(pod: Pod, config: Config): Pod | undefined {
  const outcome = inject(pod, 'default', config)
  return outcome.outcome === 'injected' ? outcome.pod : undefined
}

/** Each model gets into the init containers of the pod, too. */
function namingInitContainers(pod: Pod): Pod {
  const names = [...initContainersOf(pod), ...pod.spec.containers.slice(0, 1)].map(({ name }) => name)
  const source = `${defaultPrefix}source`
  const suffixes = Object.keys(annotationsOf(pod))
    .filter((key) => key === source || key.startsWith(`${source}.`))
    .map((key) => key.slice(source.length))
  return annotate(pod, Object.fromEntries(suffixes.map((suffix) => [`containers${suffix}`, names.join(' , ')])))
}

/** The pod without what the API server refuses or drops. */
function creatable(pod: Pod): Pod {
  const known = JSON.parse(
    JSON.stringify(pod, (key, value: unknown) => (unknownFieldNames.includes(key) ? undefined : value)),
  ) as Pod
  const annotations = Object.entries(known.metadata?.annotations ?? {}).filter(([key]) => !key.includes('~'))
  return {
    ...known,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', namespace: 'default', annotations: Object.fromEntries(annotations) },
  }
}

/** Findings that the guard has to have, by the code's word; undefined where the code takes the pod for another. */
export function guardFindings(pod: Pod, config: Config): RuleFindings | undefined {
  const annotated = annotatedPod(pod, config.annotationPrefix)
  const detection = detectInjection(annotated)
  if (detection.state !== 'injected') return undefined
  const { status } = detection
  const findings = new Findings()
  const { bare, plan } = planAgain(annotated, status, { namespace: 'default', config, findings, keepResources: true })
  if (findings.denied) return undefined
  const compared = comparePod({ pod, bare, plan, status, config })
  const steering = compared.changes.filter((change) => change.class === 'steering')
  const perLoader = initContainersOf(pod).flatMap((present) => {
    const planned = plan.loaders.find(({ name }) => name === present.name)
    return planned === undefined ? [] : findingsInLoader({ present, planned, config }, steering)
  })
  const all = (rule: LoaderRule): string[] => perLoader.flatMap((found) => found[rule] ?? []).sort()
  return {
    ...(Object.fromEntries(loaderRules.map((rule) => [rule, all(rule)])) as Record<LoaderRule, string[]>),
    account: steering.some((change) => change.field === 'spec.serviceAccountName') ? ['spec.serviceAccountName'] : [],
  }
}

function findingsInLoader(
  { present: loader, planned, config }: ComparedLoader,
  steering: readonly PartChange[],
): Partial<Record<LoaderRule, readonly string[]>> {
  const path = `spec.initContainers[${loader.name}]`
  const found = (rest: string): boolean => steering.some((change) => change.field === path + rest)
  const whole = (name: string): string[] => (found(`.${name}`) ? [`${path}.${name}`] : [])
  const variables = namesOf(steering, `${path}.env[`)
  const misspelt = (loader.volumeMounts ?? []).map(({ mountPath }) => mountPath).filter(isMisspelt)
  return {
    command: whole('command'),
    args: whole('args'),
    envFrom: whole('envFrom'),
    lifecycle: whole('lifecycle'),
    restartPolicy: whole('restartPolicy'),
    weakened: found('.securityContext') ? weaknessesOf(loader).map((name) => `${path}.securityContext.${name}`) : [],
    steered: least(variables.filter((name) => isGuarded(name, config)).map((name) => `${path}.env[${name}]`)),
    misdirected: variables.includes('MODEL_SOURCE') ? [`${path}.env[MODEL_SOURCE]`] : [],
    contradicting: least(contradictions(loader, variables).map((name) => `${path}.env[${name}]`)),
    misspelt: least(misspelt.map((place) => `${path}.volumeMounts[${place}]`)),
    covered:
      misspelt.length > 0
        ? []
        : least(
            coveredPlaces(planned, steering, `${path}.volumeMounts[`).map((place) => `${path}.volumeMounts[${place}]`),
          ),
    late: steering.some((change) => change.field === path && change.expected?.startsWith('before ') === true)
      ? [path]
      : [],
  }
}

/** Places of changes below a list; what is only missing is not there to be refused, but for the source. */
function namesOf(steering: readonly PartChange[], list: string): readonly string[] {
  return steering.flatMap(({ field: name, found }) =>
    name.startsWith(list) && (found !== undefined || name.endsWith('[MODEL_SOURCE]'))
      ? [name.slice(list.length, -1)]
      : [],
  )
}

function least(fields: readonly string[]): readonly string[] {
  return [...fields].sort().slice(0, 1)
}

function weaknessesOf({ securityContext }: Container): readonly Weakness[] {
  return (Object.keys(weaknesses) as Weakness[]).filter((name) => weaknesses[name](securityContext ?? {}))
}

/** A variable of the operator's own configuration passes in any value: the configuration may have changed a moment ago. */
function isGuarded(name: string, { loader }: Config): boolean {
  const own = [...Object.keys(loader.env), ...(loader.proxy === undefined ? [] : ['HTTPS_PROXY', 'NO_PROXY'])]
  return !own.includes(name) && variableKinds.some(({ guarded }) => guarded?.test(name) === true)
}

/** All of them are steering changes, because only one of two values can be the planned one. */
function contradictions({ env: variables = [] }: Container, changed: readonly string[]): readonly string[] {
  const texts = Map.groupBy(variables ?? [], ({ name }) => name)
  return [...texts].flatMap(([name, list]) => {
    if (!name.startsWith('MODEL_') || new Set(list.map(envText)).size < 2) return []
    if (!changed.includes(name)) throw new Error(`${name} has two values, and the code sees no change`)
    return [name]
  })
}

function isMisspelt(mountPath: string): boolean {
  const [first, ...segments] = mountPath.split('/')
  const inner = segments.at(-1) === '' ? segments.slice(0, -1) : segments
  return inner.includes('') || [first, ...segments].some((segment) => segment === '.' || segment === '..')
}

/** Without mounts over a token that only the plan knows: the one of a role. */
function coveredPlaces(planned: Container, steering: readonly PartChange[], list: string): readonly string[] {
  const token = (planned.volumeMounts ?? []).filter(({ mountPath }) => mountPath === podIdentityDirectory)
  const known = [...protectedPaths, loaderRoot, '/tmp', ...token.map(({ mountPath }) => mountPath)]
  return namesOf(steering, list).flatMap((written) => {
    const place = cleanPath(written)
    const touches = known.some((path) => isSameOrBelow(place, path) || isSameOrBelow(path, place))
    return touches ? [place === '/' ? place : `${place}/`] : []
  })
}
