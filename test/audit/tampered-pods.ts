/** Pods that were changed after or without the injection, with the judgement that an audit gives each. */
import type { Judgement } from '../../src/audit/judgement.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject } from '../../src/inject/inject.ts'
import type { Container, Pod, Volume } from '../../src/pod/pod.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import { podWith } from '../kit/webhook/pods.ts'

const prefix = 'models.example.io/'
export const pinnedAnnotations = {
  source: 's3://models/llama-1.2.3/',
  size: '1Gi',
  expect: `manifest=SHA256SUMS@sha256:${'a'.repeat(64)}`,
  'service-account': 'default',
  env: 'MODEL_PATH',
}

const asked = podWith(pinnedAnnotations)
const whole = injected(asked)

function injected(pod: Pod): Pod {
  const outcome = inject(pod, 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function withLoader(change: (loader: Container) => Container): Pod {
  return { ...whole, spec: { ...whole.spec, initContainers: (whole.spec.initContainers ?? []).map(change) } }
}

function withApp(change: (app: Container) => Container): Pod {
  return { ...whole, spec: { ...whole.spec, containers: whole.spec.containers.map(change) } }
}

function withVolumes(change: (volume: Volume) => Volume): Pod {
  return { ...whole, spec: { ...whole.spec, volumes: (whole.spec.volumes ?? []).map(change) } }
}

function annotated(pod: Pod, name: string, value: string): Pod {
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [prefix + name]: value } },
  }
}

const withEnv = (loader: Container, name: string, value: string): Container => ({
  ...loader,
  env: (loader.env ?? []).map((variable) => (variable.name === name ? { name, value } : variable)),
})

const { [`${prefix}status`]: statusText = '', ...ownAnnotations } = whole.metadata?.annotations ?? {}

export const changedPods: Readonly<Record<string, readonly [pod: Pod, words: readonly Judgement[]]>> = {
  untouched: [whole, ['conforming']],
  'another-source': [withLoader((loader) => withEnv(loader, 'MODEL_SOURCE', 's3://elsewhere/llama/')), ['tampered']],
  'another-manifest': [withLoader((loader) => withEnv(loader, 'MODEL_EXPECT', 'objects=1')), ['tampered']],
  'another-command': [withLoader((loader) => ({ ...loader, command: ['/bin/true'] })), ['tampered']],
  'another-image': [
    withLoader((loader) => ({ ...loader, image: 'mirror.example.com/model-injector:0.1.0' })),
    ['rewritten', 'conforming'],
  ],
  'without-loader': [{ ...whole, spec: { ...whole.spec, initContainers: [] } }, ['tampered']],
  'writable-mount': [
    withApp((app) => ({
      ...app,
      volumeMounts: (app.volumeMounts ?? []).map(({ name, mountPath, subPath = '' }) => ({ name, mountPath, subPath })),
    })),
    ['tampered'],
  ],
  'another-volume': [
    withVolumes((volume) =>
      volume.name === 'model-data' ? { name: volume.name, hostPath: { path: '/somewhere' } } : volume,
    ),
    ['tampered'],
  ],
  'second-writer': [
    {
      ...whole,
      spec: {
        ...whole.spec,
        containers: [
          ...whole.spec.containers,
          { name: 'writer', image: 'writer:1', volumeMounts: [{ name: 'model-data', mountPath: '/x' }] },
        ],
      },
    },
    ['tampered'],
  ],
  'without-status': [{ ...whole, metadata: { ...whole.metadata, annotations: ownAnnotations } }, ['tampered']],
  'edited-status': [
    annotated(whole, 'status', statusText.replace('"runAsUser":"auto"', '"runAsUser":"chosen"')),
    ['tampered'],
  ],
  'edited-annotations': [annotated(whole, 'timeout', '1h'), ['outdated']],
  'never-injected': [asked, ['missing']],
  'made-up-status': [annotated(asked, 'status', statusText), ['missing', 'spoofed']],
  'made-up-label': [
    {
      spec: { containers: [{ name: 'app', image: 'app:1' }] },
      metadata: { labels: { [`${prefix}injected`]: 'true' } },
    },
    ['spoofed'],
  ],
  unpinned: [
    injected(podWith({ source: 's3://models/llama-1.2.3/', size: '1Gi', expect: 'objects=2' })),
    ['unpinned', 'conforming'],
  ],
  'bad-annotation': [podWith({ ...pinnedAnnotations, size: 'huge' }), ['missing', 'invalid']],
  hostile: [
    annotated(
      injected(podWith({ ...pinnedAnnotations, source: 's3://models/=cmd("x")\u202e<script>alert(1)</script>/' })),
      'timeout',
      '1h',
    ),
    ['outdated'],
  ],
}

export function asObject(name: string, pod: Pod, namespace = 'apps'): ApiObject {
  return { ...pod, apiVersion: 'v1', kind: 'Pod', metadata: { ...pod.metadata, name, namespace } }
}
