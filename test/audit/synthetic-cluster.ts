/** An API server with any number of pods, which it makes while they are requested. */
import { inject } from '../../src/inject/inject.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { podWith } from '../kit/webhook/pods.ts'
import {
  startFakeAPIServer,
  type FakeAnswer,
  type FakeAPIServer,
  type FakeRequest,
} from '../unit/cluster/fake-api-server.ts'

const podsPerNamespace = 500
const digest = 'a'.repeat(64)

/** Every fourth is not as it should be; every tenth has nothing to do with models. */
export function syntheticPod(i: number): object {
  const namespace = `team-${String(Math.floor(i / podsPerNamespace)).padStart(4, '0')}`
  const base = i % 10 === 0 ? plain : i % 4 === 0 ? tampered : whole
  return {
    ...base,
    metadata: {
      ...base.metadata,
      namespace,
      name: `app-7d4b9c6f5-${String(i).padStart(6, '0')}`,
      uid: `uid-${i}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { ...base.metadata?.labels, 'pod-template-hash': '7d4b9c6f5' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'app-7d4b9c6f5', uid: 'r', controller: true },
      ],
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], message: 'x'.repeat(2000) },
  }
}

const plain: Pod = { spec: { containers: [{ name: 'app', image: 'app:1' }] } }
const whole = injected(
  podWith({ source: 's3://models/llama-1.2.3/', size: '1Gi', expect: `manifest=SHA256SUMS@sha256:${digest}` }),
)
const tampered: Pod = {
  ...whole,
  spec: { ...whole.spec, volumes: [{ name: 'model-data', hostPath: { path: '/evil' } }] },
}

function injected(pod: Pod): Pod {
  const outcome = inject(pod, 'team', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error('not injected')
  return outcome.pod
}

export async function startSyntheticCluster(count: number): Promise<FakeAPIServer> {
  return startFakeAPIServer((request) => answer(request, count))
}

function answer({ path, query }: FakeRequest, count: number): FakeAnswer {
  if (path !== '/api/v1/pods') return { status: 404, body: { kind: 'Status', code: 404, message: 'not found' } }
  const start = Number(query.get('continue') ?? 0)
  const end = Math.min(count, start + Number(query.get('limit')))
  const items = Array.from({ length: end - start }, (_, i) => syntheticPod(start + i))
  return { body: { kind: 'PodList', apiVersion: 'v1', metadata: end < count ? { continue: String(end) } : {}, items } }
}
