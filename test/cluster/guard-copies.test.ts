/** Copies of injected pods, as people and controllers make them, past the webhook and the guard on a real API server. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import type { Pod } from '../../src/pod/pod.ts'
import { apiClient, type ApiClient } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { guardFindings, loaderRules } from '../kit/cluster/changed-loaders.ts'
import { guardMessage, installGuard, podObject, type PodObject } from '../kit/cluster/policies.ts'
import { ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { kubectlBinary } from '../kit/tools/helm.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const label = 'models.example.io/injected'
const asked = podObject({
  'models.example.io/source': 's3://models/llama/1.2.3/',
  'models.example.io/source.tok': 'pvc://models/tokenizer',
  'models.example.io/expect': 'objects=2',
  'models.example.io/size': '1Gi',
})

t.test('copies of an injected pod', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await installGuard(api)
  const webhook = await startWebhook(t.testdir())
  t.teardown(() => webhook.stop())
  await api.create(await ourConfiguration(webhook))
  await waitFor('the webhook to be called', async () =>
    (await api.tryCreate(asked, { dryRun: true })).status === 201 ? true : undefined,
  )
  await api.create(asked)
  const kubectl = async (...args: readonly string[]): Promise<void> => {
    await promisify(execFile)(await kubectlBinary(), ['--kubeconfig', controlPlane.kubeConfigFile, ...args])
  }

  for (const profile of ['general', 'baseline', 'restricted', 'netadmin', 'sysadmin']) {
    for (const kept of [['--keep-annotations'], ['--keep-annotations', '--keep-labels'], []]) {
      await t.test(`kubectl debug --copy-to --profile ${profile} ${kept.join(' ')} is admitted`, async (t) => {
        const name = `copy-${profile}-${kept.length}`
        await kubectl('debug', 'app', `--copy-to=${name}`, '--image=busybox:1', `--profile=${profile}`, ...kept)
        const copy = await podOf(api, name)
        t.ok(copy.spec.containers.some(({ image }) => image === 'busybox:1'))
        if (kept.length === 0) return
        t.equal(copy.metadata.labels?.[label], 'true', 'the label is back')
        const findings = guardFindings(copy, defaultConfig)
        t.strictSame(
          loaderRules.filter((rule) => (findings?.[rule].length ?? 1) > 0),
          [],
        )
      })
    }
  }

  await t.test('a restored manifest is admitted, also where another controller dropped the labels', async (t) => {
    const stored = await podOf(api, 'app')
    for (const [name, labels] of [
      ['restored', stored.metadata.labels],
      ['without-labels', undefined],
    ] as const) {
      const response = await api.tryCreate(restoredFrom(stored, name, labels))
      t.equal(guardMessage(response), undefined, name)
      t.equal((response.body as Pod).metadata?.labels?.[label], 'true', name)
    }
  })

  await t.test('a copy with a changed loader is put right by the webhook before the guard looks', async (t) => {
    const stored = await podOf(api, 'app')
    const copy = restoredFrom(stored, 'changed', undefined)
    const changed = {
      ...copy,
      spec: {
        ...copy.spec,
        initContainers: (copy.spec.initContainers ?? []).map((container) => ({ ...container, command: ['/bin/true'] })),
      },
    }
    const response = await api.tryCreate(changed)
    t.equal(guardMessage(response), undefined)
    t.strictSame(
      (response.body as Pod).spec.initContainers?.map(({ command }) => command),
      [undefined, undefined],
    )
  })

  await t.test('without the webhook the label is missed', async (t) => {
    await webhook.stop()
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/model-injector'
    await api.request('DELETE', path)
    const stored = await podOf(api, 'app')
    const refused = await waitFor('the webhook to be out of force', async () =>
      guardMessage(await api.tryCreate(restoredFrom(stored, 'unhealed', undefined), { dryRun: true })),
    )
    t.match(refused, /^metadata\.labels: no models\.example\.io\/injected: "true"/)
  })
})

async function podOf(api: ApiClient, name: string): Promise<PodObject> {
  const { status, body } = await api.request('GET', `/api/v1/namespaces/default/pods/${name}`)
  if (status !== 200) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`)
  return body as PodObject
}

/** As `kubectl get -o yaml` gives it, without what belongs to the first pod alone. */
function restoredFrom(
  { metadata: { annotations }, spec }: PodObject,
  name: string,
  labels: Readonly<Record<string, string>> | null | undefined,
): PodObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', annotations, ...(labels && { labels }) },
    spec,
  } as PodObject
}
