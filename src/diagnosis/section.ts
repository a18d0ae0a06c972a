/** A part of a report: findings under one title. */
import type { Finding } from './finding.ts'

export interface Section {
  readonly title: string
  readonly findings: readonly Finding[]
}
