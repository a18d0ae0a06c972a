/** What was noticed on the way: all mistakes of a pod are answered at once, so nothing stops at the first. */
import { printable, type Diagnostic, type Warning, type WarnReason } from '../reasons.ts'

export class Findings {
  readonly diagnostics: Diagnostic[] = []
  readonly warnings: Warning[] = []

  deny(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic)
  }

  warn(reason: WarnReason, message: string): void {
    const line = printable(message)
    if (!this.warnings.some((known) => known.message === line)) this.warnings.push({ reason, message: line })
  }

  get denied(): boolean {
    return this.diagnostics.length > 0
  }
}
