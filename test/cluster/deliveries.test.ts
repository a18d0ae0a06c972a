/** The deliveries that download nothing, on a real node: the app's container reads the model, or it never starts. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Explanation } from '../../src/check/why/explain.ts'
import { nodeLabelFor } from '../../src/deliveries/node/inject.ts'
import { runCLI } from '../integration/cli/run-cli.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import { installChart } from '../kit/cluster/cluster-chart.ts'
import { clusterTest } from '../kit/cluster/cluster-namespaces.ts'
import { appPod, getPod, whenEnded } from '../kit/cluster/cluster-pods.ts'
import { prepareCluster, startCluster, type TestCluster } from '../kit/cluster/cluster.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const namespace = 'team-a'
const script = 'exec 2>&1; cat $MODEL_DIR/config.json; touch $MODEL_DIR/config.json'
const readOnly = 'touch: /models/model/config.json: Read-only file system'
// Image volumes need a version that is known, directories of nodes a rule.
const config = {
  cluster: { version: '1.36' },
  policy: {
    rules: [
      {
        name: 'team-a',
        namespaces: [namespace],
        sources: ['pvc://*', 'node:///run/baked/*', 'oci://registry.example.com/*'],
      },
    ],
  },
}

await clusterTest(t, import.meta.filename, { prepare: prepareCluster, tests })

async function tests(t: Test): Promise<void> {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const { api } = cluster
  const installed = await installChart(cluster, { config })
  t.ok(installed.ok, installed.stderr)
  await api.createNamespace(namespace)

  await t.test('a claim: the app reads the directory of its model', async (t) => {
    await writeModel('/run/shared/llama/1.2.3', 'of the claim')
    await makeClaim(cluster, 'shared', '/run/shared')
    await readsModel(t, cluster, 'claim', 'pvc://shared/llama/1.2.3')
    t.match((await why(cluster, 'claim')).state, {
      what: 'its app fails: an error (exit 1)',
      findings: [
        { id: 'pod-loader', severity: 'ok', what: /^model-loader: checked in \d+ s$/ },
        { id: 'pod-app', severity: 'error' },
      ],
    })
  })

  await t.test('a claim whose directory is not there: the app never starts', async (t) => {
    const { status } = await runPod(cluster, 'claim-missing', 'pvc://shared/llama/9.9.9')
    t.match(status.initContainerStatuses?.[0]?.state.terminated, {
      exitCode: 12,
      message: /pvc:\/\/shared\/llama\/9\.9\.9 is not there/,
    })
    t.match(status.containerStatuses?.[0]?.state, { waiting: { reason: 'PodInitializing' } })
    t.match(await why(cluster, 'claim-missing'), {
      verdict: 'injected',
      state: {
        health: 'wrong',
        what: 'its loader fails: nothing is there (exit 12)',
        findings: [
          { id: 'pod-loader', what: /^model-loader: ended with nothing is there .*is not there/, remedy: /./ },
        ],
      },
    })
  })

  await t.test('a directory of the node: the pod waits for a node that says it has it', async (t) => {
    const path = '/run/baked/llama'
    await writeModel(path, 'of the node')
    await createPod(cluster, 'node', `node://${path}`)
    await waitFor('the scheduler to find no node', async () => {
      const { status } = await getPod(api, namespace, 'node')
      return status.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False')
    })
    t.match((await why(cluster, 'node')).state?.what, 'no node can take it: no node has the labels')
    await cluster.kubectl(['label', 'node', cluster.node.name, `${nodeLabelFor(path, 'models.example.io/')}=present`])
    await whenEnded(api, namespace, 'node')
    t.strictSame(await log(cluster, 'node'), ['{"model": "of the node"}', readOnly])
  })

  await t.test('an image: the app reads what is in it, below the path that is asked for', async (t) => {
    const directory = '/run/artifact'
    await writeModel(join(directory, 'llama', '1.2.3'), 'of the image')
    const repository = 'registry.example.com/models/llama'
    const digest = await cluster.node.importImage({
      name: `${repository}:1.2.3`,
      layers: [{ directory, paths: ['llama'] }],
      config: {},
    })
    await readsModel(t, cluster, 'image', `oci://${repository}@${digest}#llama/1.2.3`)
  })

  t.strictSame(cluster.imds.calls, [])
}

async function readsModel(t: Test, cluster: TestCluster, name: string, source: string): Promise<void> {
  const { status } = await runPod(cluster, name, source)
  t.equal(status.phase, 'Failed', 'the app cannot write')
  t.strictSame(await log(cluster, name), [`{"model": "of the ${name}"}`, readOnly])
}

async function runPod(cluster: TestCluster, name: string, source: string): ReturnType<typeof whenEnded> {
  await createPod(cluster, name, source)
  return await whenEnded(cluster.api, namespace, name)
}

async function why({ controlPlane }: TestCluster, pod: string): Promise<Explanation> {
  const where = ['-n', namespace, '-o', 'json', '--kubeconfig', controlPlane.kubeConfigFile]
  const { stdout, stderr } = await runCLI(['why', pod, ...where])
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as [Explanation])[0]
}

async function createPod({ api, images }: TestCluster, name: string, source: string): Promise<void> {
  const annotations = { 'models.example.io/source': source, 'models.example.io/env': 'MODEL_DIR' }
  await api.create(appPod({ namespace, name, image: images.app, script, annotations }))
}

async function log(cluster: TestCluster, pod: string): Promise<string[]> {
  return (await cluster.kubectl(['logs', '-n', namespace, pod, '-c', 'app'])).trimEnd().split('\n')
}

async function writeModel(directory: string, content: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'config.json'), `{"model": "${content}"}\n`)
}

/** Bound by hand to a directory of the node, as a shared file system would be mounted there. */
async function makeClaim(cluster: TestCluster, name: string, path: string): Promise<void> {
  const common = { accessModes: ['ReadOnlyMany'], storageClassName: '' }
  const volume: ApiObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      ...common,
      capacity: { storage: '1Gi' },
      hostPath: { path, type: 'Directory' },
      claimRef: { namespace, name },
    },
  }
  const claim: ApiObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { ...common, volumeName: name, resources: { requests: { storage: '1Gi' } } },
  }
  for (const object of [volume, claim]) await cluster.kubectl(['create', '-f', '-'], JSON.stringify(object))
}
