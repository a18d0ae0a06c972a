/**
 * The chart as an admin and its users meet it: installed by Helm on a real API server, with cert-manager and a real node, and
 * used by pods that start, load their model through Pod Identity, and read it.
 */
import { X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import {
  chartValues,
  installChart,
  RELEASE,
  replicaMetric,
  rollBackChart,
  servedCertificate,
  upgradeChart,
  upgradeChartWithoutWaiting,
  WEBHOOK_NAMESPACE,
  webhookPods,
} from '../kit/cluster/cluster-chart.ts'
import { clusterTest } from '../kit/cluster/cluster-namespaces.ts'
import { appContainer, appPod, getPod, isReady, podsOf, whenEnded, type LivePod } from '../kit/cluster/cluster-pods.ts'
import { prepareCluster, startCluster, type TestCluster } from '../kit/cluster/cluster.ts'
import { objectOf, renderChart } from '../kit/tools/helm.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

interface WebhookConfiguration {
  readonly webhooks: readonly [
    { readonly clientConfig: { readonly caBundle?: string }; readonly [field: string]: unknown },
  ]
}

const namespace = 'team-a'
const account = 'model-reader'
const weights = 'w'.repeat(5 * 1024 * 1024)

await clusterTest(t, import.meta.filename, { prepare: prepareCluster, tests })

async function tests(t: Test): Promise<void> {
  const startedAt = performance.now()
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  t.comment(`the cluster took ${seconds(startedAt)} s`)
  const { api, store, agent, imds } = cluster
  await store.server.putObject('models', 'llama/1.2.3/config.json', '{"model": "llama"}')
  await store.server.putObject('models', 'llama/1.2.3/weights/part-1.bin', weights)
  await store.server.putObject('models', 'llama/1.2.33/config.json', '{"model": "of another version"}')
  await api.createNamespace(namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' })
  await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } })
  cluster.associate({ namespace, serviceAccount: account, allowedPrefixes: ['models/llama/'] })

  await t.test('helm install waits until both replicas are ready', async (t) => {
    const installedAt = performance.now()
    const { ok, stdout, stderr } = await installChart(cluster)
    t.ok(ok, stderr)
    t.match(stdout, /STATUS: deployed/)
    t.comment(`helm install took ${seconds(installedAt)} s`)
    t.strictSame((await webhookPods(cluster)).map(isReady), [true, true])
  })

  await t.test(
    'the certificate that cert-manager issued is served, and verified by the CA bundle in the configuration',
    async (t) => {
      const caBundle = await liveCaBundle(cluster)
      const { body } = await api.request('GET', `/api/v1/namespaces/${WEBHOOK_NAMESPACE}/secrets/${RELEASE}-tls`)
      const { data } = body as { data: Record<string, string> }
      t.equal(caBundle, decode(data['ca.crt']))
      for (const pod of await webhookPods(cluster)) {
        t.equal(
          (await servedCertificate(pod, caBundle)).serialNumber,
          new X509Certificate(decode(data['tls.crt'])).serialNumber,
        )
      }
    },
  )

  await t.test('the CA injector has left everything else of the configuration as the chart made it', async (t) => {
    const rendered = (
      objectOf(
        await renderChart(chartValues(cluster)),
        'MutatingWebhookConfiguration',
      ) as unknown as WebhookConfiguration
    ).webhooks[0]
    const live = (await liveConfiguration(cluster)).webhooks[0]
    t.ok((rendered.matchConditions as object[]).length > 0)
    const { clientConfig, ...rest } = rendered
    t.match(live, rest)
    t.strictSame(live.matchConditions, rendered.matchConditions)
    t.match(live.clientConfig, clientConfig)
  })

  await t.test('an annotated pod loads its model through Pod Identity, and its app reads it', async (t) => {
    const script =
      'exec 2>&1; echo "the model is $(cat $MODEL_DIR/config.json)"; cd $MODEL_DIR; find . -type f | sort; wc -c < weights/part-1.bin; touch config.json'
    const startedAt = performance.now()
    await api.create(
      restricted(
        appPod({
          namespace,
          name: 'app',
          image: cluster.images.app,
          script,
          annotations: annotated(cluster, { env: 'MODEL_DIR' }),
        }),
      ),
    )
    const pod = await whenEnded(api, namespace, 'app')
    t.comment(`the pod took ${seconds(startedAt)} s`)

    const log = await cluster.kubectl(['logs', '-n', namespace, 'app', '-c', 'app'])
    t.strictSame(log.split('\n').slice(0, 5), [
      'the model is {"model": "llama"}',
      './config.json',
      './weights/part-1.bin',
      String(weights.length),
      'touch: config.json: Read-only file system',
    ])
    t.equal(pod.spec.serviceAccountName, account)
    t.equal(
      pod.spec.initContainers?.[0]?.image,
      `${cluster.images.product.repository}@${cluster.images.product.digest}`,
    )
    t.match(await cluster.kubectl(['logs', '-n', namespace, 'app', '-c', 'model-loader']), /ready: 2 files, 5\.00 MiB/)
  })

  await t.test('it came in by the identity of the pod and by nothing else', (t) => {
    const handedOut = agent.calls.map(({ accessKeyId }) => accessKeyId)
    t.ok(handedOut.length > 0 && !handedOut.includes(undefined))
    t.strictSame([...new Set(store.proxy.requests.map(({ accessKeyId }) => accessKeyId))], [...new Set(handedOut)])
    t.strictSame(imds.calls, [])
    t.end()
  })

  await t.test('a pod whose prefix holds nothing never starts its app, and says so', async (t) => {
    const annotations = annotated(cluster, { source: 's3://models/llama/9.9.9/' })
    await api.create(restricted(appPod({ namespace, name: 'nothing-there', image: cluster.images.app, annotations })))
    const { status } = await whenEnded(api, namespace, 'nothing-there')

    t.equal(status.phase, 'Failed')
    const ended = status.initContainerStatuses?.[0]?.state.terminated
    t.equal(ended?.exitCode, 12)
    t.match(ended?.message, /s3:\/\/models\/llama\/9\.9\.9\//)
    t.match(status.containerStatuses?.[0]?.state, { waiting: { reason: 'PodInitializing' } })
  })

  await t.test('a pod without a role of its own does not get the one of its node', async (t) => {
    const annotations = annotated(cluster, { credentials: 'irsa', 'service-account': 'default' })
    await api.create(restricted(appPod({ namespace, name: 'nobody', image: cluster.images.app, annotations })))
    const { status } = await whenEnded(api, namespace, 'nobody')

    t.equal(status.initContainerStatuses?.[0]?.state.terminated?.exitCode, 78)
    t.strictSame(imds.calls, [])
  })

  await t.test('a Deployment gets its model in every replica', async (t) => {
    await api.create(deployment(cluster))
    const pods = await whenServing(cluster, 2)
    for (const { metadata } of pods) {
      t.equal(
        await cluster.kubectl([
          'exec',
          '-n',
          namespace,
          metadata.name,
          '-c',
          'app',
          '--',
          'cat',
          '/models/model/config.json',
        ]),
        '{"model": "llama"}',
      )
    }
    await cluster.kubectl(['delete', 'deployment', '-n', namespace, 'serving'])
  })

  await t.test('a mistake is reported at kubectl apply, word for word', async (t) => {
    const pod = restricted(
      appPod({
        namespace,
        name: 'wrong',
        image: cluster.images.app,
        annotations: annotated(cluster, { size: '10Gx' }),
      }),
    )
    const refusal = /metadata\.annotations\[models\.example\.io\/size\]: "10Gx" is not a Kubernetes quantity/
    await t.rejects(cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod)), { message: refusal })
    await t.rejects(getPod(api, namespace, 'wrong'))
  })

  await t.test('helm test passes', async (t) => {
    const { ok, stdout, stderr } = await cluster.helm([
      'test',
      RELEASE,
      '--namespace',
      WEBHOOK_NAMESPACE,
      '--logs',
      '--timeout',
      '120s',
    ])
    t.ok(ok, stderr)
    t.match(stdout, /Phase:\s+Succeeded/)
    t.match(stdout, /The webhook answers, and denies as it should/)
  })

  await t.test('a changed configuration of helm upgrade takes effect without a restart', async (t) => {
    const before = (await webhookPods(cluster)).map(({ metadata }) => metadata.uid).sort()
    const { ok, stderr } = await upgradeChart(cluster, { config: { unknownAnnotations: 'warn' } })
    t.ok(ok, stderr)
    const upgradedAt = performance.now()
    const unknown = restricted(
      appPod({
        namespace,
        name: 'tolerated',
        image: cluster.images.app,
        annotations: { ...annotated(cluster, {}), 'models.example.io/colour': 'red' },
      }),
    )
    await waitFor('both replicas to accept it', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => api.tryCreate(unknown, { dryRun: true })))
      return answers.every(({ status }) => status === 201) ? true : undefined
    })
    t.comment(`the new configuration was in force after ${seconds(upgradedAt)} s`)
    t.strictSame((await webhookPods(cluster)).map(({ metadata }) => metadata.uid).sort(), before, 'the same pods')
  })

  await t.test(
    'an upgrade to an image that is not there stalls, scale-outs go on, and a rollback ends it',
    async (t) => {
      const own = `${cluster.images.product.repository}@${cluster.images.product.digest}`
      const replicas = await webhookPods(cluster)
      const missing = { repository: cluster.images.product.repository, digest: `sha256:${'0'.repeat(64)}` }
      await api.create(deployment(cluster))
      await whenServing(cluster, 2)

      // The old replicas read the configuration of the new release.
      const upgraded = await upgradeChartWithoutWaiting(cluster, {
        image: missing,
        config: { unknownAnnotations: 'deny' },
      })
      t.ok(upgraded.ok, upgraded.stderr)
      await whenStuck(cluster)
      await everyReplica(replicas, 'model_injector_config_reloads_total{result="success"}', 2)

      const scaledAt = performance.now()
      await cluster.kubectl(['scale', '-n', namespace, 'deployment/serving', '--replicas=4'])
      const pods = await whenServing(cluster, 4)
      t.comment(`two more pods were ready after ${seconds(scaledAt)} s`)
      t.strictSame(loaderImages(pods), [own])

      const rolledBackAt = performance.now()
      const rolledBack = await rollBackChart(cluster)
      t.ok(rolledBack.ok, rolledBack.stderr)
      await waitFor('the new replica to be gone', async () =>
        (await webhookPods(cluster)).length === 2 ? true : undefined,
      )
      t.comment(`the rollback took ${seconds(rolledBackAt)} s`)
      t.strictSame(uidsOf(await webhookPods(cluster)), uidsOf(replicas), 'the same pods as before the upgrade')
      await cluster.kubectl(['scale', '-n', namespace, 'deployment/serving', '--replicas=5'])
      t.strictSame(loaderImages(await whenServing(cluster, 5)), [own])
      await cluster.kubectl(['delete', 'deployment', '-n', namespace, 'serving'])
    },
  )

  await t.test('helm uninstall leaves nothing but the Secrets that cert-manager made', async (t) => {
    const { ok, stderr } = await cluster.helm([
      'uninstall',
      RELEASE,
      '--namespace',
      WEBHOOK_NAMESPACE,
      '--wait',
      '--timeout',
      '120s',
    ])
    t.ok(ok, stderr)
    const kinds = (await cluster.kubectl(['api-resources', '--verbs=list', '--output=name']))
      .trim()
      .split('\n')
      .filter((kind) => !kind.startsWith('events'))
    const ours = [
      'get',
      kinds.join(','),
      '--all-namespaces',
      '--selector',
      `app.kubernetes.io/instance=${RELEASE}`,
      '--output=name',
    ]
    // Helm leaves what its hooks made.
    const left = async (): Promise<string[]> =>
      (await cluster.kubectl(ours)).split('\n').filter((line) => line !== '' && line !== `pod/${RELEASE}-test`)
    await waitFor('everything to be gone', async () => ((await left()).length === 0 ? true : undefined)).catch(
      async () => {
        t.strictSame(await left(), [])
      },
    )
    const secrets = await cluster.kubectl(['get', 'secrets', '--namespace', WEBHOOK_NAMESPACE, '--output=name'])
    t.strictSame(secrets.trim().split('\n'), [`secret/${RELEASE}-ca`, `secret/${RELEASE}-tls`])

    const { body } = await api.create(
      restricted(
        appPod({ namespace, name: 'afterwards', image: cluster.images.app, annotations: annotated(cluster, {}) }),
      ),
    )
    t.notOk(JSON.stringify(body).includes('model-loader'), 'pods are as if it had never been there')
  })
}

function annotated({ store }: TestCluster, changes: Readonly<Record<string, string>>): Record<string, string> {
  const values = {
    source: 's3://models/llama/1.2.3/',
    endpoint: store.endpoint,
    region: store.region,
    size: '64Mi',
    'service-account': account,
    ...changes,
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`models.example.io/${name}`, value]))
}

/** As the restricted Pod Security Standard wants it, which the namespace enforces. */
function restricted(pod: ApiObject): ApiObject {
  const spec = pod.spec as { containers: readonly object[] }
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  return {
    ...pod,
    spec: {
      ...spec,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: spec.containers.map((container) => ({ ...container, securityContext })),
    },
  }
}

function deployment(cluster: TestCluster): ApiObject {
  const labels = { app: 'serving' }
  const pod = restricted({
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { terminationGracePeriodSeconds: 1, containers: [appContainer({ image: cluster.images.app })] },
  })
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'serving', namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: annotated(cluster, {}) }, spec: pod.spec },
    },
  }
}

async function whenServing({ api }: TestCluster, count: number): Promise<readonly LivePod[]> {
  return await waitFor(`${count} ready pods`, async () => {
    const found = await podsOf(api, namespace, 'app=serving')
    return found.length === count && found.every(isReady) ? found : undefined
  })
}

/** A new replica waits for its image while the old ones are ready. */
async function whenStuck(cluster: TestCluster): Promise<void> {
  await waitFor('a replica without its image', async () => {
    const reasons = (await webhookPods(cluster)).map(
      ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason,
    )
    return reasons.some((reason) => reason === 'ErrImagePull' || reason === 'ImagePullBackOff') ? true : undefined
  })
}

async function everyReplica(replicas: readonly LivePod[], series: string, value: number): Promise<void> {
  await waitFor(`${series} ${value} in every replica`, async () =>
    (await Promise.all(replicas.map((pod) => replicaMetric(pod, series)))).every((found) => found === value)
      ? true
      : undefined,
  )
}

function loaderImages(pods: readonly LivePod[]): readonly (string | undefined)[] {
  return [...new Set(pods.map(({ spec }) => spec.initContainers?.[0]?.image))]
}

function uidsOf(pods: readonly LivePod[]): readonly string[] {
  return pods.map(({ metadata }) => metadata.uid).sort()
}

async function liveConfiguration({ api }: TestCluster): Promise<WebhookConfiguration> {
  const { body } = await api.request(
    'GET',
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/model-injector',
  )
  return body as WebhookConfiguration
}

async function liveCaBundle(cluster: TestCluster): Promise<string> {
  return decode((await liveConfiguration(cluster)).webhooks[0].clientConfig.caBundle)
}

function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString()
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}
