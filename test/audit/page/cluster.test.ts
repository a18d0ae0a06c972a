/** The whole way: pods in a real API server, `model-injector audit --serve` and `--html`, and a browser. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'
import { apiClient, type ApiObject } from '../../kit/cluster/api-client.ts'
import { startControlPlane } from '../../kit/cluster/control-plane.ts'
import { objectOf, renderChart } from '../../kit/tools/helm.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { openBrowser, shownPods } from './browser.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const main = join(import.meta.dirname, '../../../src/main.ts')
const script = '</script><script>alert("annotation")</script>'
const asks = {
  'models.example.io/source': 's3://models/llama/1.2.3/',
  'models.example.io/size': '1Gi',
  'models.example.io/expect': `manifest=SHA256SUMS@sha256:${'0123456789abcdef'.repeat(4)}`,
}

function podOf(name: string, annotations: Readonly<Record<string, string>>): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'apps', annotations },
    spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
  }
}

function injected(pod: ApiObject): ApiObject {
  const outcome = inject(pod, 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod as unknown as ApiObject
}

/** Someone who knows how the parts look, and has the loader fetch another model. */
function tampered(pod: ApiObject): ApiObject {
  const text = JSON.stringify(injected(pod))
  const changed = text.replace(
    '{"name":"MODEL_SOURCE","value":"s3://models/llama/1.2.3/"}',
    '{"name":"MODEL_SOURCE","value":"s3://elsewhere/llama/1.2.3/"}',
  )
  if (changed === text) throw new Error(`there is no MODEL_SOURCE in ${text}`)
  return JSON.parse(changed) as ApiObject
}

const configMaps = '/api/v1/namespaces/model-injector/configmaps'
const registrations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

const pods = [
  injected(podOf('good', asks)),
  tampered(podOf('tampered', asks)),
  podOf('missing', asks),
  podOf('hostile', {
    'models.example.io/source': script,
    'models.example.io/mount-path': `/\u202e${'x'.repeat(200_000)}`,
    'models.example.io/status': script,
    'models.example.io/env': 'שלום',
  }),
  podOf('unconcerned', {}),
]

t.test('in a cluster', { timeout }, async (t) => {
  const browser = await openBrowser()
  t.teardown(() => browser.close())
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await api.createNamespace('apps')
  for (const pod of pods) await api.create(pod)
  const directory = t.testdir()
  const config = join(directory, 'config.yaml')
  await writeFile(config, '')
  const where = ['--kubeconfig', controlPlane.kubeConfigFile, '--config', config]

  await t.test('the file shows every pod as it is, and what would be code as text', async (t) => {
    const file = join(directory, 'report.html')
    const { code } = await runCLI(['audit', ...where, '--html', file])
    t.equal(code, 0)
    const { page, requests, complaints } = await browser.openUrl(pathToFileURL(file).href)
    t.strictSame((await shownPods(page)).sort(), ['good', 'hostile', 'missing', 'tampered'])
    t.strictSame(await page.getByRole('row', { name: 'good' }).locator('.badge').allInnerTexts(), ['✓ conforming'])
    t.equal(await page.getByRole('row', { name: 'missing' }).locator('.badge').first().innerText(), '✕ missing')
    await page.getByRole('button', { name: 'tampered', exact: false }).last().click()
    t.match(await page.locator('.diff').innerText(), 's3://elsewhere/llama/1.2.3/')
    await page.getByRole('button', { name: 'hostile' }).click()
    t.match(await page.locator('body').innerText(), 'alert(')
    t.notMatch(await page.locator('body').innerText(), /\u202e/)
    t.ok((await page.locator('body').innerText()).length < 30_000)
    t.equal(requests.length, 1)
    t.strictSame(complaints, [])
  })

  async function serve(
    t: Test,
    args: readonly string[],
  ): Promise<{ readonly child: ChildProcess; readonly page: Page }> {
    const child = spawn(process.execPath, [main, 'audit', ...args, '--serve'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    t.teardown(() => child.kill('SIGKILL'))
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    return { child, page: (await browser.openUrl(/http:\S+/.exec(line)?.[0] ?? line)).page }
  }

  await t.test(
    'served, it judges by the configuration of the cluster as that is now, and by none that is bad',
    async (t) => {
      await api.createNamespace('model-injector')
      const objects = await renderChart()
      for (const [kind, collection] of [
        ['Service', '/api/v1/namespaces/model-injector/services'],
        ['ConfigMap', configMaps],
        ['Deployment', '/apis/apps/v1/namespaces/model-injector/deployments'],
        ['MutatingWebhookConfiguration', registrations],
      ] as const) {
        t.equal((await api.request('POST', collection, objectOf(objects, kind))).status, 201, kind)
      }
      const configure = async (text: string): Promise<void> => {
        const configMap = objectOf(objects, 'ConfigMap')
        t.equal(
          (
            await api.request('PUT', `${configMaps}/${configMap.metadata?.name ?? ''}`, {
              ...configMap,
              data: { 'config.yaml': text },
            })
          ).status,
          200,
        )
      }
      await configure('')
      const { page } = await serve(t, where.slice(0, 2))
      const good = page.getByRole('row', { name: 'good' })
      await good.waitFor()
      t.strictSame(await good.locator('.badge').allInnerTexts(), ['✓ conforming'])
      const hash = await page.locator('#about code').innerText()
      await configure('policy: {rules: [{name: others, namespaces: [others]}]}')
      await good.locator('.badge', { hasText: 'not allowed' }).waitFor({ timeout: 60_000 })
      t.match(await page.locator('#about').innerText(), 'ConfigMap model-injector/model-injector')
      t.not(await page.locator('#about code').innerText(), hash)
      await configure('policy: {rule: []}')
      await page.locator('#liveness[data-kind=stale]').waitFor({ timeout: 60_000 })
      t.match(
        await page.locator('#liveness').innerText(),
        /Reading failed: ConfigMap .* is not a valid configuration: .*rule/,
      )
      t.strictSame(await good.locator('.badge').allInnerTexts(), ['✕ not allowed'], 'what was known is still there')
      t.equal((await api.request('DELETE', `${registrations}/model-injector`)).status, 200)
      await waitFor('the API server to forget the webhook', async () =>
        (await api.tryCreate(podOf('late', asks), { dryRun: true })).status === 201 ? true : undefined,
      )
    },
  )

  await t.test('served, it follows the file of the configuration', async (t) => {
    const { page } = await serve(t, where)
    const good = page.getByRole('row', { name: 'good' })
    await good.waitFor()
    t.strictSame(await good.locator('.badge').allInnerTexts(), ['✓ conforming'])
    await writeFile(config, 'defaults: {timeout: 4h}')
    await good.locator('.badge', { hasText: 'outdated' }).waitFor({ timeout: 60_000 })
    await writeFile(config, '')
    await good.locator('.badge', { hasText: 'conforming' }).waitFor({ timeout: 60_000 })
  })

  await t.test('served, it follows the cluster, and keeps what it has when the API server is gone', async (t) => {
    const { child, page } = await serve(t, where)
    await page.getByRole('button', { name: 'good' }).waitFor()
    t.equal((await shownPods(page)).length, 4)
    await api.create(podOf('late', asks))
    await page.getByRole('button', { name: 'late' }).waitFor({ timeout: 60_000 })
    t.equal(await page.locator('#amounts').innerText(), '5 pods')
    await controlPlane.stop()
    await page.locator('#liveness[data-kind=stale]').waitFor({ timeout: 120_000 })
    t.match(await page.locator('#liveness').innerText(), 'Reading failed')
    t.equal((await shownPods(page)).length, 5)
    child.kill('SIGINT')
    t.equal(((await once(child, 'exit')) as [number | null])[0], 0)
  })
})
