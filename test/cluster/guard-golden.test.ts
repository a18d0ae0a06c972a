/**
 * The golden corpus through the guard: what the core injects the guard admits, what the core leaves alone the guard leaves
 * alone, and what the core would inject or deny is refused where no webhook saw it. So guard and core agree.
 */
import t from 'tap'
import type { Pod, Volume } from '../../src/pod/pod.ts'
import type { ApiResponse } from '../../src/cluster/transport.ts'
import { apiClient } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import {
  podOfManifest,
  readCases,
  readExpectation,
  readInjected,
  type GoldenCase,
  type GoldenManifest,
} from '../kit/webhook/golden-corpus.ts'
import { guardMessage, installGuard, type PodObject } from '../kit/cluster/policies.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

/** Has every field that there is, of which some rule each other out. */
const creatableNowhere = ['a-pod-with-every-field-set-keeps-them-all']

t.test('the golden corpus on a real API server with the guard', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const kata = {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'kata-qemu' },
    handler: 'kata-qemu',
  }
  await api.create(kata)
  const serviceAccounts = new Set(['default'])
  const counts = { admitted: 0, skipped: 0, refused: 0 }

  async function tryManifest(manifest: GoldenManifest): Promise<ApiResponse> {
    const pod = creatable(manifest)
    const name = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
    if (!serviceAccounts.has(name)) {
      await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } })
    }
    serviceAccounts.add(name)
    return api.tryCreate(pod, { dryRun: true })
  }

  for (const [config, cases] of Map.groupBy(readCases(), readByTheGuard)) {
    await installGuard(api, { config: JSON.parse(config) as object })

    for (const golden of cases.filter(({ name }) => !creatableNowhere.includes(name))) {
      await t.test(golden.name, async (t) => {
        const expected = readExpectation(golden)
        const injected = readInjected(golden)
        if (injected !== undefined) {
          t.equal(guardMessage(await tryManifest(injected)), undefined, 'injected, it is admitted')
          counts.admitted++
        }
        if ('skipped.txt' in expected) {
          t.equal(guardMessage(await tryManifest(golden.manifest)), undefined, 'it is left alone')
          counts.skipped++
        } else if (!carriesParts(golden)) {
          t.ok((await tryManifest(golden.manifest)).status >= 400, 'as it was written, it is refused')
          counts.refused++
        }
      })
    }
  }

  t.comment(JSON.stringify(counts))
  t.ok(
    counts.admitted > 80 && counts.skipped > 10 && counts.refused > 120,
    `the corpus was looked at: ${JSON.stringify(counts)}`,
  )
})

/** The fields of the operator's configuration that the guard reads, as text. */
function readByTheGuard({
  config: {
    annotationPrefix,
    defaults: { delivery, volume, credentials },
    loader: { env, proxy },
    ownership: { allowedEnv },
  },
}: GoldenCase): string {
  return JSON.stringify({
    annotationPrefix,
    defaults: { delivery, volume, credentials },
    loader: { env, proxy },
    ownership: { allowedEnv },
  })
}

/** Parts of an earlier pass: by their names they may be all that the guard asks for. */
function carriesParts({ manifest, config }: GoldenCase): boolean {
  return (podOfManifest(manifest) as Pod).metadata?.labels?.[`${config.annotationPrefix}injected`] === 'true'
}

/** The pod as its controller would create it. */
function creatable(manifest: GoldenManifest): PodObject {
  const pod = podOfManifest(manifest) as Pod
  const mirror = pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined
  return {
    ...pod,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...pod.metadata, name: 'golden', namespace: 'default' },
    spec: {
      ...pod.spec,
      volumes: [...(pod.spec.volumes ?? []), ...claimsOf(manifest)],
      ...(mirror && { nodeName: 'node' }),
    },
  }
}

/** A StatefulSet's claims become volumes of its pods. */
function claimsOf({ spec }: GoldenManifest): Volume[] {
  const { volumeClaimTemplates = [] } = spec as { volumeClaimTemplates?: { metadata: { name: string } }[] }
  return volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-0` },
  }))
}
