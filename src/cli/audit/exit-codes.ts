/** The exit codes of `audit`, for its help and docs/audit.md. */
export const auditExits = {
  0: 'audited',
  1: 'could not audit',
  2: 'the command was not understood',
  3: 'audited, and there is what `--fail-on` names',
} as const
