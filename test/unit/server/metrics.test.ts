import t from 'tap'
import { deliveries } from '../../../src/values/source.ts'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { warnReasons } from '../../../src/reasons.ts'
import { createMetrics } from '../../../src/server/metrics.ts'
import { version } from '../../../src/version.ts'
import { seriesIn } from '../../kit/webhook/monitoring.ts'
import { annotatedManifest, reviewOf, type Fields } from '../../kit/webhook/reviews.ts'
import { buildTestServer, metric } from '../../kit/webhook/server-kit.ts'

type Count = (series: string) => Promise<number | undefined>

async function admit(
  pods: readonly Fields[],
  { config = defaultConfig, request = {} }: { config?: Config; request?: Fields } = {},
): Promise<Count> {
  const { app, metrics } = buildTestServer({ getConfig: () => config })
  for (const pod of pods) await app.inject({ method: 'POST', url: '/mutate', payload: reviewOf(pod, request) })
  await app.close()
  return (series) => metric(metrics.registry, series)
}

t.test('every label has the closed set of its table, and every series is there from the start', async (t) => {
  const known = seriesIn(await createMetrics().registry.metrics())
  const values = (name: string, label: string): string[] => [...known.get(name)!.get(label)!].sort()
  t.strictSame(values('model_injector_warnings_total', 'reason'), Object.keys(warnReasons).sort())
  t.strictSame(values('model_injector_models_injected_total', 'delivery'), [...deliveries].sort())
  t.strictSame(values('model_injector_policy_denials_total', 'mode'), ['audit', 'enforce'])
  t.strictSame(values('model_injector_events_total', 'result'), ['dropped', 'failed', 'sent'])
  t.strictSame(values('model_injector_admissions_total', 'outcome'), ['denied', 'failed', 'injected', 'skipped'])
  t.strictSame(values('model_injector_build_info', 'version'), [version])
  t.equal(values('model_injector_admission_duration_seconds_bucket', 'le')[0], '+Inf')
  t.ok(values('model_injector_admission_duration_seconds_bucket', 'le').includes('0.0005'))
})

t.test('a value that is in no table makes no series', async (t) => {
  const metrics = createMetrics()
  metrics.countInjectedModel('pigeon')
  t.notMatch(await metrics.registry.metrics(), /pigeon/)
})

t.test('models are counted by their delivery', async (t) => {
  const count = await admit([annotatedManifest({ 'models.example.io/source.b': 'pvc://claim' }), annotatedManifest()])
  t.equal(await count('model_injector_models_injected_total{delivery="download"}'), 2)
  t.equal(await count('model_injector_models_injected_total{delivery="claim"}'), 1)
})

t.test('a dry run counts no model', async (t) => {
  const count = await admit([annotatedManifest()], { request: { dryRun: true } })
  t.equal(await count('model_injector_admissions_total{outcome="injected",reason="Injected"}'), 1)
  t.equal(await count('model_injector_models_injected_total{delivery="download"}'), 0)
})

t.test('warnings are counted by their reason', async (t) => {
  const count = await admit([
    annotatedManifest(),
    annotatedManifest(),
    annotatedManifest({ 'models.example.io/expect': 'objects=1' }),
  ])
  t.equal(await count('model_injector_warnings_total{reason="NoExpectation"}'), 2)
  t.equal(await count('model_injector_warnings_total{reason="NoSize"}'), 0)
})

t.test('a pod that the policy refuses is counted once, whatever else is wrong', async (t) => {
  const parsed = parseConfig('policy: {rules: [{name: other, namespaces: [elsewhere]}]}')
  t.ok(parsed.ok)
  const config = parsed.ok ? parsed.config : defaultConfig
  const count = await admit(
    [
      annotatedManifest({ 'models.example.io/source.b': 's3://models/b/' }),
      annotatedManifest({ 'models.example.io/size': 'x' }),
    ],
    { config },
  )
  t.equal(await count('model_injector_policy_denials_total{mode="enforce"}'), 1)
  t.equal(await count('model_injector_policy_denials_total{mode="audit"}'), 0)
})

t.test('a pod that a policy in audit mode would refuse is injected, and counted', async (t) => {
  const parsed = parseConfig('policy: {mode: audit, rules: [{name: other, namespaces: [elsewhere]}]}')
  t.ok(parsed.ok)
  const count = await admit([annotatedManifest({ 'models.example.io/source.b': 's3://models/b/' })], {
    config: parsed.ok ? parsed.config : defaultConfig,
  })
  t.equal(await count('model_injector_admissions_total{outcome="injected",reason="Injected"}'), 1)
  t.equal(await count('model_injector_policy_denials_total{mode="audit"}'), 1)
  t.equal(await count('model_injector_policy_denials_total{mode="enforce"}'), 0)
  t.ok((await count('model_injector_warnings_total{reason="PolicyWouldDeny"}'))! > 0)
})

t.test('the ages of configuration and certificate can be computed', async (t) => {
  const metrics = createMetrics()
  t.equal(await metric(metrics.registry, 'model_injector_certificate_not_after_timestamp_seconds'), 0)
  metrics.config.loaded({ hash: 'x', loadedAtMs: 5000 })
  metrics.certificate.loaded({ notBeforeMs: 1000, notAfterMs: 9000 })
  t.equal(await metric(metrics.registry, 'model_injector_config_last_reload_success_timestamp_seconds'), 5)
  t.equal(await metric(metrics.registry, 'model_injector_certificate_not_before_timestamp_seconds'), 1)
  t.equal(await metric(metrics.registry, 'model_injector_certificate_not_after_timestamp_seconds'), 9)
})
