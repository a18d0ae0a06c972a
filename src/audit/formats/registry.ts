/** The outputs by the names that `-o` takes. */
import { csv } from './csv.ts'
import type { Format } from './format.ts'
import { json } from './json.ts'
import { junit } from './junit.ts'
import { openReports, policyReport } from './reports.ts'
import { sarif } from './sarif.ts'
import { table } from './table.ts'

export const auditFormats = {
  table,
  json,
  csv,
  sarif,
  junit,
  policyreport: policyReport,
  openreports: openReports,
} as const satisfies Readonly<Record<string, Format>>

export type FormatName = keyof typeof auditFormats

export const formatNames = Object.keys(auditFormats) as FormatName[]
