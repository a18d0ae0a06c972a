/** Dashboard and alerts name metrics that exist, with labels that exist; Prometheus can read every expression. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { objectOf, renderChart, valueIn } from '../kit/tools/helm.ts'
import { alertGroups, dashboardExpressions, metricsIn, ownMetrics, readDashboard } from '../kit/webhook/monitoring.ts'
import { promtool } from '../kit/tools/promtool.ts'

// The first run on a machine downloads Prometheus.
t.setTimeout(10 * 60 * 1000)

/** Metrics of API servers; their names are checked on a real one, in test/cluster/observability.test.ts. */
const ofApiServers = 'apiserver_admission_webhook_'

async function expressions(): Promise<readonly (readonly [where: string, expr: string])[]> {
  const { groups } = await alertGroups()
  return [
    ...dashboardExpressions(await readDashboard()),
    ...groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)),
  ]
}

t.test('every metric is one that the webhook tells, or an API server', async (t) => {
  const known = await ownMetrics()
  for (const [where, expr] of await expressions()) {
    const metrics = metricsIn(expr)
    t.ok(metrics.length > 0, `${where} names a metric`)
    t.strictSame(
      metrics.filter((name) => !known.has(name) && !name.startsWith(ofApiServers)),
      [],
      where,
    )
  }
})

t.test('it would notice one that does not exist', async (t) => {
  t.strictSame(metricsIn('sum by (le) (rate(a_total{outcome="b_total"}[5m])) > 4 * min(c) offset 15m'), [
    'a_total',
    'c',
  ])
  t.equal((await ownMetrics()).has('model_injector_admission_total'), false)
})

t.test('every label and every value of ours that is asked for exists', async (t) => {
  const known = await ownMetrics()
  for (const [where, expr] of await expressions()) {
    for (const { metric, label, values } of askedFor(expr)) {
      const there = known.get(metric)?.get(label)
      t.ok(
        values.every((value) => there?.has(value)),
        `${where}: ${metric}{${label}=~"${values.join('|')}"}`,
      )
    }
    const metrics = metricsIn(expr).filter((name) => known.has(name))
    const has =
      (label: string) =>
      (name: string): boolean =>
        known.get(name)!.has(label)
    // One of joined metrics has the label.
    for (const label of groupedBy(expr)) {
      t.ok(
        expr.includes('group_left') ? metrics.some(has(label)) : metrics.every(has(label)),
        `${where}: by (${label})`,
      )
    }
  }
})

t.test("every metric of ours but the runtime's is looked at somewhere", async (t) => {
  const used = new Set((await expressions()).flatMap(([, expr]) => metricsIn(expr)))
  const ours = [...(await ownMetrics()).keys()].filter(
    (name) => name.startsWith('model_injector_') && !/_(?:sum|count)$/.test(name),
  )
  t.strictSame(
    ours.filter((name) => !used.has(name)),
    [],
  )
})

t.test('the docs have a row for every metric of ours, with its labels and their values', async (t) => {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8')
  const rows = new Map(
    [...page.matchAll(/^\| `(model_injector_\w+)` \| \w+ \| (.*?) \|/gm)].map(([, name = '', labels = '']) => [
      name,
      labels,
    ]),
  )
  const known = new Map(
    [...(await ownMetrics())]
      .filter(([name]) => name.startsWith('model_injector_') && !/_(?:sum|count)$/.test(name))
      .map(([name, labels]) => [name.replace(/_bucket$/, ''), labels]),
  )
  t.strictSame([...rows.keys()].sort(), [...known.keys()].sort())
  for (const [name, labels] of known) {
    // Labels with many values, or with values in another row.
    const inShort = ['le', 'reason', 'status', 'hash', 'version', ...(name.includes('duration') ? ['outcome'] : [])]
    const words = [...labels].flatMap(([label, values]) => [label, ...(inShort.includes(label) ? [] : values)])
    t.strictSame(
      words.filter((word) => !rows.get(name)!.includes(`\`${word}\``)),
      [],
      name,
    )
  }
})

t.test('Prometheus can read every expression of the dashboard', async (t) => {
  const directory = t.testdir()
  const rules = dashboardExpressions(await readDashboard()).map(([, expr], i) => ({ record: `dashboard:${i}`, expr }))
  await writeFile(join(directory, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { ok, output } = await promtool(['check', 'rules', 'rules.yaml'], directory)
  t.equal(ok, true, output)
  t.match(output, `${rules.length} rules found`)
})

t.test('the chart puts the dashboard where Grafana looks for it', async (t) => {
  const configMap = objectOf(
    await renderChart({ metrics: { dashboard: { enabled: true, labels: { folder: 'ml' } } } }),
    'ConfigMap',
    'model-injector-dashboard',
  )
  t.strictSame(JSON.parse(valueIn(configMap, 'data', 'model-injector.json') as string), await readDashboard())
  t.equal(valueIn(configMap, 'metadata', 'labels', 'grafana_dashboard'), '1')
  t.equal(valueIn(configMap, 'metadata', 'labels', 'folder'), 'ml')
})

t.test('panels have ids and places of their own', async (t) => {
  const panels = (await readDashboard()).panels as unknown as readonly {
    id: number
    title: string
    gridPos: { x: number; y: number; w: number; h: number }
  }[]
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  for (const [i, { title, gridPos: a }] of panels.entries()) {
    t.ok(a.x + a.w <= 24, `${title} is not too wide`)
    const others = panels
      .slice(i + 1)
      .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
    t.strictSame(
      others.map((panel) => panel.title),
      [],
      `nothing lies on ${title}`,
    )
  }
})

interface Matcher {
  readonly metric: string
  readonly label: string
  readonly values: readonly string[]
}

function askedFor(expr: string): readonly Matcher[] {
  return [...expr.matchAll(/\b(model_injector_\w+)\{([^}]*)\}/g)].flatMap(([, metric = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)\s*(?:=~?|!=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => ({
      metric,
      label,
      values: value.split('|'),
    })),
  )
}

function groupedBy(expr: string): readonly string[] {
  return [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/))
}
