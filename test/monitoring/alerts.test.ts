/** The chart's alerts, judged by Prometheus' own tool: each fires when it should, and is silent when all is well. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { alertGroups, type Rule } from '../kit/webhook/monitoring.ts'
import { promtool } from '../kit/tools/promtool.ts'

// The first run on a machine downloads Prometheus.
t.setTimeout(10 * 60 * 1000)

/** Series in promtool's notation; what is left out is as when all is well. */
type Series = Readonly<Record<string, string>>

const pods = ['a', 'b']
const each = (metric: string, values: string, labels = ''): Series =>
  Object.fromEntries(pods.map((pod) => [`${metric}{instance="${pod}"${labels}}`, values]))
const ours = 'name="pods.models.example.io"'
const latency = (le: Readonly<Record<string, string>>): Series =>
  Object.fromEntries(
    Object.entries(le).map(([bound, values]) => [
      `apiserver_admission_webhook_admission_duration_seconds_bucket{${ours},le="${bound}"}`,
      values,
    ]),
  )
const inner = (le: Readonly<Record<string, string>>): Series =>
  Object.fromEntries(
    Object.entries(le).map(([bound, values]) => [
      `model_injector_admission_duration_seconds_bucket{outcome="injected",le="${bound}"}`,
      values,
    ]),
  )

/** Certificates of 90 days, 60 of which are left; time begins at 0 here. */
const day = 86400
const well: Series = {
  ...each('model_injector_build_info', '1x3000', ',version="0.1.0"'),
  ...each('model_injector_config_info', '1x3000', ',hash="0123456789abcdef"'),
  ...each('model_injector_config_reload_ok', '1x3000'),
  ...each('model_injector_certificate_reload_ok', '1x3000'),
  ...each('model_injector_certificate_not_before_timestamp_seconds', `${-30 * day}x3000`),
  ...each('model_injector_certificate_not_after_timestamp_seconds', `${60 * day}x3000`),
  ...each('model_injector_admissions_total', '0+10x3000', ',outcome="injected",reason="Injected"'),
  ...each('model_injector_admissions_total', '0+1x3000', ',outcome="denied",reason="InvalidAnnotation"'),
  ...each('model_injector_admissions_total', '0x3000', ',outcome="failed",reason="InternalError"'),
  ...each('model_injector_policy_denials_total', '0x3000', ',mode="enforce"'),
  ...each('model_injector_policy_denials_total', '0x3000', ',mode="audit"'),
  ...each('model_injector_events_total', '0+5x3000', ',result="sent"'),
  ...each('model_injector_events_total', '0x3000', ',result="failed"'),
  ...each('model_injector_connections_dropped_total', '0x3000'),
  ...each('model_injector_requests_refused_total', '0x3000', ',status="503"'),
  ...each('model_injector_requests_refused_total', '0+9x3000', ',status="404"'),
  [`apiserver_admission_webhook_rejection_count{${ours},error_type="no_error",rejection_code="422"}`]: '0+1x3000',
  'apiserver_admission_webhook_rejection_count{name="others.example.com",error_type="calling_webhook_error"}':
    '0+5x3000',
  'apiserver_admission_webhook_fail_open_count{name="others.example.com"}': '0+5x3000',
  ...latency({
    '0.005': '0+90x3000',
    '0.5': '0+100x3000',
    '2.5': '0+100x3000',
    '10': '0+100x3000',
    '+Inf': '0+100x3000',
  }),
  ...inner({
    '0.0005': '0+90x3000',
    '0.1': '0+100x3000',
    '0.25': '0+100x3000',
    '2.5': '0+100x3000',
    '+Inf': '0+100x3000',
  }),
}

interface Case {
  readonly alert: string
  readonly when: string
  /** Instead of the series of the same name; undefined: there is none. */
  readonly series: Readonly<Record<string, string | undefined>>
  readonly at?: string
  /** The labels that tell several alerts apart; none: it is silent. */
  readonly fires: readonly string[]
}

const none = (metric: string): Readonly<Record<string, undefined>> =>
  Object.fromEntries(
    Object.keys(well)
      .filter((series) => series.startsWith(metric))
      .map((series) => [series, undefined]),
  )
const once = ['']
const onA = ['instance="a", ']
const both = pods.map((pod) => `instance="${pod}", `)

const cases: readonly Case[] = [
  {
    alert: 'ModelInjectorAbsent',
    when: 'no replica is scraped',
    series: none('model_injector_build_info'),
    at: '6m',
    fires: once,
  },
  {
    alert: 'ModelInjectorAbsent',
    when: 'one replica is left',
    series: { 'model_injector_build_info{instance="a",version="0.1.0"}': undefined },
    fires: [],
  },
  {
    alert: 'ModelInjectorReplicasDown',
    when: 'one of two replicas is gone',
    series: { 'model_injector_build_info{instance="a",version="0.1.0"}': undefined },
    at: '16m',
    fires: once,
  },
  {
    alert: 'ModelInjectorReplicasDown',
    when: 'one of two replicas is away for a moment',
    series: { 'model_injector_build_info{instance="a",version="0.1.0"}': '1x5 _x10 1x100' },
    at: '16m',
    fires: [],
  },
  {
    alert: 'ModelInjectorWebhookFailing',
    when: 'API servers cannot call it',
    series: {
      [`apiserver_admission_webhook_rejection_count{${ours},error_type="calling_webhook_error",rejection_code="0"}`]:
        '0+1x100',
    },
    at: '12m',
    fires: once,
  },
  {
    alert: 'ModelInjectorWebhookFailing',
    when: 'API servers pass it over',
    series: { [`apiserver_admission_webhook_fail_open_count{${ours}}`]: '0+1x100' },
    at: '12m',
    fires: once,
  },
  {
    alert: 'ModelInjectorInternalErrors',
    when: 'one admission failed',
    series: { 'model_injector_admissions_total{instance="a",outcome="failed",reason="InternalError"}': '0x5 1x100' },
    at: '8m',
    fires: once,
  },
  {
    alert: 'ModelInjectorNearTimeout',
    when: 'two of a hundred wait for more than half of the timeout',
    series: latency({
      '0.005': '0+50x100',
      '0.5': '0+95x100',
      '2.5': '0+98x100',
      '10': '0+100x100',
      '+Inf': '0+100x100',
    }),
    at: '20m',
    fires: once,
  },
  {
    alert: 'ModelInjectorSlow',
    when: 'two of a hundred take more than a quarter of a second',
    series: inner({
      '0.0005': '0+50x100',
      '0.1': '0+95x100',
      '0.25': '0+98x100',
      '2.5': '0+100x100',
      '+Inf': '0+100x100',
    }),
    at: '20m',
    fires: once,
  },
  {
    alert: 'ModelInjectorOverloaded',
    when: 'a connection was dropped',
    series: { 'model_injector_connections_dropped_total{instance="a"}': '0x5 1x100' },
    at: '8m',
    fires: once,
  },
  {
    alert: 'ModelInjectorOverloaded',
    when: 'a request was turned away',
    series: { 'model_injector_requests_refused_total{instance="a",status="503"}': '0x5 1x100' },
    at: '8m',
    fires: once,
  },
  { alert: 'ModelInjectorOverloaded', when: 'others ask for pages that are not there', series: {}, fires: [] },
  {
    alert: 'ModelInjectorCertificateExpiresSoon',
    when: 'a certificate of 90 days has 13 left',
    series: each('model_injector_certificate_not_before_timestamp_seconds', `${-77 * day}x100`),
    at: '15m',
    fires: [],
  },
  {
    alert: 'ModelInjectorCertificateExpiresSoon',
    when: 'a certificate of 90 days has less than 14 left',
    series: {
      ...each('model_injector_certificate_not_before_timestamp_seconds', `${-77 * day}x100`),
      ...each('model_injector_certificate_not_after_timestamp_seconds', `${13 * day}x100`),
    },
    at: '15m',
    fires: both,
  },
  {
    alert: 'ModelInjectorCertificateExpiresSoon',
    when: 'a certificate of ten years has 30 days left, which renewal takes care of',
    series: {
      ...each('model_injector_certificate_not_before_timestamp_seconds', `${-3620 * day}x100`),
      ...each('model_injector_certificate_not_after_timestamp_seconds', `${30 * day}x100`),
    },
    at: '15m',
    fires: [],
  },
  {
    alert: 'ModelInjectorCertificateExpiresSoon',
    when: 'a certificate of a day has 12 hours left, which renewal takes care of',
    series: {
      ...each('model_injector_certificate_not_before_timestamp_seconds', `${-day / 2}x100`),
      ...each('model_injector_certificate_not_after_timestamp_seconds', `${day / 2}x100`),
    },
    at: '15m',
    fires: [],
  },
  {
    alert: 'ModelInjectorCertificateExpiresSoon',
    when: 'a certificate of a day has 4 hours left',
    series: {
      ...each('model_injector_certificate_not_before_timestamp_seconds', `${-20 * 3600}x100`),
      ...each('model_injector_certificate_not_after_timestamp_seconds', `${4 * 3600}x100`),
    },
    at: '15m',
    fires: both,
  },
  {
    alert: 'ModelInjectorCertificateUnusable',
    when: 'a replica has no certificate',
    series: { 'model_injector_certificate_not_after_timestamp_seconds{instance="a"}': '0x100' },
    at: '4m',
    fires: onA,
  },
  {
    alert: 'ModelInjectorCertificateUnusable',
    when: 'the certificate has expired',
    series: { 'model_injector_certificate_not_after_timestamp_seconds{instance="a"}': '60x100' },
    at: '5m',
    fires: onA,
  },
  {
    alert: 'ModelInjectorCertificateRefused',
    when: 'a new certificate was refused',
    series: { 'model_injector_certificate_reload_ok{instance="a"}': '0x100' },
    at: '6m',
    fires: onA,
  },
  {
    alert: 'ModelInjectorCertificateRefused',
    when: 'there was never one, which is another alert',
    series: {
      'model_injector_certificate_reload_ok{instance="a"}': '0x100',
      'model_injector_certificate_not_after_timestamp_seconds{instance="a"}': '0x100',
    },
    at: '6m',
    fires: [],
  },
  {
    alert: 'ModelInjectorConfigRefused',
    when: 'a new configuration was refused',
    series: { 'model_injector_config_reload_ok{instance="a"}': '0x100' },
    at: '6m',
    fires: onA,
  },
  {
    alert: 'ModelInjectorConfigsDiffer',
    when: 'replicas have different configurations',
    series: {
      'model_injector_config_info{instance="a",hash="0123456789abcdef"}': undefined,
      'model_injector_config_info{instance="a",hash="fedcba9876543210"}': '1x100',
    },
    at: '16m',
    fires: once,
  },
  {
    alert: 'ModelInjectorConfigsDiffer',
    when: 'one replica reads a new configuration before the other',
    series: {
      'model_injector_config_info{instance="a",hash="0123456789abcdef"}': '1x5 _x5 1x100',
      'model_injector_config_info{instance="a",hash="fedcba9876543210"}': '_x5 1x5 _x100',
    },
    at: '16m',
    fires: [],
  },
  {
    alert: 'ModelInjectorDenialsSpike',
    when: 'denials are ten times those of the day before',
    series: each(
      'model_injector_admissions_total',
      '0+1x1500 1511+10x100',
      ',outcome="denied",reason="InvalidAnnotation"',
    ),
    at: '1520m',
    fires: once,
  },
  {
    alert: 'ModelInjectorDenialsSpike',
    when: 'the webhook was installed an hour ago',
    series: each('model_injector_admissions_total', '0+10x100', ',outcome="denied",reason="InvalidAnnotation"'),
    at: '60m',
    fires: [],
  },
  {
    alert: 'ModelInjectorDenialsSpike',
    when: 'denials are as many as on every day',
    series: {},
    at: '1520m',
    fires: [],
  },
  {
    alert: 'ModelInjectorDenialsSpike',
    when: 'there are only a few',
    series: each(
      'model_injector_admissions_total',
      '0x1510 1+1x4 5x100',
      ',outcome="denied",reason="InvalidAnnotation"',
    ),
    at: '1520m',
    fires: [],
  },
  {
    alert: 'ModelInjectorPolicyDenials',
    when: 'the policy refused a pod',
    series: { 'model_injector_policy_denials_total{instance="a",mode="enforce"}': '0x5 1x100' },
    at: '8m',
    fires: once,
  },
  {
    alert: 'ModelInjectorPolicyDenials',
    when: 'the policy in audit mode would have refused a pod',
    series: { 'model_injector_policy_denials_total{instance="a",mode="audit"}': '0x5 1x100' },
    at: '8m',
    fires: [],
  },
  {
    alert: 'ModelInjectorPolicyWouldDeny',
    when: 'the policy in audit mode would have refused a pod',
    series: { 'model_injector_policy_denials_total{instance="a",mode="audit"}': '0x5 1x100' },
    at: '8m',
    fires: once,
  },
  {
    alert: 'ModelInjectorEventsLost',
    when: 'Events fail all the time',
    series: { 'model_injector_events_total{instance="a",result="failed"}': '0+1x100' },
    at: '45m',
    fires: once,
  },
  {
    alert: 'ModelInjectorEventsLost',
    when: 'one Event failed',
    series: { 'model_injector_events_total{instance="a",result="failed"}': '0x5 1x100' },
    at: '20m',
    fires: [],
  },
]

t.test('Prometheus takes the rules', async (t) => {
  const directory = t.testdir()
  await writeFile(join(directory, 'rules.yaml'), stringify(await alertGroups()))
  const { ok, output } = await promtool(['check', 'rules', 'rules.yaml'], directory)
  t.equal(ok, true, output)
  t.match(output, /SUCCESS: \d+ rules found/)
})

t.test('each alert fires when it should, and else is silent', async (t) => {
  const rules = await allRules()
  const directory = t.testdir()
  await writeFile(join(directory, 'rules.yaml'), stringify(await alertGroups()))
  await Promise.all(
    cases.map(async (one, i) => {
      await writeFile(join(directory, `${i}.yaml`), stringify(testFile(one, rules)))
      const { ok, output } = await promtool(['test', 'rules', `${i}.yaml`], directory)
      t.equal(ok, true, `${one.alert}, ${one.when}: ${ok ? '' : output}`)
    }),
  )
})

t.test('no alert fires when all is well', async (t) => {
  const directory = t.testdir()
  await writeFile(join(directory, 'rules.yaml'), stringify(await alertGroups()))
  const quiet = ['20m', '2h', '1520m'].map((at) => ({ expr: 'ALERTS', eval_time: at, exp_samples: [] }))
  await writeFile(join(directory, 'well.yaml'), stringify(promtoolTest(well, quiet)))
  const { ok, output } = await promtool(['test', 'rules', 'well.yaml'], directory)
  t.equal(ok, true, output)
})

t.test('every alert has a case in which it fires', async (t) => {
  const firing = new Set(cases.filter(({ fires }) => fires.length > 0).map(({ alert }) => alert))
  t.strictSame([...firing].sort(), (await allRules()).map(({ alert }) => alert).sort())
})

t.test('it would notice an alert that does not fire', async (t) => {
  const directory = t.testdir()
  const groups = await alertGroups()
  const broken = {
    groups: groups.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) =>
        rule.alert === 'ModelInjectorAbsent' ? { ...rule, expr: 'absent(up) > 2' } : rule,
      ),
    })),
  }
  await writeFile(join(directory, 'rules.yaml'), stringify(broken))
  await writeFile(join(directory, 'test.yaml'), stringify(testFile(cases[0]!, await allRules())))
  t.equal((await promtool(['test', 'rules', 'test.yaml'], directory)).ok, false)
})

t.test('texts for people have the numbers in them', async (t) => {
  const directory = t.testdir()
  await writeFile(join(directory, 'rules.yaml'), stringify(await alertGroups()))
  const rule = (await allRules()).find(({ alert }) => alert === 'ModelInjectorReplicasDown')!
  const series = { ...well, 'model_injector_build_info{instance="a",version="0.1.0"}': undefined }
  const expected = {
    exp_labels: rule.labels,
    exp_annotations: { ...rule.annotations, summary: '1 of 2 replicas of the model-injector webhook run.' },
  }
  await writeFile(
    join(directory, 'test.yaml'),
    stringify(promtoolTest(series, [], [{ alertname: rule.alert, eval_time: '16m', exp_alerts: [expected] }])),
  )
  const { ok, output } = await promtool(['test', 'rules', 'test.yaml'], directory)
  t.equal(ok, true, output)
})

t.test('every alert has a runbook', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'runbooks.md'), 'utf8')
  const sections = page
    .split(/^## /m)
    .slice(1)
    .map((section) => section.split('\n', 1)[0]!)
  const rules = await allRules()
  t.strictSame(
    sections.filter((title) => title.startsWith('ModelInjector')),
    rules.map(({ alert }) => alert),
    'a section for each, in their order',
  )
  for (const { alert, annotations } of rules) {
    t.equal(annotations.runbook_url, `docs/runbooks.md#${alert.toLowerCase()}`)
    const section = page.split(`## ${alert}\n`)[1]!.split(/^## /m)[0]!
    for (const part of ['**Meaning.**', '**Remedy.**']) t.match(section, part, `${alert} has ${part}`)
  }
})

t.test('runbooks may lie elsewhere', async (t) => {
  const { groups } = await alertGroups({}, { runbookURL: 'https://wiki.example.com/runbooks' })
  t.equal(groups[0]!.rules[0]!.annotations.runbook_url, 'https://wiki.example.com/runbooks#modelinjectorabsent')
})

t.test('the alerts follow the values', async (t) => {
  const rules = (
    await alertGroups({
      replicas: 3,
      webhook: { timeoutSeconds: 9, failureProfile: 'ignore' },
      guard: { enabled: false },
    })
  ).groups.flatMap((group) => group.rules)
  const of = (alert: string): Rule => rules.find((rule) => rule.alert === alert)!
  t.equal(of('ModelInjectorReplicasDown').expr, 'count(model_injector_build_info) < 3')
  t.match(of('ModelInjectorNearTimeout').expr, /> 4\.5\s*$/)
  t.match(
    of('ModelInjectorNearTimeout').annotations.description,
    /after 9 s, and then annotated pods are created without their model/,
  )
  t.match(of('ModelInjectorWebhookFailing').annotations.description, /start without their model/)
})

async function allRules(): Promise<readonly Rule[]> {
  return (await alertGroups()).groups.flatMap(({ rules }) => rules)
}

function testFile({ alert, series, at = '20m', fires }: Case, rules: readonly Rule[]): object {
  const { severity } = rules.find((rule) => rule.alert === alert)!.labels
  const samples = fires.map((labels) => ({
    labels: `ALERTS{alertname="${alert}", alertstate="firing", ${labels}severity="${severity}"}`,
    value: 1,
  }))
  return promtoolTest({ ...well, ...series }, [
    { expr: `ALERTS{alertname="${alert}",alertstate="firing"}`, eval_time: at, exp_samples: samples },
  ])
}

function promtoolTest(
  series: Readonly<Record<string, string | undefined>>,
  promql: readonly object[],
  alerts: readonly object[] = [],
): object {
  const input = Object.entries(series).flatMap(([name, values]) =>
    values === undefined ? [] : [{ series: name, values }],
  )
  return {
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [{ interval: '1m', input_series: input, promql_expr_test: promql, alert_rule_test: alerts }],
  }
}
