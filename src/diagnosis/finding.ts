/** A finding of `check` about one thing: as it should be or not, and if not, why that matters and what to do. */
import type { CheckRow } from './check-row.ts'

/** `unchecked`: it could not be looked at, which is no judgement. */
export const severities = ['error', 'warning', 'unchecked', 'ok'] as const
export type Severity = (typeof severities)[number]

export interface Finding {
  /** The row of the closed table of checks. */
  readonly id: string
  readonly severity: Severity
  /** What was found. */
  readonly what: string
  /** Both of errors and warnings only. */
  readonly why?: string
  readonly remedy?: string
  /** What does the remedy, as it can be given to a shell, one after the other. */
  readonly commands?: readonly string[]
}

/** The ways to state findings about the rows of a table. A remedy that is not given is that of the row. */
export interface Findings<Id extends string> {
  readonly ok: (id: Id, what: string) => Finding
  readonly warning: (id: Id, what: string, remedy?: string) => Finding
  readonly error: (id: Id, what: string, remedy?: string) => Finding
  /** `because` begins with a small letter and has no full stop, as all messages. */
  readonly unchecked: (id: Id, because: string) => Finding
}

export function findingsAbout<Id extends string>(rows: Readonly<Record<Id, CheckRow>>): Findings<Id> {
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
