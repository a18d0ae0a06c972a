/** Parses the file of `--waivers`: strict YAML. All mistakes are reported, with their places. */
import { firstProblems, readYaml } from '../../config/read-yaml.ts'
import { asProblem, schemaProblems } from '../../config/schema-problems.ts'
import { quote, singleLine } from '../../values/print/printable.ts'
import { validateWaivers } from './validate-waivers.ts'
import type { WrittenWaiver } from './waiver-schema.ts'

export interface Waiver extends WrittenWaiver {
  /** Its place in the file, as `waivers[0]`. */
  readonly place: string
  /** It counts before this time, and not from then on. */
  readonly endsAt: number
}

export type WaiversResult =
  | { readonly ok: true; readonly waivers: readonly Waiver[] }
  | { readonly ok: false; readonly problems: readonly string[] }

/** An empty file has no waivers. */
export function parseWaivers(text: string): WaiversResult {
  const yaml = readYaml(text)
  if (!yaml.ok) return yaml
  const file = yaml.value ?? {}
  if (!validateWaivers(file)) return refused(schemaProblems(validateWaivers.errors ?? [], 'the file'))
  const written = file.waivers ?? []
  const problems = written.flatMap(({ until }, index) =>
    endOfDay(until) === undefined
      ? [asProblem(`waivers[${index}].until: ${quote(until)} is no day; accepted: year, month and day, as 2026-12-31`)]
      : [],
  )
  if (problems.length > 0) return refused(problems)
  const waivers = written.map((waiver, index) => ({
    ...waiver,
    reason: singleLine(waiver.reason),
    place: `waivers[${index}]`,
    endsAt: endOfDay(waiver.until) ?? 0,
  }))
  return { ok: true, waivers }
}

function refused(problems: readonly string[]): WaiversResult {
  return { ok: false, problems: firstProblems(problems) }
}

const dayMs = 24 * 60 * 60 * 1000

/** JavaScript makes 2 March of 30 February: the day must come out as it went in. */
function endOfDay(day: string): number | undefined {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN
  return Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day ? undefined : start + dayMs
}
