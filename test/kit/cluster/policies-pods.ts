/** Pods as the injection makes them, by every delivery, and the same with one of our parts taken away. */
import { parseConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { isOurLoader } from '../../../src/inject/ownership/own-loaders.ts'
import { dataVolumeName, loaderContainerName } from '../../../src/pod/injected-names.ts'
import { type Container, type Pod, initContainersOf, volumesOf } from '../../../src/pod/pod.ts'
import { podObject, type PodObject } from './policies.ts'

export interface DeliveryCase {
  readonly name: string
  /** Without the prefix. */
  readonly annotations: Readonly<Record<string, string>>
  /** Names of ours that the pod has to carry. */
  readonly loaders: readonly string[]
  readonly volumes: readonly string[]
}

const digest = 'sha256:' + '0123456789abcdef'.repeat(4)
const loader = loaderContainerName(undefined)
const volume = dataVolumeName(undefined)

export const deliveryCases: readonly DeliveryCase[] = [
  { name: 'a download', annotations: { source: 's3://models/llama/' }, loaders: [loader], volumes: [volume] },
  {
    name: 'a download of one object',
    annotations: { source: 's3://models/llama.gguf' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a download that says what it is',
    annotations: { source: 's3://models/llama/', delivery: 'download' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a download into memory',
    annotations: { source: 's3://models/llama/', volume: 'memory', size: '1Gi' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a download onto a new claim',
    annotations: { source: 's3://models/llama/', volume: 'ephemeral/gp3', size: '1Gi' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a download onto a volume of the pod',
    annotations: { source: 's3://models/llama/', volume: 'existing/cache' },
    loaders: [loader],
    volumes: [],
  },
  {
    name: 'a mountpoint',
    annotations: { source: 's3://models/llama/', delivery: 'mountpoint', claim: 'llama' },
    loaders: [],
    volumes: [volume],
  },
  { name: 'a claim', annotations: { source: 'pvc://models' }, loaders: [], volumes: [volume] },
  { name: 'a claim with a slash after it', annotations: { source: 'pvc://models/' }, loaders: [], volumes: [volume] },
  {
    name: 'a directory of a claim',
    annotations: { source: 'pvc://models/llama' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a claim with an expectation',
    annotations: { source: 'pvc://models', expect: 'objects=3' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'a directory of the node',
    annotations: { source: 'node:///opt/models/llama' },
    loaders: [],
    volumes: [volume],
  },
  {
    name: 'a directory of the node with an expectation',
    annotations: { source: 'node:///opt/models/llama', expect: 'objects=3' },
    loaders: [loader],
    volumes: [volume],
  },
  {
    name: 'an image',
    annotations: { source: `oci://registry.example.com/llama@${digest}` },
    loaders: [],
    volumes: [volume],
  },
  {
    name: 'three models by three ways',
    annotations: {
      source: 's3://models/llama/',
      'source.tok-2': 'pvc://models/tokenizer',
      'source.lora': `oci://registry.example.com/lora@${digest}`,
    },
    loaders: [loader, 'model-loader-tok-2'],
    volumes: [volume, 'model-data-lora', 'model-data-tok-2'],
  },
  {
    name: 'a suffixed model alone',
    annotations: { 'source.llama': 's3://models/llama/' },
    loaders: ['model-loader-llama'],
    volumes: ['model-data-llama'],
  },
]

/** Settings of the operator's configuration that `node://` and `oci://` need. */
const allowing = {
  policy: { rules: [{ name: 'all', namespaces: ['*'], sources: ['*', 'node://*'] }] },
  cluster: { version: '1.36' },
}

export function bare({ annotations }: Pick<DeliveryCase, 'annotations'>, prefix = 'models.example.io/'): PodObject {
  const pod = podObject(Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value])))
  return { ...pod, spec: { ...pod.spec, volumes: [{ name: 'cache', emptyDir: {} }] } }
}

/** The core's result for the pod, with further settings of the operator. */
export function injectedPod(pod: PodObject, settings: object = {}): PodObject {
  const config = parseConfig(JSON.stringify({ ...allowing, ...settings }))
  if (!config.ok) throw new Error(config.problems.join('\n'))
  const outcome = inject(pod, 'default', config.config)
  if (outcome.outcome !== 'injected') throw new Error(`not injected: ${JSON.stringify(outcome)}`)
  return outcome.pod as PodObject
}

export interface Mutilation {
  readonly pod: PodObject
  /** The first message of the guard. */
  readonly finding: RegExp
}

/** The pod once without each part of ours. The API server itself refuses mounts without their volume, so those go together. */
export function withoutEachPart(
  pod: PodObject,
  { loaders, volumes }: DeliveryCase,
  prefix = 'models.example.io/',
): readonly Mutilation[] {
  const { [`${prefix}injected`]: taken, ...labels } = pod.metadata.labels ?? {}
  return [
    ...loaders.map((name) => ({
      pod: withoutLoader(pod, name),
      finding: new RegExp(`^spec\\.initContainers: no ${name}, so`),
    })),
    ...volumes.map((name) => ({
      pod: withoutVolume(pod, name),
      finding: new RegExp(`^spec\\.volumes: no ${name}, so`),
    })),
    ...volumes.map((name) => ({
      pod: withoutMounts(pod, name, (container) => !isOurLoader(container)),
      finding: new RegExp(`^spec\\.containers: none mounts ${name}, so`),
    })),
    ...(taken === undefined
      ? []
      : [
          {
            pod: { ...pod, metadata: { ...pod.metadata, labels } },
            finding: new RegExp(`^metadata\\.labels: no ${prefix}injected: "true"`),
          },
        ]),
  ]
}

function withoutLoader<P extends Pod>(pod: P, name: string): P {
  return {
    ...pod,
    spec: { ...pod.spec, initContainers: initContainersOf(pod).filter((container) => container.name !== name) },
  }
}

function withoutVolume<P extends Pod>(pod: P, name: string): P {
  const unmounted = withoutMounts(pod, name, () => true)
  return {
    ...unmounted,
    spec: { ...unmounted.spec, volumes: volumesOf(pod).filter((candidate) => candidate.name !== name) },
  }
}

function withoutMounts<P extends Pod>(pod: P, name: string, concerns: (container: Container) => boolean): P {
  const unmount = (container: Container): Container =>
    concerns(container)
      ? { ...container, volumeMounts: (container.volumeMounts ?? []).filter((mount) => mount.name !== name) }
      : container
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map(unmount),
      initContainers: initContainersOf(pod).map(unmount),
    },
  }
}
