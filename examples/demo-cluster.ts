/**
 * The product in a cluster, from `helm install` to the app that reads its model: a real API server, cert-manager, containerd
 * and kubelet on this machine, in namespaces of their own that nothing outlives, with an S3 server and the EKS Pod Identity
 * agent at its real address. Needs root, and no cluster, registry or account.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { parse, stringify } from 'yaml'
import type { ApiObject } from '../test/kit/cluster/api-client.ts'
import { installChart, RELEASE, WEBHOOK_NAMESPACE } from '../test/kit/cluster/cluster-chart.ts'
import { clusterObstacle, isInsideCluster, runInNamespaces } from '../test/kit/cluster/cluster-namespaces.ts'
import { isReady, podsOf, whenEnded } from '../test/kit/cluster/cluster-pods.ts'
import { prepareCluster, startCluster, type TestCluster } from '../test/kit/cluster/cluster.ts'
import { shellImage } from '../test/kit/cluster/image-contents.ts'
import { waitFor } from '../test/kit/tools/wait-for.ts'

interface Deployment extends ApiObject {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Record<string, string> }
      readonly spec: { readonly containers: [{ image: string; resources?: object }] }
    }
  }
}

const startedAt = performance.now()
const deployment = parse(readFileSync(join(import.meta.dirname, 'deployment.yaml'), 'utf8')) as Deployment
const { name: app, namespace } = deployment.metadata
const model = {
  'config.json': '{"architectures": ["DemoForCausalLM"]}\n',
  'tokenizer.json': '{"version": "1.0"}\n',
  'model.safetensors': 32 * 2 ** 20,
}
/** The program of the app's image. */
const appScript =
  'cd /app/model-artifacts && echo "serving $(cat config.json), $(wc -c < model.safetensors) bytes of weights" && exec sleep 1000000'

if (isInsideCluster()) await demo()
else process.exitCode = await enter()

async function enter(): Promise<number> {
  const obstacle = clusterObstacle()
  if (obstacle !== undefined) {
    print(`The demo cannot run here: ${obstacle}. "make demo" shows the main job without a cluster.\n`)
    return 1
  }
  step('building and downloading what a cluster is made of; the first time, that takes about ten minutes')
  await prepareCluster()
  return await runInNamespaces(process.execPath, [import.meta.filename])
}

async function demo(): Promise<void> {
  const cluster = await startCluster(step)
  try {
    await prepareApp(cluster)
    await showInstall(cluster)
    await showApp(cluster)
    await showIdentity(cluster)
    await showRefusals(cluster)
    await showUninstall(cluster)
  } finally {
    await cluster.stop()
  }
  step('that was all: every process, address and mount of it is gone')
}

/** A team before the product: an image without its model, a bucket with it, and a service account that may read it. */
async function prepareApp(cluster: TestCluster): Promise<void> {
  const image = `docker.io/library/${deployment.spec.template.spec.containers[0].image}`
  await cluster.node.importImage(await shellImage(image, await mkdtemp('/run/demo-'), ['/bin/sh', '-c', appScript]))
  for (const [file, content] of Object.entries(model)) {
    await cluster.store.server.putObject('my-ml-bucket', `model-artifacts/my-model-1.2.3/${file}`, content)
  }
  await cluster.api.createNamespace(namespace)
  await cluster.api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: app, namespace } })
  cluster.associate({ namespace, serviceAccount: app, allowedPrefixes: ['my-ml-bucket/model-artifacts/'] })
}

async function showInstall(cluster: TestCluster): Promise<void> {
  step('an admin installs it')
  command(`helm install ${RELEASE} deploy/chart --namespace ${WEBHOOK_NAMESPACE} --create-namespace --wait --values -`)
  const { ok, stdout, stderr } = await installChart(cluster)
  if (!ok) throw new Error(stderr)
  print(
    `${stdout
      .split('\n')
      .filter((line) => /^(?:NAME|STATUS|REVISION)/.test(line))
      .join('\n')}\n`,
  )
  await kubectl(cluster, ['get', 'pods,certificates', '--namespace', WEBHOOK_NAMESPACE])
}

async function showApp(cluster: TestCluster): Promise<void> {
  step(
    'a team annotates its Deployment: examples/deployment.yaml, with less room than it asks for, and the S3 server of the demo',
  )
  const fitted = fitToDemo(cluster)
  print(stringify({ annotations: fitted.spec.template.metadata.annotations }, { lineWidth: 0 }))
  await kubectl(cluster, ['apply', '-f', '-'], JSON.stringify(fitted))
  const pod = await waitFor(
    'the pod of the app',
    async () => (await podsOf(cluster.api, namespace, `app.kubernetes.io/name=${app}`)).find(isReady),
    { timeoutSeconds: 120 },
  )
  await kubectl(cluster, ['get', 'pods', '--namespace', namespace])
  step('its pod has a loader that it did not have')
  await kubectl(cluster, ['logs', '--namespace', namespace, pod.metadata.name, '--container', 'model-loader'])
  step('and its app reads the model')
  await kubectl(cluster, ['logs', '--namespace', namespace, pod.metadata.name, '--container', 'app'])
}

function fitToDemo({ store }: TestCluster): Deployment {
  const { template } = deployment.spec
  const annotations = {
    ...template.metadata.annotations,
    'models.example.io/size': '64Mi',
    'models.example.io/region': store.region,
    'models.example.io/endpoint': store.endpoint,
  }
  const containers = template.spec.containers.map((container) => ({
    ...container,
    resources: {},
  })) as unknown as Deployment['spec']['template']['spec']['containers']
  return {
    ...deployment,
    spec: {
      ...deployment.spec,
      template: {
        ...template,
        metadata: { ...template.metadata, annotations },
        spec: { ...template.spec, containers },
      },
    },
  }
}

function showIdentity({ agent, imds, store }: TestCluster): Promise<void> {
  step('it came in by the identity of the pod, and not by that of the node')
  const keys = new Set(store.proxy.requests.map(({ accessKeyId }) => accessKeyId))
  print(
    `${agent.calls.length} calls of the Pod Identity agent; ${store.proxy.requests.length} S3 requests, signed with ${[...keys].join(', ')}; ${imds.calls.length} calls of the metadata service\n`,
  )
  return Promise.resolve()
}

async function showRefusals(cluster: TestCluster): Promise<void> {
  step('a misspelt annotation is refused before anything is created')
  const misspelt = podOf(cluster, 'misspelt', { 'models.example.io/sauce': 's3://my-ml-bucket/model-artifacts/' })
  await kubectl(cluster, ['create', '-f', '-'], JSON.stringify(misspelt))
  step('a pod whose model is not there never starts its app, and says why')
  const { annotations } = fitToDemo(cluster).spec.template.metadata
  const wrong = { ...annotations, 'models.example.io/source': 's3://my-ml-bucket/model-artifacts/my-model-9.9.9/' }
  await kubectl(cluster, ['create', '-f', '-'], JSON.stringify(podOf(cluster, 'wrong-version', wrong)))
  const { status } = await whenEnded(cluster.api, namespace, 'wrong-version')
  await kubectl(cluster, ['get', 'pods', '--namespace', namespace, 'wrong-version'])
  print(
    styleText(
      'yellow',
      `exit code ${status.initContainerStatuses?.[0]?.state.terminated?.exitCode ?? ''}: ${status.initContainerStatuses?.[0]?.state.terminated?.message ?? ''}\n`,
    ),
  )
}

function podOf({ images }: TestCluster, name: string, annotations: Record<string, string>): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: images.app }] },
  }
}

async function showUninstall(cluster: TestCluster): Promise<void> {
  step('the admin takes it away; what runs goes on running')
  command(`helm uninstall ${RELEASE} --namespace ${WEBHOOK_NAMESPACE} --wait`)
  const { stdout, stderr } = await cluster.helm([
    'uninstall',
    RELEASE,
    '--namespace',
    WEBHOOK_NAMESPACE,
    '--wait',
    '--timeout',
    '120s',
  ])
  print(stdout + stderr)
  await kubectl(cluster, ['get', 'pods', '--all-namespaces'])
}

/** Refusals are part of the demo. */
async function kubectl(cluster: TestCluster, args: readonly string[], input?: string): Promise<void> {
  command(`kubectl ${args.join(' ')}`)
  const { stdout, stderr } = await cluster.kubectlOutcome(args, input)
  print(stdout)
  print(styleText('yellow', stderr))
}

function command(line: string): void {
  print(styleText('cyan', `$ ${line}\n`))
}

function step(text: string): void {
  print(`\n${styleText('bold', `[${((performance.now() - startedAt) / 1000).toFixed(1)} s] ${text}`)}\n`)
}

function print(text: string): void {
  process.stdout.write(text)
}
