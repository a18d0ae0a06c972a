import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  VersionApi,
  loadYaml,
  type V1Deployment,
  type V1Pod,
} from '@kubernetes/client-node'
import t from 'tap'
import { controlPlaneBinaries } from '../kit/tools/control-plane-binaries.ts'
import { startControlPlane, type ControlPlane } from '../kit/cluster/control-plane.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

// The first run on a machine builds the binaries from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

t.test('a control plane started by a test', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())

  await t.test('its API server tells the version of the pinned Kubernetes', async (t) => {
    const version = await controlPlane.kubeConfig.makeApiClient(VersionApi).getCode()
    t.equal(version.gitVersion, await expectedVersion())
  })

  await t.test('a Deployment gets its ReplicaSet and its pods, which stay Pending without a scheduler', async (t) => {
    const apps = controlPlane.kubeConfig.makeApiClient(AppsV1Api)
    await apps.createNamespacedDeployment({ namespace: 'default', body: deploymentOfTwo('trainer') })

    const pods = await waitFor('two pods', () => podsOf(controlPlane, 'trainer', 2))

    const replicaSets = await apps.listNamespacedReplicaSet({ namespace: 'default', labelSelector: 'app=trainer' })
    t.equal(replicaSets.items.length, 1)
    t.strictSame(pods.map(ownerOf), [replicaSets.items[0]?.metadata?.name, replicaSets.items[0]?.metadata?.name])
    t.strictSame(
      pods.map((pod) => pod.status?.phase),
      ['Pending', 'Pending'],
    )
  })

  await t.test('its kubeconfig file works without any other file', async (t) => {
    const kubeConfig = new KubeConfig()
    kubeConfig.loadFromFile(controlPlane.kubeConfigFile)
    const namespaces = await kubeConfig.makeApiClient(CoreV1Api).listNamespace()
    t.ok(namespaces.items.some(({ metadata }) => metadata?.name === 'default'))
  })

  await t.test('stop leaves no process and no directory', async (t) => {
    const before = await commandsNaming(controlPlane.directory)
    for (const binary of Object.values(await controlPlaneBinaries()) as string[]) {
      t.ok(
        before.some((command) => command.startsWith(`${binary} `)),
        `${binary} runs before`,
      )
    }
    await controlPlane.stop()
    t.strictSame(await commandsNaming(controlPlane.directory), [])
    await t.rejects(access(controlPlane.directory), { code: 'ENOENT' })
  })
})

async function expectedVersion(): Promise<string> {
  if (!process.env.KUBEBUILDER_ASSETS) return 'v1.36.3'
  const { kubeApiserver } = await controlPlaneBinaries()
  const { stdout } = await promisify(execFile)(kubeApiserver, ['--version'])
  return stdout.trim().replace('Kubernetes ', '')
}

function deploymentOfTwo(name: string): V1Deployment {
  return loadYaml<V1Deployment>(`
    metadata: { name: ${name} }
    spec:
      replicas: 2
      selector: { matchLabels: { app: ${name} } }
      template:
        metadata: { labels: { app: ${name} } }
        spec: { containers: [{ name: main, image: 'trainer:1' }] }
  `)
}

async function podsOf(controlPlane: ControlPlane, app: string, count: number): Promise<V1Pod[] | undefined> {
  const { items } = await controlPlane.kubeConfig
    .makeApiClient(CoreV1Api)
    .listNamespacedPod({ namespace: 'default', labelSelector: `app=${app}` })
  return items.length === count ? items : undefined
}

function ownerOf(pod: V1Pod): string | undefined {
  return pod.metadata?.ownerReferences?.[0]?.name
}

async function commandsNaming(directory: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'args='])
  return stdout.split('\n').filter((command) => command.includes(directory))
}
