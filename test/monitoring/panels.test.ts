/** The dashboard of running webhooks: a real Prometheus scrapes two, and every panel has something to draw. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { post } from '../kit/webhook/https-client.ts'
import { dashboardExpressions, readDashboard } from '../kit/webhook/monitoring.ts'
import { startPrometheus } from '../kit/tools/promtool.ts'
import { annotatedManifest, plainPod, reviewOf } from '../kit/webhook/reviews.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// The first run on a machine downloads Prometheus.
t.setTimeout(10 * 60 * 1000)

/** Metrics of API servers, or of events that do not happen here: these webhooks are not overloaded. */
const notHere = [/apiserver_/, /model_injector_requests_refused_total/]
const policy = 'policy: {rules: [{name: llama, namespaces: [ml], sources: ["s3://models/*"]}]}'

t.test('every panel draws what is there', async (t) => {
  const directory = t.testdir({ a: {}, b: {} })
  const webhooks = await Promise.all(['a', 'b'].map((name) => startWebhook(join(directory, name), policy)))
  for (const webhook of webhooks) t.teardown(() => webhook.stop())
  await mkdir(join(directory, 'prometheus'))
  const prometheus = await startPrometheus(
    join(directory, 'prometheus'),
    webhooks.map(({ healthUrl }) => new URL(healthUrl).host),
  )
  t.teardown(() => prometheus.stop())

  const pods = [
    annotatedManifest(),
    plainPod(),
    annotatedManifest({ 'models.example.io/size': 'huge' }),
    annotatedManifest({ 'models.example.io/source': 's3://others/1/' }),
  ]
  const admit = async (): Promise<void> => {
    for (const { url, caCertificate } of webhooks) {
      for (const pod of pods) {
        await post({ port: Number(new URL(url).port), ca: caCertificate, agent: false }, reviewOf(pod))
      }
    }
  }
  const expressions = dashboardExpressions(await readDashboard()).filter(
    ([, expr]) => !notHere.some((one) => one.test(expr)),
  )
  t.ok(expressions.length >= 24, `${expressions.length} expressions`)
  for (const [title, expr] of expressions) {
    const series = await waitFor(`${title}: ${expr}`, async () => {
      await admit()
      const found = await prometheus.query(expr).catch(() => [])
      return found.length > 0 && found.every(({ value: [, value] }) => Number.isFinite(Number(value)))
        ? found
        : undefined
    })
    t.ok(series.length > 0, `${title}: ${series.length} series`)
  }

  const first = async (
    title: string,
  ): Promise<readonly [metric: Readonly<Record<string, string>>, value: number][]> => {
    const [, expr = ''] = expressions.find(([name]) => name === title) ?? []
    return (await prometheus.query(expr)).map(({ metric, value: [, value] }) => [metric, Number(value)])
  }
  t.strictSame(await first('Replicas'), [[{}, 2]])
  t.match(await first('Versions and configurations'), [[{ version: /^\d/, hash: /^[0-9a-f]{16}$/ }, 2]])
  t.match((await first('Denials by reason')).map(([{ reason }]) => reason).sort(), ['InvalidAnnotation', 'NotAllowed'])
  t.ok(
    (await first('Admissions by outcome')).some(([{ outcome }, perSecond]) => outcome === 'injected' && perSecond > 0),
  )
  t.ok((await first('Injected, last 24 h'))[0]![1] > 0)
})
