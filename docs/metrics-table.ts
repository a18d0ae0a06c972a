/** The table of metrics for docs/metrics.md, from the registry that the webhook serves. */
import { printMarkdownTable } from '../src/cli/table.ts'
import { createMetrics } from '../src/server/metrics.ts'

/** Labels with many values, or with values that other installations do not have. */
const describedLabels: Readonly<Record<string, string>> = {
  reason: '`reason`: every reason of the table of reasons',
  status: '`status`: HTTP status',
  hash: '`hash`',
  version: '`version`',
  le: '`le`: seconds',
}

export async function metricsInMarkdown(): Promise<string> {
  const { registry, config } = createMetrics()
  // The label of config_info exists from the first configuration on.
  config.loaded({ hash: '', loadedAtMs: 0 })
  const metrics = await registry.getMetricsAsJSON()
  const rows = metrics
    .filter(({ name }) => name.startsWith('model_injector_'))
    .map(({ name, type, help, values }) => [
      `\`${name}\``,
      String(type),
      describeLabels(values.map(({ labels }) => labels)),
      help,
    ])
  return printMarkdownTable(['Metric', 'Type', 'Labels', 'Meaning'], rows)
}

function describeLabels(series: readonly object[]): string {
  const values = new Map<string, Set<string>>()
  for (const [label, value] of series.flatMap((labels) => Object.entries(labels))) {
    values.set(label, (values.get(label) ?? new Set()).add(String(value)))
  }
  return [...values].map(([label, own]) => describedLabels[label] ?? describeValues(label, own)).join('; ')
}

function describeValues(label: string, values: ReadonlySet<string>): string {
  return `\`${label}\`: ${[...values].map((value) => `\`${value}\``).join(', ')}`
}
