/** The whole way: pods in a real API server, `model-injector audit --serve` and `--html` beside it, and a browser in front. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { defaultConfig } from '../../../src/config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'
import { apiClient, type KubernetesObject } from '../../support/api-client.ts'
import { startControlPlane } from '../../support/control-plane.ts'
import { openBrowser, shownPods } from './browser.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const main = join(import.meta.dirname, '../../../src/main.ts')
const script = '</script><script>alert("annotation")</script>'
const asks = {
  'models.example.io/source': 's3://models/llama/1.2.3/', 'models.example.io/size': '1Gi',
  'models.example.io/expect': `manifest=SHA256SUMS@sha256:${'0123456789abcdef'.repeat(4)}`,
}

function podOf(name: string, annotations: Readonly<Record<string, string>>): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'apps', annotations }, spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] } }
}

function injected(pod: KubernetesObject): KubernetesObject {
  const outcome = inject(pod, 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod as unknown as KubernetesObject
}

/** Someone who knows how the parts look, and has the loader fetch another model. */
function tampered(pod: KubernetesObject): KubernetesObject {
  const text = JSON.stringify(injected(pod))
  const changed = text.replace('{"name":"MODEL_SOURCE","value":"s3://models/llama/1.2.3/"}', '{"name":"MODEL_SOURCE","value":"s3://elsewhere/llama/1.2.3/"}')
  if (changed === text) throw new Error(`there is no MODEL_SOURCE in ${text}`)
  return JSON.parse(changed) as KubernetesObject
}

const pods = [
  injected(podOf('good', asks)),
  tampered(podOf('tampered', asks)),
  podOf('missing', asks),
  podOf('hostile', { 'models.example.io/source': script, 'models.example.io/mount-path': `/\u202e${'x'.repeat(200_000)}`, 'models.example.io/status': script, 'models.example.io/env': 'שלום' }),
  podOf('unconcerned', {}),
]

t.test('in a cluster', { timeout }, async (t) => {
  const browser = await openBrowser()
  t.teardown(() => browser.close())
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => { api.close() })
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

  await t.test('served, it follows the cluster, and keeps what it has when the API server is gone', async (t) => {
    const child = spawn(process.execPath, [main, 'audit', ...where, '--serve'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
    t.teardown(() => child.kill('SIGKILL'))
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const { page } = await browser.openUrl(/http:\S+/.exec(line)?.[0] ?? line)
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
