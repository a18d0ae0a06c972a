/** Collects denials and warnings: all mistakes of a pod are answered at once, so nothing stops at the first. */
import { type DenyReason, type Diagnostic, type Omitted, type Warning, type WarnReason } from '../reasons.ts'
import { printable, shorten } from '../values/print/printable.ts'

/** A hostile pod can have as many mistakes as fit into 3 MiB; people do not read more. */
const mostDiagnostics = 100

/** A rule of a policy may have much to say of what it refuses; all else is one sentence. */
const longest = { field: 400, found: 200, problem: 2000, accepted: 500, remedy: 500 } as const
const longestWarning = 500

export class Findings {
  readonly diagnostics: Diagnostic[] = []
  readonly warnings: Warning[] = []
  readonly #omitted = new Map<DenyReason, number>()
  readonly #fields = new Set<string>()
  readonly #messages = new Set<string>()
  #misread: ReadonlySet<string> | undefined

  deny(diagnostic: Diagnostic): void {
    this.denyEach(diagnostic.reason, diagnostic.field, () => diagnostic)
  }

  /**
   * For denials that a pod can have thousands of: what is only counted is not put into words. 31 models at one path in each of 32 containers
   * are 15,000.
   */
  denyEach(reason: DenyReason, field: string, describe: () => Diagnostic): void {
    if (this.#misread !== undefined && (reason === 'NotAllowed' || this.#misread.has(field))) return
    this.#fields.add(field)
    if (this.diagnostics.length < mostDiagnostics) this.diagnostics.push(shortened(describe()))
    else this.#omitted.set(reason, (this.#omitted.get(reason) ?? 0) + 1)
  }

  /** The field is no part of the message, which the API server may cut: commands that read files show its place. */
  warn(reason: WarnReason, message: string, field?: string): void {
    const line = shorten(printable(message.slice(0, longestWarning + 1)), longestWarning)
    if (this.#misread !== undefined || this.#messages.has(line)) return
    this.#messages.add(line)
    this.warnings.push({ reason, message: line, ...(field !== undefined && { field }) })
  }

  /**
   * Planning goes on with the default where an annotation could not be read, so that all mistakes of a pod come in one
   * answer. Errors that follow from that default are not the user's mistake, nor is a denial by the policy.
   */
  suppressFollowUpErrors(): void {
    if (this.denied) this.#misread = new Set(this.#fields)
  }

  get misread(): boolean {
    return this.#misread !== undefined
  }

  get denied(): boolean {
    return this.diagnostics.length > 0
  }

  /** The number of further denials by reason, after the limit of diagnostics. */
  get omitted(): Omitted {
    return Object.fromEntries(this.#omitted)
  }
}

/** Shortens every field: a value quoted in a diagnostic may be as long as a pod. */
export function shortened({ reason, field, found, problem, accepted, remedy }: Diagnostic): Diagnostic {
  return {
    reason,
    field: shorten(field, longest.field),
    ...(found !== undefined && { found: shorten(found, longest.found) }),
    problem: shorten(problem, longest.problem),
    ...(accepted !== undefined && { accepted: shorten(accepted, longest.accepted) }),
    ...(remedy !== undefined && { remedy: shorten(remedy, longest.remedy) }),
  }
}
