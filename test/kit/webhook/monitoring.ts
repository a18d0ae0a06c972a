/** Objects of the chart for Prometheus and Grafana, and the metrics that their expressions name. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createMetrics } from '../../../src/server/metrics.ts'
import { chartDirectory, objectOf, renderChart, type ChartValues } from '../tools/helm.ts'

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface Groups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}

export async function alertGroups(values: ChartValues = {}, rule: ChartValues = {}): Promise<Groups> {
  const objects = await renderChart({ ...values, metrics: { prometheusRule: { enabled: true, ...rule } } })
  return objectOf(objects, 'PrometheusRule').spec as Groups
}

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

export interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
}

export async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile(join(chartDirectory, 'files', 'dashboard.json'), 'utf8')) as Dashboard
}

/** By what they are for; Grafana's own variables stand for a time that Prometheus can read. */
export function dashboardExpressions({ panels }: Dashboard): readonly (readonly [title: string, expr: string])[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m')] as const),
  )
}

/** Words of PromQL that stand where a metric could; a label's name has an operator after it, or stands in by (…). */
const words =
  /\b(?:sum|count|min|max|and|or|on|by|rate|increase|absent|histogram_quantile|time|offset|topk|ignoring|without|unless|group_left|avg|label_replace)\b/g

export function metricsIn(expr: string): readonly string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(?:by|on|without|ignoring|group_left)\s*\([^)]*\)/g, '')
    .replace(/\[[^\]]*\]/g, '')
  return [...new Set(bare.replace(words, ' ').match(/[a-zA-Z_:][a-zA-Z0-9_:]*/g) ?? [])].filter(
    (name) => !/^\d|^[smhd]$/.test(name),
  )
}

/** As a scrape gives them, histograms in their parts; and of each label the values that are there. */
export async function ownMetrics(): Promise<ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>> {
  const metrics = createMetrics()
  metrics.config.loaded({ hash: '0123456789abcdef', loadedAtMs: 1 })
  metrics.certificate.loaded({ notBeforeMs: 1, notAfterMs: 2 })
  return seriesIn(await metrics.registry.metrics())
}

export function seriesIn(text: string): ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Map<string, Set<string>>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Map<string, Set<string>>()
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value))
    }
    found.set(name, known)
  }
  return found
}
