/** Every judgement by each way of getting it: small pods, changed as somebody would change them. */
import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { parseConfig, defaultConfig } from '../../../src/config/parse-config.ts'
import { auditPod } from '../../../src/audit/audit-pod.ts'
import type { AuditedPod, Judgement } from '../../../src/audit/judgement.ts'
import { sealStatus } from '../../../src/inject/ownership/digest.ts'
import { inject } from '../../../src/inject/inject.ts'
import type { Container, Pod, Volume } from '../../../src/pod/pod.ts'
import type { Status as RealStatus } from '../../../src/inject/status.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const prefix = 'models.example.io/'
const digest = 'a'.repeat(64)
const pinned = {
  source: 's3://models/llama-1.2.3/',
  size: '1Gi',
  expect: `manifest=SHA256SUMS@sha256:${digest}`,
  env: 'MODEL_PATH',
}

function configOf(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('; '))
  return result.config
}

function created(pod: Pod, name = 'app-x2x9z'): Pod {
  return {
    ...pod,
    metadata: { ...pod.metadata, name, namespace: 'apps', uid: '5f0c', creationTimestamp: '2026-01-01T00:00:00Z' },
  }
}

function injected(pod: Pod, config = defaultConfig): Pod {
  const outcome = inject(pod, 'apps', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return created(outcome.pod)
}

const asked = podWith(pinned)
const whole = injected(asked)

function judge(pod: unknown, config = defaultConfig): AuditedPod {
  const audited = auditPod(pod, 'apps', config)
  if (audited === undefined) throw new Error('the pod was not judged')
  return audited
}

function withAnnotation(pod: Pod, name: string, value: string | undefined): Pod {
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: without(
        { ...pod.metadata?.annotations, ...(value !== undefined && { [prefix + name]: value }) },
        value === undefined ? prefix + name : '',
      ),
    },
  }
}

function withoutLabel(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels: without(pod.metadata?.labels ?? {}, `${prefix}injected`) } }
}

function without<T extends object>(object: T, field: string): T {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== field)) as T
}

function withLoader(change: (loader: Container) => Container, pod = whole): Pod {
  return {
    ...pod,
    spec: {
      ...pod.spec,
      initContainers: (pod.spec.initContainers ?? []).map((container) =>
        container.name === 'model-loader' ? change(container) : container,
      ),
    },
  }
}

function withApp(change: (app: Container) => Container): Pod {
  const [app, ...rest] = whole.spec.containers
  return { ...whole, spec: { ...whole.spec, containers: [change(app!), ...rest] } }
}

function withVolume(name: string, change: (volume: Volume) => Volume): Pod {
  return {
    ...whole,
    spec: {
      ...whole.spec,
      volumes: (whole.spec.volumes ?? []).map((volume) => (volume.name === name ? change(volume) : volume)),
    },
  }
}

function withEnv(loader: Container, name: string, value: string): Container {
  return { ...loader, env: (loader.env ?? []).map((variable) => (variable.name === name ? { name, value } : variable)) }
}

type Status = Record<string, unknown> & { models: Record<string, unknown>[]; digests?: Record<string, string> }

function withStatus(change: (status: Status) => unknown, pod = whole): Pod {
  const status = JSON.parse(pod.metadata?.annotations?.[`${prefix}status`] ?? '') as Status
  return withAnnotation(pod, 'status', JSON.stringify(change(status)))
}

const appMount = (change: (mount: Record<string, unknown>) => Record<string, unknown>): Pod =>
  withApp((app) => ({
    ...app,
    volumeMounts: (app.volumeMounts ?? []).map((mount) =>
      mount.name === 'model-data' ? (change(mount) as typeof mount) : mount,
    ),
  }))

const otherConfig = configOf('defaults: {timeout: 4h}')
const strict = configOf('policy: {rules: [{name: others, namespaces: [apps], sources: ["s3://other/*"]}]}')
const lenient = configOf('policy: {rules: [{name: llama, namespaces: [apps], sources: ["s3://models/*"]}]}')

interface Case {
  readonly pod: unknown
  readonly config?: Config
  readonly words: readonly Judgement[]
  /** Reason of the worst judgement. */
  readonly reason?: RegExp
  /** A field that must be among its evidence. */
  readonly field?: string
}

const cases: Readonly<Record<string, Case>> = {
  'an injected pod conforms': { pod: whole, words: ['conforming'] },
  'so does one to which the API server and others added what is theirs': {
    pod: withLoader((loader) => ({
      ...loader,
      terminationMessagePath: '/dev/termination-log',
      env: [...(loader.env ?? []), { name: 'DD_AGENT_HOST', value: 'x' }],
      volumeMounts: [
        ...(loader.volumeMounts ?? []),
        { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ],
    })),
    words: ['conforming'],
  },
  'so does one to which another webhook added a sidecar that we do not know': {
    pod: { ...whole, spec: { ...whole.spec, containers: [...whole.spec.containers, { name: 'agent-of-somebody' }] } },
    words: ['conforming'],
  },
  'a manifest that was not created yet is judged by what it would become': {
    pod: asked,
    words: ['conforming'],
    reason: /not created yet; it would be injected/,
  },
  'a pod that asks and got nothing is missing its model': {
    pod: created(asked),
    words: ['missing'],
    reason: /creation bypassed the webhook/,
    field: 'spec.initContainers[model-loader]',
  },
  'a mirror of a static pod cannot get one': {
    pod: created({
      ...asked,
      metadata: {
        ...asked.metadata,
        annotations: { ...asked.metadata?.annotations, 'kubernetes.io/config.mirror': 'x' },
      },
    }),
    words: ['missing'],
    reason: /static pod/,
  },
  'a status without parts is spoofed': {
    pod: withAnnotation(created(asked), 'status', whole.metadata?.annotations?.[`${prefix}status`]),
    words: ['missing', 'spoofed'],
    field: 'spec.volumes[model-data]',
  },
  'a label alone is spoofed': {
    pod: created({ metadata: { labels: { [`${prefix}injected`]: 'true' } }, spec: { containers: [{ name: 'app' }] } }),
    words: ['spoofed'],
    reason: /its label says/,
    field: `metadata.labels[${prefix}injected]`,
  },
  'a status alone is spoofed': {
    pod: created({ metadata: { annotations: { [`${prefix}status`]: '{}' } }, spec: { containers: [{ name: 'app' }] } }),
    words: ['spoofed'],
    reason: /its status says/,
  },
  'another source in the loader is tampered with': {
    pod: withLoader((loader) => withEnv(loader, 'MODEL_SOURCE', 's3://evil/llama/')),
    words: ['tampered'],
    field: 'spec.initContainers[model-loader].env[MODEL_SOURCE]',
  },
  'a variable of ours that is too many is, too': {
    pod: withLoader((loader) => ({
      ...loader,
      env: [...(loader.env ?? []), { name: 'MODEL_ENDPOINT', value: 'http://evil' }],
    })),
    words: ['tampered'],
    field: 'spec.initContainers[model-loader].env[MODEL_ENDPOINT]',
  },
  'so is another command of the loader': {
    pod: withLoader((loader) => ({ ...loader, command: ['/bin/true'] })),
    words: ['tampered'],
    field: 'spec.initContainers[model-loader].command',
  },
  'so is a loader that is gone': {
    pod: { ...whole, spec: { ...whole.spec, initContainers: [] } },
    words: ['tampered'],
    field: 'spec.initContainers[model-loader].args',
  },
  'so is a mount that became writable': {
    pod: appMount((mount) => without(mount, 'readOnly')),
    words: ['tampered'],
    field: 'spec.containers[app].volumeMounts[/models/model]',
  },
  'so is a mount that shows another directory': {
    pod: appMount((mount) => ({ ...mount, subPath: 'other' })),
    words: ['tampered'],
  },
  'so is a mount that is gone': { pod: withApp((app) => ({ ...app, volumeMounts: [] })), words: ['tampered'] },
  'so is a volume with something else in it': {
    pod: withVolume('model-data', ({ name }) => ({ name, hostPath: { path: '/evil' } })),
    words: ['tampered'],
    field: 'spec.volumes[model-data].hostPath.path',
  },
  'so is a variable of the app that says another path': {
    pod: withApp((app) => ({ ...app, env: [{ name: 'MODEL_PATH', value: '/evil' }] })),
    words: ['tampered'],
    field: 'spec.containers[app].env[MODEL_PATH]',
  },
  'so is a loader with an image of another digest': {
    pod: withLoader(
      (loader) => ({ ...loader, image: `evil@sha256:${'b'.repeat(64)}` }),
      injected(asked, configOf(`defaults: {image: "registry.example.com/injector@sha256:${digest}"}`)),
    ),
    config: configOf(`defaults: {image: "registry.example.com/injector@sha256:${digest}"}`),
    words: ['tampered'],
    field: 'spec.initContainers[model-loader].image',
  },
  'a loader whose image has lost its digest is outdated': {
    pod: withLoader(
      (loader) => ({ ...loader, image: 'registry.example.com/injector:9' }),
      injected(asked, configOf(`defaults: {image: "registry.example.com/injector@sha256:${digest}"}`)),
    ),
    config: configOf(`defaults: {image: "registry.example.com/injector@sha256:${digest}"}`),
    words: ['outdated'],
    field: 'spec.initContainers[model-loader].image',
  },
  'so is one without its label': {
    pod: withoutLabel(whole),
    words: ['tampered'],
    field: `metadata.labels[${prefix}injected]`,
  },
  'so is one without its status': {
    pod: withAnnotation(whole, 'status', undefined),
    words: ['tampered'],
    reason: /the status is gone/,
  },
  'so is one with a status that is none': {
    pod: withAnnotation(whole, 'status', '{'),
    words: ['tampered'],
    reason: /the status cannot be read/,
  },
  'so is one whose status was edited': {
    pod: withStatus((status) => ({ ...status, injector: '9.9.9' })),
    words: ['tampered'],
    reason: /the status is not the one that was written/,
  },
  'so is one whose digests are gone': {
    pod: withStatus((status) => without(status, 'digests')),
    words: ['tampered'],
    reason: /the digests were taken out/,
  },
  'so is one whose digests were made to fit': {
    pod: forged(),
    words: ['tampered'],
    reason: /no other configuration makes these/,
    field: 'spec.initContainers[model-loader].env[MODEL_EXPECT]',
  },
  'so is one in which somebody else can write to the model': {
    pod: {
      ...whole,
      spec: {
        ...whole.spec,
        containers: [
          ...whole.spec.containers,
          { name: 'evil', volumeMounts: [{ name: 'model-data', mountPath: '/x' }] },
        ],
      },
    },
    words: ['tampered'],
    reason: /something else can write/,
    field: 'spec.containers[evil].volumeMounts[/x]',
  },
  'so is one with a debugging container that can': {
    pod: {
      ...whole,
      spec: {
        ...whole.spec,
        ephemeralContainers: [{ name: 'debugger', volumeMounts: [{ name: 'model-data', mountPath: '/x' }] }],
      },
    },
    words: ['tampered'],
    field: 'spec.ephemeralContainers[debugger].volumeMounts[/x]',
  },
  'so is one in which something is mounted over the model': {
    pod: withApp((app) => ({
      ...app,
      volumeMounts: [...(app.volumeMounts ?? []), { name: 'evil', mountPath: '/models/model/weights', readOnly: true }],
    })),
    words: ['tampered', 'invalid'],
    field: 'spec.containers[app].volumeMounts[/models/model/weights]',
  },
  'another container that only reads the model is harmless': {
    pod: {
      ...whole,
      spec: {
        ...whole.spec,
        containers: [
          ...whole.spec.containers,
          { name: 'metrics', volumeMounts: [{ name: 'model-data', mountPath: '/x', readOnly: true }] },
        ],
      },
    },
    words: ['conforming'],
  },
  'another configuration makes it outdated': {
    pod: whole,
    config: otherConfig,
    words: ['outdated'],
    reason: /with another configuration/,
    field: 'spec.initContainers[model-loader].env[MODEL_TIMEOUT_SECONDS]',
  },
  'another image of the operator does, too': {
    pod: whole,
    config: configOf('defaults: {image: "model-injector:9"}'),
    words: ['outdated'],
    field: 'spec.initContainers[model-loader].image',
  },
  'a configuration that does not say which image the installation has does not': {
    pod: injected(asked, configOf(`defaults: {image: "registry.example.com/injector@sha256:${digest}"}`)),
    words: ['conforming'],
  },
  'a configuration that makes the same parts does not': { pod: whole, config: lenient, words: ['conforming'] },
  'nor does one to which another webhook added a sidecar, which the next pod will have no sooner': {
    pod: { ...whole, spec: { ...whole.spec, containers: [...whole.spec.containers, { name: 'agent-of-somebody' }] } },
    config: lenient,
    words: ['conforming'],
  },
  'but an annotation that now names another container does': {
    pod: withAnnotation(
      { ...whole, spec: { ...whole.spec, containers: [...whole.spec.containers, { name: 'second' }] } },
      'containers',
      'app,second',
    ),
    words: ['outdated'],
    field: 'spec.containers[second].volumeMounts[/models/model]',
  },
  'annotations that were changed afterwards make it outdated': {
    pod: withAnnotation(whole, 'timeout', '1h'),
    words: ['outdated'],
    reason: /annotations were changed/,
    field: 'spec.initContainers[model-loader].env[MODEL_TIMEOUT_SECONDS]',
  },
  'so does an opt-out that came too late': {
    pod: withAnnotation(whole, 'inject', 'false'),
    words: ['outdated'],
    reason: /left alone/,
  },
  'it can be outdated and tampered with': {
    pod: appMount((mount) => ({ ...mount, subPath: 'other' })),
    config: otherConfig,
    words: ['tampered', 'outdated'],
  },
  'a model that a rule of today does not allow is notAllowed': {
    pod: whole,
    config: strict,
    words: ['notAllowed'],
    reason: /rule "others" does not allow the source/,
    field: `metadata.annotations[${prefix}source]`,
  },
  'also where it was never injected': { pod: created(asked), config: strict, words: ['missing', 'notAllowed'] },
  'also in a manifest': { pod: asked, config: strict, words: ['notAllowed'] },
  'a pod that would be denied for another reason is invalid': {
    pod: podWith({ ...pinned, size: 'huge' }),
    words: ['invalid'],
    reason: /"huge"/,
    field: `metadata.annotations[${prefix}size]`,
  },
  'so is a pod that is malformed': {
    pod: { metadata: { annotations: { [`${prefix}source`]: 1 } }, spec: { containers: [{ name: 'app' }] } },
    words: ['invalid'],
    reason: /must be string/,
  },
  'a model without manifest or digest is unpinned': {
    pod: injected(podWith({ source: 's3://models/llama/', expect: 'objects=2' })),
    words: ['unpinned', 'conforming'],
    reason: /fixes the content of the model "model"/,
  },
  'it can be outdated and unpinned': {
    pod: injected(podWith({ source: 's3://models/llama/', expect: 'objects=2' })),
    config: otherConfig,
    words: ['outdated', 'unpinned'],
  },
  'a digest pins an image volume': {
    pod: podWith({ source: `oci://registry.example.com/llama@sha256:${digest}` }),
    config: configOf('cluster: {version: "1.36"}'),
    words: ['conforming'],
  },
  'another name of the image is a rewrite': {
    pod: withLoader((loader) => ({ ...loader, image: 'mirror.corp/model-injector:0.1.0' })),
    words: ['rewritten', 'conforming'],
    reason: /mirror\.corp/,
  },
}

/** A user who can write the parts can write digests that fit them. */
function forged(): Pod {
  const other = injected(podWith({ ...pinned, expect: 'objects=1' }))
  const statusOf = (pod: Pod): RealStatus =>
    JSON.parse(pod.metadata?.annotations?.[`${prefix}status`] ?? '') as RealStatus
  const pod = { ...other, metadata: { ...other.metadata, annotations: whole.metadata?.annotations ?? {} } }
  return sealStatus(pod, { ...statusOf(other), annotations: statusOf(whole).annotations }, prefix)
}

for (const [name, { pod, config, words, reason, field }] of Object.entries(cases)) {
  t.test(name, (t) => {
    const audited = judge(pod, config)
    const [worst] = audited.judgements
    t.strictSame(
      audited.judgements.map(({ judgement }) => judgement),
      words,
      JSON.stringify(audited.judgements),
    )
    if (reason !== undefined) t.match(worst.reason, reason)
    if (field !== undefined) {
      t.ok(
        worst.evidence.some((evidence) => evidence.field === field),
        JSON.stringify(worst.evidence),
      )
    }
    t.end()
  })
}
