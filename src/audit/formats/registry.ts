/** The outputs by the names that `-o` takes. */
import type { Format } from './format.ts'
import { table } from './table.ts'

/** All but the default are loaded when they are asked for: some need libraries that take longer to load than an audit. */
export const auditFormats = {
  table,
  json: later(async () => (await import('./json.ts')).json),
  csv: later(async () => (await import('./csv.ts')).csv),
  sarif: later(async () => (await import('./sarif.ts')).sarif),
  junit: later(async () => (await import('./junit.ts')).junit),
  policyreport: later(async () => (await import('./reports.ts')).policyReport),
  openreports: later(async () => (await import('./reports.ts')).openReports),
} as const satisfies Readonly<Record<string, Format>>

function later(load: () => Promise<Format>): Format {
  return async function* (pods, context) {
    yield* (await load())(pods, context)
  }
}

export type FormatName = keyof typeof auditFormats

/** The readers of each output, for the docs. */
export const formatUses: Readonly<Record<FormatName, string>> = {
  table: 'people; `--quiet` leaves out pods that conform and are pinned',
  json: '`jq`: every pod with its models, owner, judgements and evidence, and every workload; a pod that does not conform, whatever other pods do, also has all injected fields, as they should be and as they are',
  csv: 'spreadsheets: a row for each model; no cell begins a formula',
  sarif:
    'code scanning (SARIF 2.1.0): a result for each judgement but `conforming`; its fingerprint is that of the workload, so it stays when pods come and go',
  junit: 'CI: a test case for each pod; errors, and the judgements of `--fail-on`, fail',
  policyreport: 'dashboards that read `PolicyReport` (wgpolicyk8s.io/v1alpha2): one for each pod, with one result',
  openreports: 'dashboards that read `Report` (openreports.io/v1alpha1): the same',
}

export const formatNames = Object.keys(auditFormats) as FormatName[]
