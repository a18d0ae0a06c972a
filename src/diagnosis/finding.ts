/** A finding of `check`: ok or not and, if not, why that matters and what to do. */
import type { CheckRow } from './check-row.ts'

/** `unchecked`: could not be checked, which is no judgement. */
export const severities = ['error', 'warning', 'unchecked', 'ok'] as const
export type Severity = (typeof severities)[number]

export interface Finding {
  /** Id of a row in the closed table of checks. */
  readonly id: string
  readonly severity: Severity
  /** The observed state. */
  readonly what: string
  /** Set on errors and warnings only. */
  readonly why?: string
  readonly remedy?: string
  /** Shell commands that carry out the remedy, to run in this order. */
  readonly commands?: readonly string[]
}

/** Constructors of findings for the rows of a table. The default remedy is the row's. */
export interface FindingConstructors<Id extends string> {
  readonly ok: (id: Id, what: string) => Finding
  readonly warning: (id: Id, what: string, remedy?: string) => Finding
  readonly error: (id: Id, what: string, remedy?: string) => Finding
  /** `because` starts in lower case and has no full stop, like all messages. */
  readonly unchecked: (id: Id, because: string) => Finding
}

export function findingsAbout<Id extends string>(rows: Readonly<Record<Id, CheckRow>>): FindingConstructors<Id> {
  const problem = (severity: Severity, id: Id, what: string, remedy: string): Finding => ({
    id,
    severity,
    what,
    why: rows[id].why,
    remedy,
  })
  return {
    ok: (id, what) => ({ id, severity: 'ok', what }),
    warning: (id, what, remedy = rows[id].remedy) => problem('warning', id, what, remedy),
    error: (id, what, remedy = rows[id].remedy) => problem('error', id, what, remedy),
    unchecked: (id, because) => ({ id, severity: 'unchecked', what: because }),
  }
}

export function withCommands(finding: Finding, ...commands: readonly string[]): Finding {
  return { ...finding, commands }
}
