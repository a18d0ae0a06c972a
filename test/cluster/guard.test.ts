import t from 'tap'
import { exclusions } from '../../deploy/chart/exclusions.ts'
import type { Container, Pod } from '../../src/pod/pod.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { startForeignWebhook } from '../kit/cluster/foreign-webhook.ts'
import { objectOf, renderChart } from '../kit/tools/helm.ts'
import { bare, deliveryCases, injectedPod, withoutEachPart, type DeliveryCase } from '../kit/cluster/policies-pods.ts'
import {
  guardMessage,
  guardName,
  guardWarnings,
  installGuard,
  podObject,
  typeWarnings,
  type PodObject,
} from '../kit/cluster/policies.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { foreignConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const source = 'models.example.io/source'
const whatToDo =
  /The webhook of model-injector did not see this pod, .* ask the keepers of installation \d+: model-injector check finds the cause$/

t.test('the guard on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await api.create(podObject({ [source]: 's3://models/llama/' }, { name: 'older-than-the-guard' }))
  await installGuard(api)

  await t.test('the type checker of the cluster finds nothing wrong with it', async (t) => {
    t.strictSame(await typeWarnings(api, guardName), [])
  })

  for (const delivery of deliveryCases) {
    await t.test(`${delivery.name}: the injected pod passes, and without any of its parts it is refused`, async (t) => {
      const pod = injectedPod(bare(delivery))
      t.strictSame(namesOfOurs(pod), { loaders: [...delivery.loaders].sort(), volumes: [...delivery.volumes].sort() })
      t.equal(guardMessage(await tryPod(api, pod)), undefined)
      for (const { pod: mutilated, finding } of withoutEachPart(pod, delivery)) {
        t.match(guardMessage(await tryPod(api, mutilated)), finding)
      }
    })

    await t.test(`${delivery.name}: a pod that no webhook saw is refused`, async (t) => {
      const response = await tryPod(api, bare(delivery))
      t.equal(response.status, 403)
      t.match(
        guardMessage(response),
        delivery.loaders.length > 0 ? /^spec\.initContainers: no model-loader/ : /^spec\.volumes: no model-data/,
      )
      t.match(guardMessage(response), whatToDo)
    })
  }

  await t.test('a claim that the pod has in another volume is mounted from there, once for two models', async (t) => {
    const twice: DeliveryCase = {
      name: '',
      annotations: { source: 'pvc://models/llama', 'source.tokenizer': 'pvc://models/tokenizer' },
      loaders: ['model-loader', 'model-loader-tokenizer'],
      volumes: ['model-data', 'model-data-tokenizer'],
    }
    const pod = injectedPod(bare(twice))
    t.strictSame(
      mountsOf(pod).filter((name) => name.startsWith('model-data')),
      ['model-data', 'model-data'],
    )
    t.equal(guardMessage(await tryPod(api, pod)), undefined)

    const claim = { name: 'mine', persistentVolumeClaim: { claimName: 'models' } }
    const written = bare({ annotations: { source: 'pvc://models' } })
    const shared = injectedPod({ ...written, spec: { ...written.spec, volumes: [claim] } })
    t.strictSame(mountsOf(shared), ['mine'])
    t.equal(guardMessage(await tryPod(api, shared)), undefined)
    const unmounted = { ...shared, spec: { ...shared.spec, containers: [{ name: 'app', image: 'app:1' }] } }
    t.match(guardMessage(await tryPod(api, unmounted)), /^spec\.containers: none mounts model-data, so/)
  })

  await t.test('a refusal names one missing part and counts the others', async (t) => {
    const annotations = { 'source.b': 's3://models/b/', 'source.a': 's3://models/a/', source: 's3://models/llama/' }
    t.match(
      guardMessage(await tryPod(api, bare({ annotations }))),
      /^spec\.initContainers: no model-loader \(and 2 more\), so the model would not be loaded\. /,
    )
  })

  await t.test('a source that the webhook would deny is no way around it', async (t) => {
    const sources = [
      'arn:aws:s3:::models/llama',
      'https://models.example.com/llama',
      's3:/models/llama/',
      'S3://models/llama/',
      '',
      'pvc:///',
      'oci://',
      'node://',
    ]
    for (const value of sources) {
      t.match(
        guardMessage(await tryPod(api, bare({ annotations: { source: value } }))),
        /^spec\.(initContainers|volumes): no model-/,
        value,
      )
    }
    for (const suffix of ['a.b', 'A', 'x'.repeat(41), 'model']) {
      t.match(
        guardMessage(await tryPod(api, bare({ annotations: { [`source.${suffix}`]: 's3://models/llama/' } }))),
        /^spec\.initContainers: no model-loader-/,
        suffix,
      )
    }
    t.match(
      guardMessage(await tryPod(api, bare({ annotations: { source: 's3://models/llama/', delivery: 'mount' } }))),
      /^spec\.initContainers: no model-loader/,
    )
  })

  await t.test('annotations without a source are refused, whatever they are', async (t) => {
    for (const annotations of [
      { inject: 'true' },
      { size: '1Gi' },
      { sorce: 's3://models/llama/' },
      { 'service-account': 'reader' },
      { inject: 'no' },
    ]) {
      const response = await tryPod(api, bare({ annotations }))
      t.equal(response.status, 422)
      t.equal(
        guardMessage(response),
        'metadata.annotations: models.example.io/source is missing, so there is no model to inject. Add it, or set models.example.io/inject to "false"',
      )
    }
  })

  await t.test('pods that are none of ours are left alone', async (t) => {
    const asks = { [source]: 's3://models/llama/' }
    const pods = {
      'without annotations': podObject({}),
      'without a map of annotations': { ...podObject({}), metadata: { name: 'app', namespace: 'default' } },
      'with annotations of others': podObject({
        'prometheus.io/scrape': 'true',
        'example.io/source': 's3://models/llama/',
      }),
      'that opted out': podObject({ ...asks, 'models.example.io/inject': 'false' }),
      'with a status and nothing else': podObject({ 'models.example.io/status': '{}' }),
      'that mirror a static pod': {
        ...podObject({ ...asks, 'kubernetes.io/config.mirror': 'abc' }),
        spec: { nodeName: 'node', containers: [{ name: 'app', image: 'app:1' }] },
      },
    }
    for (const [name, pod] of Object.entries(pods)) t.equal(guardMessage(await tryPod(api, pod)), undefined, name)
  })

  await t.test('the namespaces of the system and of the release are left alone', async (t) => {
    await api.createNamespace('model-injector')
    for (const namespace of ['kube-system', 'model-injector']) {
      t.equal((await tryPod(api, podObject({ [source]: 's3://models/llama/' }, { namespace }))).status, 201)
    }
  })

  await t.test('a pod that is older than the guard can still be changed and deleted', async (t) => {
    const path = '/api/v1/namespaces/default/pods/older-than-the-guard'
    const { body } = await api.request('GET', path)
    const pod = body as Pod
    const changed = await api.request('PUT', path, {
      ...pod,
      metadata: { ...pod.metadata, labels: { changed: 'yes' }, finalizers: [] },
    })
    t.equal(changed.status, 200, JSON.stringify(changed.body))
    t.equal(
      (await api.request('PUT', `${path}/status`, { ...(changed.body as Pod), status: { phase: 'Running' } })).status,
      200,
    )
    t.equal((await api.request('DELETE', path)).status, 200)
  })

  await t.test('as many models as a pod may have, in twenty containers, stay within the cost limits', async (t) => {
    const delivery = manyModels(32)
    const pod = injectedPod(withContainers(bare(delivery), 20))
    const started = performance.now()
    t.equal(guardMessage(await tryPod(api, pod)), undefined)
    t.comment(
      `admitted in ${Math.round(performance.now() - started)} ms with ${Object.keys(pod.metadata.annotations ?? {}).length} annotations`,
    )
    for (const [i, { pod: mutilated, finding }] of withoutEachPart(pod, delivery).entries()) {
      if (i % 24 === 0) t.match(guardMessage(await tryPod(api, mutilated)), finding)
    }
    t.match(
      guardMessage(await tryPod(api, bare(delivery))),
      /^spec\.initContainers: no model-loader-m0 \(and 31 more\), /,
    )
    const wrapped = changedLoaders(pod, (loader) => ({ ...loader, command: ['/bin/wrapper'] }))
    t.match(
      guardMessage(await tryPod(api, wrapped)),
      /^spec\.initContainers\[model-loader-m0\]\.command \(and 31 more\) is not as model-injector writes it/,
    )
    const crowded = changedLoaders(pod, (loader) => ({
      ...loader,
      env: [...(loader.env ?? []), ...Array.from({ length: 40 }, (_, i) => ({ name: `DD_TAG_${i}`, value: 'x' }))],
    }))
    t.equal(guardMessage(await tryPod(api, crowded)), undefined, 'forty variables more in each loader')
  })

  await t.test('a refusal says how the webhooks that are known for it are told to leave a pod alone', async (t) => {
    const pod = injectedPod(bare(deliveryCases[0]!))
    for (const { product, variables, exclusion } of exclusions) {
      for (const name of variables) {
        const message = guardMessage(
          await tryPod(
            api,
            changedLoaders(pod, (loader) => ({ ...loader, env: [...(loader.env ?? []), { name, value: '/agent' }] })),
          ),
        )
        t.match(message, new RegExp(`^spec\\.initContainers\\[model-loader\\]\\.env\\[${name}\\] steers the loader`))
        t.ok(message?.includes(`${product} leaves a pod alone that has ${exclusion}.`), `${product}: ${message ?? ''}`)
      }
    }
    const proxied = changedLoaders(pod, (loader) => ({
      ...loader,
      env: [...(loader.env ?? []), { name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
    }))
    t.notMatch(guardMessage(await tryPod(api, proxied)), /Datadog|OpenTelemetry|Dynatrace/)
  })

  await t.test('rules about how a loader is restarted stand beside its restartPolicy, or nowhere', async (t) => {
    const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [10] } }]
    const pod = injectedPod(bare(deliveryCases[0]!))
    const alone = changedLoaders(pod, (loader) => ({ ...loader, restartPolicyRules }))
    t.match(guardMessage(await tryPod(api, alone)), /not by the guard: 422 .*restartPolicy/)
    const both = changedLoaders(pod, (loader) => ({ ...loader, restartPolicy: 'Never', restartPolicyRules }))
    t.match(guardMessage(await tryPod(api, both)), /^spec\.initContainers\[model-loader\]\.restartPolicy is not as/)
  })

  await t.test('after a webhook that is passed over while it is away', async (t) => {
    const webhook = await startWebhook(t.testdir())
    t.teardown(() => webhook.stop())
    await api.request(
      'POST',
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
      await guardedConfiguration(webhook),
    )
    await waitFor('the webhook to be called', async () =>
      (await tryPod(api, bare(deliveryCases[0]!))).status === 201 ? true : undefined,
    )

    await t.test('injected pods pass as long as it is there', async (t) => {
      t.equal(guardMessage(await tryPod(api, bare(deliveryCases[0]!))), undefined)
      const injection = webhook.admissions().find(({ outcome }) => outcome === 'injected')
      t.ok(injection, 'by the webhook')
    })

    await t.test('a part that another webhook removed after ours is missed', async (t) => {
      const foreign = await startForeignWebhook(t.testdir(), withoutMounts)
      t.teardown(() => foreign.close())
      const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
      // Reinvoked like ours, it has the last word.
      await api.request('POST', path, foreignConfiguration('z-unmounter', foreign, 'IfNeeded'))
      const refused = await waitFor('the other webhook to be called', async () =>
        guardMessage(await tryPod(api, bare(deliveryCases[0]!))),
      )
      t.match(refused, /^spec\.containers: none mounts model-data, so the app would not see its model\./)
      await api.request('DELETE', `${path}/z-unmounter`)
      await waitFor('the other webhook to be out of force', async () =>
        (await tryPod(api, bare(deliveryCases[0]!))).status === 201 ? true : undefined,
      )
    })

    await webhook.stop()

    await t.test('annotated pods are refused once it is away, all others are created', async (t) => {
      const response = await tryPod(api, bare(deliveryCases[0]!))
      t.equal(response.status, 403)
      t.match(guardMessage(response), whatToDo)
      t.equal((await tryPod(api, podObject({}))).status, 201)
      t.equal(
        (await tryPod(api, podObject({ [source]: 's3://models/llama/', 'models.example.io/inject': 'false' }))).status,
        201,
      )
    })

    await t.test('the author of a Deployment reads the refusal in its conditions', async (t) => {
      await api.create(deploymentOf(bare(deliveryCases[0]!)))
      const condition = await waitFor('the condition ReplicaFailure', async () => {
        const { body } = await api.request('GET', '/apis/apps/v1/namespaces/default/deployments/inference')
        return (body as Deployment).status.conditions?.find(({ type }) => type === 'ReplicaFailure')
      })
      t.match(
        condition.message,
        /denied request: spec\.initContainers: no model-loader, so the model would not be loaded/,
      )
    })
  })

  await t.test('it can be tried out: then it warns, and the pods are created', async (t) => {
    await installGuard(api, { guard: { validationActions: ['Warn', 'Audit'] } })
    const response = await tryPod(api, podObject({ [source]: 's3://models/llama/' }))
    t.equal(response.status, 201)
    t.match(guardWarnings(response)[0], /^spec\.initContainers: no model-loader, so the model would not be loaded\./)
    t.strictSame((await tryPod(api, podObject({}))).warnings, [])
  })

  await t.test('a contact with characters that mean something in CEL is quoted', async (t) => {
    const contact = `O'Neil "the \\ keeper", #ml; \\' + object`
    await installGuard(api, { guard: { contact } })
    t.ok(
      guardMessage(await tryPod(api, podObject({ [source]: 's3://models/llama/' })))?.includes(
        `ask ${contact}: model-injector check`,
      ),
    )
  })

  await t.test("it reads the operator's own defaults and prefix", async (t) => {
    const prefix = 'models.corp.example/'
    const config = { annotationPrefix: prefix, defaults: { delivery: 'mountpoint', volume: 'existing/cache' } }
    await installGuard(api, { config })

    const mounted: DeliveryCase = {
      name: '',
      annotations: { source: 's3://models/llama/' },
      loaders: [],
      volumes: ['model-data'],
    }
    const loaded: DeliveryCase = {
      name: '',
      annotations: { source: 's3://models/llama/', delivery: 'download' },
      loaders: ['model-loader'],
      volumes: [],
    }
    const onDisk: DeliveryCase = {
      name: '',
      annotations: { ...loaded.annotations, volume: 'disk' },
      loaders: ['model-loader'],
      volumes: ['model-data'],
    }
    for (const delivery of [mounted, loaded, onDisk]) {
      const pod = injectedPod(bare(delivery, prefix), config)
      t.equal(guardMessage(await tryPod(api, pod)), undefined)
      const mutilations = withoutEachPart(pod, delivery, prefix)
      t.equal(mutilations.length, delivery.loaders.length + 2 * delivery.volumes.length + 1)
      for (const { pod: mutilated, finding } of mutilations) {
        t.match(guardMessage(await tryPod(api, mutilated)), finding)
      }
    }
    t.equal(
      guardMessage(await tryPod(api, podObject({ [source]: 's3://models/llama/' }))),
      undefined,
      'another prefix is not ours',
    )
  })
})

interface Deployment {
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly message: string }[] }
}

async function tryPod(api: ApiClient, pod: ApiObject): ReturnType<ApiClient['tryCreate']> {
  return api.tryCreate(pod, { dryRun: true })
}

function namesOfOurs({ spec }: Pod): { loaders: readonly string[]; volumes: readonly string[] } {
  const loaders = (spec.initContainers ?? [])
    .map(({ name }) => name)
    .filter((name) => name.startsWith('model-loader'))
    .sort()
  return {
    loaders,
    volumes: (spec.volumes ?? [])
      .map(({ name }) => name)
      .filter((name) => name.startsWith('model-data'))
      .sort(),
  }
}

function mountsOf({ spec: { containers } }: Pod): readonly string[] {
  return containers.flatMap(({ volumeMounts }) => (volumeMounts ?? []).map(({ name }) => name))
}

function withoutMounts(pod: Pod): Pod {
  return {
    ...pod,
    spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, volumeMounts: [] })) },
  }
}

function manyModels(count: number): DeliveryCase {
  const names = Array.from({ length: count }, (_, i) => `m${i}`)
  const annotations = names.flatMap((name) => [
    [`source.${name}`, `s3://models/${name}/`],
    [`containers.${name}`, '*'],
    [`expect.${name}`, 'objects=12'],
    [`include.${name}`, '*.safetensors,*.json'],
    [`exclude.${name}`, 'original/*'],
    [`size.${name}`, '1Gi'],
    [`env.${name}`, `${name.toUpperCase()}_PATH`],
    [`region.${name}`, 'eu-west-1'],
    [`endpoint.${name}`, 'https://s3.example.com'],
    [`addressing.${name}`, 'path'],
    [`mount-path.${name}`, `/opt/models/${name}`],
    [`read-only.${name}`, 'true'],
  ])
  return {
    name: 'many',
    annotations: Object.fromEntries(annotations) as Record<string, string>,
    loaders: names.map((name) => `model-loader-${name}`),
    volumes: names.map((name) => `model-data-${name}`),
  }
}

/** Other containers stand before the app, so that all of them are looked at. */
function withContainers(pod: PodObject, count: number): PodObject {
  const others: Container[] = Array.from({ length: count - 1 }, (_, i) => ({ name: `other-${i}`, image: 'app:1' }))
  return { ...pod, spec: { ...pod.spec, containers: [...others, ...pod.spec.containers] } }
}

function changedLoaders(pod: PodObject, change: (loader: Container) => Container): PodObject {
  const initContainers = (pod.spec.initContainers ?? []).map((container) =>
    container.name.startsWith('model-loader') ? change(container) : container,
  )
  return { ...pod, spec: { ...pod.spec, initContainers } }
}

async function guardedConfiguration({
  url,
  caCertificate,
}: {
  url: string
  caCertificate: string
}): Promise<ApiObject> {
  const configuration = objectOf(
    await renderChart({ webhook: { failureProfile: 'ignore-guarded' } }),
    'MutatingWebhookConfiguration',
  )
  const clientConfig = { url, caBundle: Buffer.from(caCertificate).toString('base64') }
  return {
    ...configuration,
    webhooks: (configuration.webhooks as object[]).map((webhook) => ({ ...webhook, clientConfig })),
  }
}

function deploymentOf({ metadata, spec }: Pod): ApiObject {
  const labels = { app: 'inference' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'inference', namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: metadata?.annotations }, spec },
    },
  }
}
