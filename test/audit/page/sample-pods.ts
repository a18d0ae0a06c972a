/** Audited pods as a cluster has them, without a cluster: every judgement, several models, several versions of each. */
import {
  judgementNames,
  type AuditedModel,
  type AuditedPod,
  type Evidence,
  type Judged,
  type Judgement,
} from '../../../src/audit/judgement.ts'

const families = [
  's3://models/llama-3-8b-instruct/',
  's3://models/mistral-7b/',
  's3://models/embeddings/bge-large-en/',
  'oci://registry.example.com/models/whisper-large',
]
const namespaces = ['chat', 'search', 'speech', 'research', 'batch-scoring', 'edge', 'staging', 'default']
const versions = ['1.2.0', '1.9.1', '1.10.0', '2.0.0-rc.1']
const deliveries = ['download', 'mountpoint', 'claim', 'image']

export const aboutSample = {
  place: 'cluster https://10.0.0.1:6443',
  scope: 'all namespaces',
  config: 'ConfigMap model-injector/model-injector',
  configHash: '5f0c1a2b3c4d5e6f',
}

export async function* streamOf(pods: Iterable<AuditedPod>): AsyncGenerator<AuditedPod> {
  for (const pod of pods) {
    await Promise.resolve()
    yield pod
  }
}

/** Two of three conform; the others have each judgement in turn. */
export function makePods(count: number): AuditedPod[] {
  return Array.from({ length: count }, (_, index) => makePod(index))
}

export function makePod(index: number, change: Partial<AuditedPod> = {}): AuditedPod {
  const judgement = index % 3 === 0 ? pick(judgementNames, index / 3) : 'conforming'
  const name = `${pick(['chat-api', 'ranker', 'transcriber', 'notebook'], index)}-${Math.floor(index / 32)}`
  return {
    namespace: pick(namespaces, index),
    name: `${name}-7d4b9c6f5-${(index * 7919).toString(36).padStart(5, 'x')}`,
    owner: { kind: index % 7 === 0 ? 'StatefulSet' : 'Deployment', name },
    createdAt: new Date(Date.UTC(2026, 10, 1) + index * 61_000).toISOString(),
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    phase: 'Running',
    serviceAccount: index % 5 === 0 ? 'default' : `${pick(namespaces, index)}-models`,
    injector: '0.1.0',
    models: index % 11 === 0 ? [makeModel(index), makeModel(index + 1, 'reranker')] : [makeModel(index)],
    rules: ['team-models'],
    judgements:
      judgement === 'conforming' && index % 4 === 1 ? [judged('unpinned'), judged(judgement)] : [judged(judgement)],
    ...(judgement === 'conforming' || judgement === 'missing' ? {} : { diff: sampleDiff }),
    ...change,
  }
}

export function makeModel(index: number, name = 'model'): AuditedModel {
  const [family, version] = [pick(families, index), pick(versions, Math.floor(index / 4))]
  return {
    name,
    family,
    version,
    source: `${family}${version}/`,
    delivery: pick(deliveries, index),
    image:
      'registry.example.com/model-injector@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9',
    containers: ['app'],
    mountPath: `/models/${name}`,
  }
}

export function judged(judgement: Judgement): Judged {
  return { judgement, reason: reasons[judgement], evidence: judgement === 'tampered' ? [sampleDiff[0]!] : [] }
}

const reasons: Readonly<Record<Judgement, string>> = {
  conforming: "everything is as today's configuration makes it",
  missing: 'the annotation models.example.io/source asks for a model, and no part of it is there',
  spoofed: 'the annotation models.example.io/status names an init container model-loader that is not there',
  tampered: 'spec.initContainers[model-loader].env[MODEL_SOURCE] is not what was added',
  notAllowed: 'no rule of the policy allows s3://models/llama-3-8b-instruct/1.2.0/ in namespace chat',
  invalid: 'models.example.io/size: "12 GB" is no quantity',
  outdated: 'the loader image is an older one, and the memory limit is 256Mi instead of 384Mi',
  exposed: 'the storage of a model is mounted for writing (spec.containers[app].volumeMounts[/cache])',
  unpinned: 'models.example.io/expect names no manifest',
  rewritten:
    'the image is mirror.example.com/model-injector@sha256:0a1b2c3d instead of registry.example.com/model-injector@sha256:0a1b2c3d',
}

export const sampleDiff: readonly Evidence[] = [
  {
    field: 'spec.initContainers[model-loader].env[MODEL_SOURCE]',
    expected: 's3://models/llama-3-8b-instruct/1.2.0/',
    found: 's3://models/llama-3-8b-instruct/0.9.0/',
  },
  {
    field: 'spec.initContainers[model-loader].command',
    expected: '["/usr/local/bin/node","/app/dist/main.js","load"]',
    found: '["/usr/local/bin/node","/app/dist/main.js","load"]',
  },
  { field: 'spec.initContainers[model-loader].resources.limits.memory', expected: '384Mi', found: '256Mi' },
  { field: 'spec.volumes[model-data].emptyDir.sizeLimit', expected: '17Gi' },
  { field: 'spec.containers[app].volumeMounts[/models/model].readOnly', expected: 'true', found: 'false' },
  { field: 'spec.containers[app].volumeMounts[/models/extra]', found: 'model-data' },
  { field: 'metadata.labels[models.example.io/injected]', expected: 'true', found: 'true' },
]

function pick<Item>(items: readonly Item[], index: number): Item {
  return items[Math.floor(index) % items.length]!
}
