/** Rendered Kubernetes objects are accepted by a real API server, with Karpenter's own definitions. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CustomObjectsApi, KubernetesObjectApi, PatchStrategy, type KubernetesObject } from '@kubernetes/client-node'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject } from '../../src/inject/inject.ts'
import { apiClient, type ApiClient, type ApiObject as TestObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { renderedVariants } from './renderings.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

/** Without Trident's: no definition of them is published. test/render/trident.test.ts judges them. */
function objectsIn(text: string | undefined): KubernetesObject[] {
  const objects = parseAllDocuments(text ?? '').map((document) => document.toJS() as KubernetesObject)
  return objects.filter(({ apiVersion }) => apiVersion?.startsWith('trident.netapp.io/') === false)
}

t.test('on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const objects = KubernetesObjectApi.makeApiClient(controlPlane.kubeConfig)
  const apply = async (object: KubernetesObject, dryRun?: 'All'): Promise<KubernetesObject> =>
    objects.patch(object, undefined, dryRun, 'render', true, PatchStrategy.ServerSideApply)
  await installDefinitions(api, controlPlane.kubeConfig.makeApiClient(CustomObjectsApi))
  for (const namespace of ['apps', 'ml']) await api.createNamespace(namespace)

  await t.test(
    'every object of every variant is accepted by a server-side apply, and a second time without a change',
    async (t) => {
      const objects = (await renderedVariants()).flatMap(({ name, files }) =>
        objectsIn(files['kubernetes.yaml']).map((object) => ({ name, object })),
      )
      t.ok(objects.length > 30, String(objects.length))
      for (const { name, object } of objects) {
        const title = `${name}: ${String(object.kind)} ${String(object.metadata?.name)}`
        const first = await apply(object).catch((error: unknown) => {
          t.fail(title, { error })
        })
        const second = first === undefined ? undefined : await apply(object)
        // Controllers bind claims and start Jobs meanwhile, but what was asked for stays as it is.
        t.equal(second?.metadata?.generation, first?.metadata?.generation, title)
      }
    },
  )

  await t.test('the server would notice a field that does not exist, and a rule that Karpenter has', async (t) => {
    const files = (await renderedVariants()).find(({ name }) => name === 'ami with files')?.files ?? {}
    const text = files['kubernetes.yaml'] ?? ''
    for (const [from, to] of [
      ['consolidateAfter:', 'consolidateLater:'],
      ['consolidateAfter: 5m', 'consolidateAfter: soon'],
      ['volumeType: gp3', 'volumeType: gp9'],
    ] as const) {
      t.ok(text.includes(from), from)
      const results = await Promise.all(
        objectsIn(text.replace(from, to)).map((object) =>
          apply(object, 'All').then(
            () => 'accepted',
            () => 'refused',
          ),
        ),
      )
      t.ok(results.includes('refused'), to)
    }
  })

  await t.test('the pods of publisher and pruner are accepted by the restricted Pod Security Standard', async (t) => {
    const files = (await renderedVariants()).find(({ name }) => name === 'fsx, all of it')?.files ?? {}
    const jobs = objectsIn(files['kubernetes.yaml']).filter(({ kind }) => kind === 'Job' || kind === 'CronJob')
    t.equal(jobs.length, 3)
    await waitFor(
      'the default ServiceAccount of model-store',
      async () =>
        (await api.request('GET', '/api/v1/namespaces/model-store/serviceaccounts/default')).status === 200 ||
        undefined,
    )
    for (const job of jobs) {
      const { status, body } = await api.tryCreate(
        { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'model-store' }, spec: podSpecOf(job) },
        { dryRun: true },
      )
      t.equal(status, 201, JSON.stringify(body))
    }
    const [job] = jobs
    const spec = { ...(podSpecOf(job!) as Record<string, unknown>), securityContext: {} }
    t.equal(
      (
        await api.tryCreate(
          { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'model-store' }, spec },
          { dryRun: true },
        )
      ).status,
      403,
      'the standard is enforced',
    )
  })

  await t.test('a claim of Mountpoint is bound to its volume, and to no other', async (t) => {
    for (const namespace of ['apps', 'ml']) {
      const claim = await waitFor(`the claim of ${namespace}`, async () => {
        const { body } = await api.request('GET', `/api/v1/namespaces/${namespace}/persistentvolumeclaims`)
        return (
          body as {
            items: { metadata: { name: string }; spec: { volumeName?: string }; status?: { phase?: string } }[]
          }
        ).items.find(({ metadata, status }) => metadata.name.startsWith('mp-') && status?.phase === 'Bound')
      })
      t.equal(claim.spec.volumeName, `${claim.metadata.name}.${namespace}`)
    }
  })
})

function podSpecOf({ kind, spec }: KubernetesObject & { spec?: unknown }): unknown {
  interface JobSpec {
    template: { spec: unknown }
  }
  return kind === 'Job'
    ? (spec as JobSpec).template.spec
    : (spec as { jobTemplate: { spec: JobSpec } }).jobTemplate.spec.template.spec
}

async function installDefinitions(api: ApiClient, custom: CustomObjectsApi): Promise<void> {
  for (const file of globSync(join(import.meta.dirname, 'crds', '*.yaml'))) {
    await api.create(parse(readFileSync(file, 'utf8')) as TestObject)
  }
  await waitFor("Karpenter's resources", async () => {
    await custom.listClusterCustomObject({ group: 'karpenter.sh', version: 'v1', plural: 'nodepools' })
    await custom.listClusterCustomObject({ group: 'karpenter.k8s.aws', version: 'v1', plural: 'ec2nodeclasses' })
    return true
  })
}

t.test('a pod with node:// is scheduled to the nodes that the NodePool makes, and tolerates their taint', async (t) => {
  const files = (await renderedVariants()).find(({ name }) => name === 'ami with files')?.files ?? {}
  const pool = objectsIn(files['kubernetes.yaml']).find(({ kind }) => kind === 'NodePool') as unknown as {
    spec: {
      template: {
        metadata: { labels: Record<string, string> }
        spec: { taints: { key: string; effect: string; value?: string }[] }
      }
    }
  }
  const config = { ...defaultConfig, policy: { rules: [{ name: 'all', namespaces: ['*'], sources: ['node://*'] }] } }
  const outcome = inject(
    {
      metadata: { name: 'x', annotations: { 'models.example.io/source': 'node:///opt/models/llama 1.2.3' } },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    },
    'apps',
    config,
  )
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  const { affinity, tolerations } = outcome.pod.spec as unknown as {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: { matchExpressions: { key: string; operator: string; values?: string[] }[] }[]
        }
      }
    }
    tolerations: { key: string; operator?: string; effect: string }[]
  }
  const { labels } = pool.spec.template.metadata
  for (const { matchExpressions } of affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
    .nodeSelectorTerms) {
    for (const { key, operator, values } of matchExpressions) {
      t.equal(operator, 'In')
      t.ok(values?.includes(labels[key] ?? ''), key)
    }
  }
  for (const taint of pool.spec.template.spec.taints) {
    t.ok(
      tolerations.some(
        ({ key, operator, effect }) => key === taint.key && operator === 'Exists' && effect === taint.effect,
      ),
      taint.key,
    )
  }
})
