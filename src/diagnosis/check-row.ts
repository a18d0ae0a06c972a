/** A row of the closed table of checks. */
export interface CheckRow {
  /** The expected state, as a sentence. */
  readonly about: string
  readonly why: string
  readonly remedy: string
}

export function row(definition: CheckRow): CheckRow {
  return definition
}
