/** Parses the file of `--waivers`: strict YAML. All mistakes are reported, with their places. */
import type { ErrorObject } from 'ajv'
import { firstProblems, readYaml } from '../../config/read-yaml.ts'
import { asProblem, schemaProblems } from '../../config/schema-problems.ts'
import { printable, quote, singleLine } from '../../values/print/printable.ts'
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

/** An empty file has no waivers. `name` is the one that people know the file by. */
export function parseWaivers(text: string, name: string): WaiversResult {
  const yaml = readYaml(text)
  const at = (line: number) => (problem: string) => `${printable(name)}:${line}: ${problem}`
  if (!yaml.ok) return { ok: false, problems: yaml.problems.map(at(yaml.line)) }
  const file = yaml.value ?? {}
  if (typeof file !== 'object' || Array.isArray(file)) return refused([at(yaml.lineOf([]))(wrongShape(file))])
  if (!validateWaivers(file)) {
    const errors = validateWaivers.errors ?? []
    return refused(errors.flatMap((error) => schemaProblems([error], 'the file').map(at(yaml.lineOf(placeOf(error))))))
  }
  const written = file.waivers ?? []
  const problems = written.flatMap(({ until }, index) =>
    endOfDay(until) === undefined
      ? [`waivers[${index}].until: ${quote(until)} is no day; accepted: year, month and day, as 2026-12-31`]
          .map(asProblem)
          .map(at(yaml.lineOf(['waivers', index, 'until'])))
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

function wrongShape(file: unknown): string {
  return `is ${Array.isArray(file) ? 'a list' : 'no mapping'}; accepted: a mapping with the key waivers, and the list below it`
}

/** Keys of the error's value, down to the key that is too much. */
function placeOf({ instancePath, params }: ErrorObject): readonly string[] {
  const { additionalProperty } = params as { readonly additionalProperty?: string }
  const keys = instancePath.split('/').slice(1)
  return [
    ...keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~')),
    ...(additionalProperty === undefined ? [] : [additionalProperty]),
  ]
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
