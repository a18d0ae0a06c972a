/** Changes of others in an injected pod: what the next pass answers, and what an audit calls them. */
import t from 'tap'
import { auditPod } from '../../../../src/audit/audit-pod.ts'
import { parseConfig } from '../../../../src/config/parse-config.ts'
import { inject } from '../../../../src/inject/inject.ts'
import type { Container, EnvVar, Pod, VolumeMount } from '../../../../src/pod/pod.ts'
import { podWith } from '../../../kit/webhook/pods.ts'

const image = `registry.example.com/team/model-injector:1.0@sha256:${'ab'.repeat(32)}`
const read = parseConfig(
  `defaults: {image: "${image}"}\nownership: {allowedEnv: ["SCANNER_*"], imageMirrors: ["mirror.corp/cache"]}`,
)
if (!read.ok) throw new Error(read.problems.join('\n'))
const { config } = read

const asked = podWith(
  { source: 's3://models/llama/', expect: 'objects=2', containers: 'warm-up,app', env: 'MODEL_PATH' },
  { initContainers: [{ name: 'warm-up' }], containers: [{ name: 'app' }, { name: 'helper' }] },
)
const whole = injected(asked)

function injected(pod: Pod): Pod {
  const outcome = inject(pod, 'team', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return { ...outcome.pod, metadata: { ...outcome.pod.metadata, name: 'app', uid: 'c0ffee' } }
}

type Change = (pod: Pod) => Pod

const loader =
  (change: (container: Container) => Container): Change =>
  (pod) => ({
    ...pod,
    spec: {
      ...pod.spec,
      initContainers: (pod.spec.initContainers ?? []).map((one) => (one.name === 'model-loader' ? change(one) : one)),
    },
  })

const env = (name: string, value: string): Change =>
  loader((one) => ({ ...one, env: [...(one.env ?? []).filter((own) => own.name !== name), { name, value }] }))

/** The kubelet takes the last one of a name. */
const secondEnv = (variable: EnvVar): Change => loader((one) => ({ ...one, env: [...(one.env ?? []), variable] }))

const mount = (own: VolumeMount): Change =>
  loader((one) => ({ ...one, volumeMounts: [...(one.volumeMounts ?? []), own] }))

const field = (name: string, value: unknown): Change => loader((one) => ({ ...one, [name]: value }))

const security = (name: string, value: unknown): Change =>
  loader((one) => ({ ...one, securityContext: { ...one.securityContext, [name]: value } }))

const app =
  (change: (container: Container) => Container): Change =>
  (pod) => ({
    ...pod,
    spec: { ...pod.spec, containers: pod.spec.containers.map((one) => (one.name === 'app' ? change(one) : one)) },
  })

const steering: Readonly<Record<string, Change>> = {
  'NODE_OPTIONS that runs other code': env('NODE_OPTIONS', '--require /x.js'),
  'NODE_EXTRA_CA_CERTS, with which a foreign S3 is believed': env('NODE_EXTRA_CA_CERTS', '/ca.pem'),
  NODE_TLS_REJECT_UNAUTHORIZED: env('NODE_TLS_REJECT_UNAUTHORIZED', '0'),
  LD_PRELOAD: env('LD_PRELOAD', '/x.so'),
  SSL_CERT_FILE: env('SSL_CERT_FILE', '/ca.pem'),
  'a proxy': env('HTTPS_PROXY', 'http://evil:3128'),
  'a proxy in small letters': env('https_proxy', 'http://evil:3128'),
  'another endpoint': env('MODEL_ENDPOINT', 'https://evil.example.com'),
  'a filter': env('MODEL_INCLUDE', '*.json'),
  'a variable of ours that no plan has': env('MODEL_WHATEVER', 'x'),
  'another source after the planned one': secondEnv({ name: 'MODEL_SOURCE', value: 's3://evil/llama/' }),
  'keys of another account': env('AWS_ACCESS_KEY_ID', 'AKIA'),
  'another agent': env('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://evil/'),
  'a token of another file': env('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', '/tmp/token'),
  'a role without its token': env('AWS_ROLE_ARN', 'arn:aws:iam::1:role/evil'),
  'one region of the two': env('AWS_REGION', 'eu-west-1'),
  'a missing expectation': loader((one) => ({
    ...one,
    env: (one.env ?? []).filter(({ name }) => name !== 'MODEL_EXPECT'),
  })),
  'an environment from elsewhere': field('envFrom', [{ configMapRef: { name: 'evil' } }]),
  'a command': field('command', ['/bin/true']),
  'other arguments': field('args', ['load', '--verify']),
  'a hook': field('lifecycle', { postStart: { exec: { command: ['x'] } } }),
  'a restart policy, with which the app does not wait': field('restartPolicy', 'Always'),
  'another image': field('image', 'evil.example.com/loader:1'),
  'no image': field('image', undefined),
  'a privileged loader': security('privileged', true),
  'an added capability': security('capabilities', { add: ['SYS_ADMIN'], drop: ['ALL'] }),
  'kept capabilities': security('capabilities', { drop: ['NET_RAW'] }),
  'privilege escalation': security('allowPrivilegeEscalation', true),
  'the user root': security('runAsUser', 0),
  'a writable root': security('readOnlyRootFilesystem', false),
  'no seccomp profile': security('seccompProfile', { type: 'Unconfined' }),
  'a bare /proc': security('procMount', 'Unmasked'),
  'no security context': field('securityContext', undefined),
  'a mount over the program': mount({ name: 'evil', mountPath: '/app/dist' }),
  'a mount over the libraries, in another spelling': mount({ name: 'evil', mountPath: '//usr/./lib' }),
  'a mount over the authorities': mount({ name: 'evil', mountPath: '/etc/ssl/certs' }),
  'a mount in the volume': mount({ name: 'evil', mountPath: '/x/../model/sub' }),
  'a mount over /tmp': mount({ name: 'evil', mountPath: '/tmp/x' }),
  'another volume at the root of the model': loader((one) => ({
    ...one,
    volumeMounts: (one.volumeMounts ?? []).map((own) => (own.mountPath === '/model' ? { ...own, name: 'evil' } : own)),
  })),
  'a place behind a container that it serves': (pod) => ({
    ...pod,
    spec: { ...pod.spec, initContainers: [...(pod.spec.initContainers ?? [])].reverse() },
  }),
  'another volume under the name of the model': (pod) => ({
    ...pod,
    spec: {
      ...pod.spec,
      volumes: (pod.spec.volumes ?? []).map((own) =>
        own.name === 'model-data' ? { name: 'model-data', hostPath: { path: '/evil' } } : own,
      ),
    },
  }),
  'a lost label': (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: {} } }),
  'another directory of the volume in the app': app((one) => ({
    ...one,
    volumeMounts: (one.volumeMounts ?? []).map((own) => ({ ...own, subPath: 'evil/files' })),
  })),
  'another value of the path in the app': app((one) => ({ ...one, env: [{ name: 'MODEL_PATH', value: '/evil' }] })),
  'a container that writes to the volume': (pod) => ({
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map((one) =>
        one.name === 'helper' ? { ...one, volumeMounts: [{ name: 'model-data', mountPath: '/x' }] } : one,
      ),
    },
  }),
}

const harmless: Readonly<Record<string, Change>> = {
  'resources of a LimitRange': field('resources', { limits: { cpu: '1', memory: '1Gi' } }),
  'a pull policy of AlwaysPullImages': field('imagePullPolicy', 'Always'),
  'a default of the API server': field('terminationMessagePath', '/dev/termination-log'),
  'a token of the API server': mount({
    name: 'kube-api-access',
    mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  }),
  'secrets of Vault': mount({ name: 'vault-secrets', mountPath: '/vault/secrets' }),
  'environment of Datadog': env('DD_AGENT_HOST', '10.0.0.1'),
  'environment of OpenTelemetry': env('OTEL_SERVICE_NAME', 'x'),
  'environment that the operator allows': env('SCANNER_ID', 'x'),
  'another user': security('runAsUser', 1000660000),
  'a group': security('runAsGroup', 1000),
  'the same digest of a mirror': field('image', `mirror.corp/x@sha256:${'ab'.repeat(32)}`),
  'the same name and tag at a mirror of the operator': field('image', 'mirror.corp/cache/team/model-injector:1.0'),
  'a role of the identity webhook with its token': (pod) =>
    mount({ name: 'aws-iam-token', mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount', readOnly: true })(
      env(
        'AWS_ROLE_ARN',
        'arn:aws:iam::123456789012:role/models',
      )(env('AWS_WEB_IDENTITY_TOKEN_FILE', '/var/run/secrets/eks.amazonaws.com/serviceaccount/token')(pod)),
    ),
  'both regions of the identity webhook': (pod) =>
    env('AWS_REGION', 'eu-central-1')(env('AWS_DEFAULT_REGION', 'eu-central-1')(pod)),
  'regional endpoints of the identity webhook': env('AWS_STS_REGIONAL_ENDPOINTS', 'regional'),
  'a reader of the volume': (pod) => ({
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map((one) =>
        one.name === 'helper'
          ? { ...one, volumeMounts: [{ name: 'model-data', mountPath: '/x', readOnly: true }] }
          : one,
      ),
    },
  }),
}

const unknown: Readonly<Record<string, Change>> = {
  'a variable of nobody': env('SOMETHING', 'x'),
  'a working directory': field('workingDir', '/x'),
  'a port': field('ports', [{ containerPort: 80 }]),
  'a terminal': field('tty', true),
  'a field that Kubernetes does not have yet': field('newer', { x: 1 }),
  'a second mount of the volume': mount({ name: 'model-data', mountPath: '/other' }),
}

function judgementsOf(pod: Pod): readonly string[] {
  return auditPod(pod, 'team', config)?.judgements.map(({ judgement }) => judgement) ?? []
}

/** Everything that decides which model is loaded; orders of lists may differ. */
function partsOf({ metadata, spec }: Pod): unknown {
  const sorted = (one: Container): unknown => ({
    ...one,
    env: [...(one.env ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
    volumeMounts: [...(one.volumeMounts ?? [])].sort((a, b) => (a.mountPath < b.mountPath ? -1 : 1)),
  })
  return {
    labels: metadata?.labels,
    init: (spec.initContainers ?? []).map(sorted),
    containers: spec.containers.map(sorted),
    volumes: spec.volumes,
  }
}

for (const [name, change] of Object.entries(steering)) {
  t.test(`${name}: put back or taken out in the next pass, and tampered in an audit`, (t) => {
    const changed = change(whole)
    const outcome = inject(changed, 'team', config)
    t.match(outcome, { outcome: 'injected', reason: 'Healed', warnings: [{ reason: 'SteeringChange' }] })
    if (outcome.outcome !== 'injected') return t.end()
    t.strictSame(partsOf(outcome.pod), partsOf(whole))
    t.equal(inject(outcome.pod, 'team', config).reason, 'AlreadyInjected')
    t.match(judgementsOf(changed), ['tampered'])
    t.strictSame(judgementsOf(outcome.pod).includes('conforming'), true)
    t.end()
  })
}

for (const [name, change] of Object.entries(harmless)) {
  t.test(`${name}: kept, and conforming in an audit`, (t) => {
    const changed = change(whole)
    t.strictSame(inject(changed, 'team', config), { outcome: 'skipped', reason: 'AlreadyInjected', warnings: [] })
    t.ok(judgementsOf(changed).includes('conforming'), judgementsOf(changed).join())
    t.end()
  })
}

for (const [name, change] of Object.entries(unknown)) {
  t.test(`${name}: taken out in the next pass with a warning, and never tampered`, (t) => {
    const changed = change(whole)
    const outcome = inject(changed, 'team', config)
    t.match(outcome, { outcome: 'injected', reason: 'Healed', warnings: [{ reason: 'UnknownChange' }] })
    t.strictSame(outcome.outcome === 'injected' && partsOf(outcome.pod), partsOf(whole))
    t.notOk(judgementsOf(changed).includes('tampered'))
    t.end()
  })
}

t.test('an older image of the same repository is replaced, and outdated in an audit', (t) => {
  const changed = field('image', 'registry.example.com/team/model-injector:0.9')(whole)
  const outcome = inject(changed, 'team', config)
  t.match(outcome, { outcome: 'injected', reason: 'Healed' })
  t.strictSame(outcome.outcome === 'injected' && partsOf(outcome.pod), partsOf(whole))
  t.match(judgementsOf(changed), ['outdated'])
  t.end()
})

t.test('a mirror is rewritten in an audit', (t) => {
  const changed = field('image', 'mirror.corp/cache/team/model-injector:1.0')(whole)
  t.strictSame(judgementsOf(changed).slice(-2), ['rewritten', 'conforming'])
  t.end()
})

t.test('a mount over the model in another spelling is a denial', (t) => {
  for (const mountPath of ['/models/./model', '//models/model', '/x/../models/model/sub']) {
    const changed = app((one) => ({
      ...one,
      volumeMounts: [...(one.volumeMounts ?? []), { name: 'evil', mountPath }],
    }))(whole)
    t.match(inject(changed, 'team', config), { outcome: 'denied', reason: 'MountConflict' }, mountPath)
    t.match(judgementsOf(changed), ['tampered'], mountPath)
  }
  t.end()
})

t.test('the policy is asked of a pod that brings its parts: denied, or warned of in audit mode', (t) => {
  const rules = [{ name: 'ours', namespaces: ['*'], sources: ['s3://other/*'] }]
  t.match(inject(whole, 'team', { ...config, policy: { rules } }), {
    outcome: 'denied',
    reason: 'NotAllowed',
    rules: ['ours'],
  })
  t.match(inject(whole, 'team', { ...config, policy: { rules, mode: 'audit' } }), {
    outcome: 'skipped',
    reason: 'AlreadyInjected',
    warnings: [{ reason: 'PolicyWouldDeny' }],
  })
  t.end()
})

const exposed: Readonly<
  Record<string, readonly [annotations: Record<string, string>, spec: Partial<Pod['spec']>, judged: string]>
> = {
  'a volume of its own that another container writes': [
    { source: 's3://models/llama/', volume: 'existing/data', containers: 'app', size: '1Gi' },
    {
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [{ name: 'app' }, { name: 'other', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    },
    'exposed',
  ],
  'a claim that the app itself mounts for writing a second time': [
    { source: 'pvc://models/llama', containers: 'app' },
    {
      volumes: [{ name: 'again', persistentVolumeClaim: { claimName: 'models' } }],
      containers: [{ name: 'app', volumeMounts: [{ name: 'again', mountPath: '/again' }] }],
    },
    'exposed',
  ],
  'a claim that another container has as a block device': [
    { source: 'pvc://models/llama', containers: 'app' },
    {
      volumes: [{ name: 'raw', persistentVolumeClaim: { claimName: 'models' } }],
      containers: [{ name: 'app' }, { name: 'other', volumeDevices: [{ name: 'raw', devicePath: '/dev/models' }] }],
    },
    'exposed',
  ],
  'another directory of the volume': [
    { source: 's3://models/llama/', volume: 'existing/data', containers: 'app', size: '1Gi' },
    {
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/cache', subPath: 'cache' }] }],
    },
    'conforming',
  ],
  'a volume that another container only reads': [
    { source: 's3://models/llama/', volume: 'existing/data', containers: 'app', size: '1Gi' },
    {
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [
        { name: 'app' },
        { name: 'other', volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true }] },
      ],
    },
    'conforming',
  ],
}

for (const [name, [annotations, spec, judgement]] of Object.entries(exposed)) {
  t.test(`a model on ${name} is ${judgement}`, (t) => {
    t.ok(judgementsOf(injected(podWith(annotations, spec))).includes(judgement))
    t.end()
  })
}

t.test(
  'a container that mounts a volume of ours for writing, before it is there, is a denial; a reader is none',
  (t) => {
    const mounting = (readOnly: boolean): Pod =>
      podWith(
        { source: 's3://models/llama/', containers: 'app' },
        {
          containers: [
            { name: 'app' },
            { name: 'helper', volumeMounts: [{ name: 'model-data', mountPath: '/x', readOnly }] },
          ],
        },
      )
    t.match(inject(mounting(false), 'team', config), {
      outcome: 'denied',
      reason: 'NameTaken',
      diagnostics: [{ field: 'spec.containers[helper].volumeMounts[/x]' }],
    })
    t.equal(inject(injected(mounting(true)), 'team', config).reason, 'AlreadyInjected')
    t.end()
  },
)
