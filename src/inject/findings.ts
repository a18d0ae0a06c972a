/** What was noticed on the way: all mistakes of a pod are answered at once, so nothing stops at the first. */
import type { Diagnostic, Warning, WarnReason } from '../reasons.ts'

export class Findings {
  readonly diagnostics: Diagnostic[] = []
  readonly warnings: Warning[] = []

  deny(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic)
  }

  warn(reason: WarnReason, message: string): void {
    if (!this.warnings.some((known) => known.message === message)) this.warnings.push({ reason, message })
  }

  get denied(): boolean {
    return this.diagnostics.length > 0
  }
}
