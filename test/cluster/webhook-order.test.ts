import t from 'tap'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject } from '../../src/inject/inject.ts'
import type { Container, Pod } from '../../src/pod/pod.ts'
import { startAlternatingProxy } from '../kit/webhook/alternating-proxy.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { startForeignWebhook } from '../kit/cluster/foreign-webhook.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { foreignConfiguration, ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

t.test('with another webhook on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const directory = t.testdir({ ours: {}, second: {}, proxy: {}, foreign: {} })
  const webhook = await startWebhook(`${directory}/ours`)
  t.teardown(() => webhook.stop())
  await api.create(await ourConfiguration(webhook))
  const alone = await waitFor('our webhook to be called', async () => injectedOnly(await tryPod(api)))

  const foreign = await startForeignWebhook(`${directory}/foreign`, mirrorImagesAndAddSidecar)
  t.teardown(() => foreign.close())

  for (const [place, letter] of [
    ['before', 'a'],
    ['after', 'z'],
  ] as const) {
    for (const reinvocationPolicy of ['Never', 'IfNeeded'] as const) {
      await t.test(
        `that runs ${place} ours and is reinvoked ${reinvocationPolicy}, our parts are whole and the same`,
        async (t) => {
          const name = `${letter}-rewriter`
          await api.create(foreignConfiguration(name, foreign, reinvocationPolicy))
          const pod = await waitFor('the other webhook to be called', () => podWithContainers(api, 2))
          await removeConfiguration(api, name)
          await waitFor('the other webhook to be out of force', () => podWithContainers(api, 1))

          t.strictSame(ownParts(pod), ownParts(alone))
          t.equal(inject(pod, 'default', defaultConfig).outcome, 'skipped', 'a further pass adds nothing')
          t.ok(appOf(pod).image?.startsWith('mirror.example.com/'), 'the other webhook did its work on the app')
          const image = pod.spec.initContainers?.[0]?.image ?? ''
          const mirrored = place === 'after' || reinvocationPolicy === 'IfNeeded'
          t.equal(image.startsWith('mirror.example.com/'), mirrored, 'the image it gave our loader is left as found')
        },
      )
    }
  }

  await t.test('two replicas with different configurations answer the two passes of one pod', async (t) => {
    const second = await startWebhook(
      `${directory}/second`,
      'defaults: { image: "other:2", memory: 1Gi, mount-path: /other/NAME }\nsidecars: []\n',
    )
    t.teardown(() => second.stop())
    const proxy = await startAlternatingProxy(`${directory}/proxy`, [webhook, second])
    t.teardown(() => proxy.close())
    await removeConfiguration(api, 'model-injector')
    await api.create(await ourConfiguration(proxy))
    await api.create(foreignConfiguration('z-rewriter', foreign, 'Never'))
    await waitFor('the second replica to be asked', async () => {
      await tryPod(api)
      return second.admissions().length > 0 ? true : undefined
    })
    await waitFor('the other webhook to be called', () => podWithContainers(api, 2))

    const asked = [webhook, second].map((replica) => replica.admissions().length)
    const pod = await tryPod(api)
    const lines = await waitFor('a log line of each replica', () => {
      const last = [webhook, second].map((replica, i) => replica.admissions()[asked[i] ?? 0])
      return Promise.resolve(last.includes(undefined) ? undefined : last)
    })

    const reasons = lines.map((line) => line?.reason)
    t.strictSame([...reasons].sort(), ['Healed', 'Injected'], 'one injected, the other put its own image there')
    const mountPath = reasons[0] === 'Injected' ? '/models/model' : '/other/model'
    t.equal(appOf(pod).volumeMounts?.find(({ name }) => name === 'model-data')?.mountPath, mountPath)
    t.strictSame(
      pod.spec.initContainers?.map(({ name }) => name),
      ['model-loader'],
    )
    t.equal(inject(pod, 'default', defaultConfig).outcome, 'skipped')
  })
})

/** Changes as webhooks of registry mirrors and log collectors make them. */
function mirrorImagesAndAddSidecar(pod: Pod): Pod {
  const mirror = (container: Container): Container =>
    container.image?.startsWith('mirror.example.com/')
      ? container
      : { ...container, image: `mirror.example.com/${container.image ?? ''}` }
  const sidecar = { name: 'fluent-bit', image: 'mirror.example.com/fluent-bit:3' }
  const { containers, initContainers } = pod.spec
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [
        ...containers.map(mirror),
        ...(containers.some(({ name }) => name === sidecar.name) ? [] : [sidecar]),
      ],
      ...(initContainers && { initContainers: initContainers.map(mirror) }),
    },
  }
}

/** A dry run goes through the whole admission chain and stores nothing. */
async function tryPod(api: ApiClient): Promise<Pod> {
  const pod: ApiObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      namespace: 'default',
      annotations: { 'models.example.io/source': 's3://models/llama/', 'models.example.io/size': '1Gi' },
    },
    spec: { containers: [{ name: 'app', image: 'app:1', resources: { requests: { cpu: '1', memory: '1Gi' } } }] },
  }
  const { status, body } = await api.tryCreate(pod, { dryRun: true })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body as Pod
}

async function podWithContainers(api: ApiClient, count: number): Promise<Pod | undefined> {
  const pod = await tryPod(api)
  return pod.spec.containers.length === count ? pod : undefined
}

function injectedOnly(pod: Pod): Pod | undefined {
  return (pod.spec.initContainers ?? []).length > 0 ? pod : undefined
}

async function removeConfiguration(api: ApiClient, name: string): Promise<void> {
  await api.request('DELETE', `${configurations}/${name}`)
  await waitFor(`${name} to be out of force`, async () =>
    (await api.request('GET', `${configurations}/${name}`)).status === 404 ? true : undefined,
  )
}

function appOf(pod: Pod): Container {
  const app = pod.spec.containers.find(({ name }) => name === 'app')
  if (app === undefined) throw new Error('the pod has lost its app')
  return app
}

/** Everything we own but the image, which others may rewrite, and the token mount, which the API server adds in a second pass. */
function ownParts(pod: Pod): object {
  const loaders = (pod.spec.initContainers ?? []).map(
    ({ name, args, env, resources, securityContext, volumeMounts }) => ({
      name,
      args,
      env,
      resources,
      securityContext,
      volumeMounts: (volumeMounts ?? []).filter(({ name: volume }) => !volume.startsWith('kube-api-access-')),
    }),
  )
  return {
    loaders,
    volumes: (pod.spec.volumes ?? []).filter(({ name }) => !name.startsWith('kube-api-access-')),
    mounts: appOf(pod).volumeMounts?.filter(({ name }) => name === 'model-data'),
    status: pod.metadata?.annotations?.['models.example.io/status'],
    label: pod.metadata?.labels?.['models.example.io/injected'],
  }
}
