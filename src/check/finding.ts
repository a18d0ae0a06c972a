/** What `check` says about one thing: whether it is as it should be, and if not, why that matters and how to mend it. */
import { checks, type CheckId } from './checks.ts'

/** `unchecked`: it could not be looked at, which is no judgement. */
export const severities = ['error', 'warning', 'unchecked', 'ok'] as const
export type Severity = (typeof severities)[number]

export interface Finding {
  readonly id: CheckId
  readonly severity: Severity
  /** What was found. */
  readonly what: string
  /** Both of errors and warnings only. */
  readonly why?: string
  readonly remedy?: string
  /** What does the remedy, as it can be given to a shell, one after the other. */
  readonly commands?: readonly string[]
}

export function ok(id: CheckId, what: string): Finding {
  return { id, severity: 'ok', what }
}

/** Without a remedy of its own, the one of the table. */
export function warning(id: CheckId, what: string, remedy: string = checks[id].remedy): Finding {
  return { id, severity: 'warning', what, why: checks[id].why, remedy }
}

export function error(id: CheckId, what: string, remedy: string = checks[id].remedy): Finding {
  return { id, severity: 'error', what, why: checks[id].why, remedy }
}

export function withCommands(finding: Finding, ...commands: readonly string[]): Finding {
  return { ...finding, commands }
}

/** `because` begins with a small letter and has no full stop, as all messages. */
export function unchecked(id: CheckId, because: string): Finding {
  return { id, severity: 'unchecked', what: because }
}
