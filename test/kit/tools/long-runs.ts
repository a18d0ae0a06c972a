/** How many cases a law is tried on: fewer in the run that people wait for, many in `make test-long`. */

/** Set by `node test/run.ts --long`. */
const isLong = process.env.TEST_LONG === '1'

export function caseCount({ short, long }: { readonly short: number; readonly long: number }): number {
  return isLong ? long : short
}
