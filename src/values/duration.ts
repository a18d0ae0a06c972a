/** Durations as people write them: 90s, 10m, 2h, 1h30m, and ages, which also count days: 30d, 1d12h. */
import { parsed, unreadable, type Parsed } from './parsed.ts'
import type { ValueForm, ValueKind } from './value-form.ts'

const daySeconds = 86_400

const belowDays = '(?:(\\d{1,4})h)?(?:(\\d{1,6})m)?(?:(\\d{1,8})s)?'
const pattern = new RegExp(`^(?:(\\d{1,5})d)?${belowDays}$`)

const durationForm: ValueForm = { expression: belowDays, refused: '^[0hms]*$' }

/** Reads whole seconds, at least one. Days are refused: a task of an annotation that takes days is a slip. */
export function parseDurationSeconds(text: string): Parsed<number> {
  return text.includes('d') ? unreadable('is not a duration') : parseSeconds(text, 'is not a duration')
}

/** Reads whole seconds, at least one. */
export function parseAgeSeconds(text: string): Parsed<number> {
  return parseSeconds(text, 'is not an age')
}

function parseSeconds(text: string, problem: string): Parsed<number> {
  const match = pattern.exec(text)
  if (match === null || text === '') return unreadable(problem)
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((digits: string | undefined) => Number(digits ?? 0))
  const total = days * daySeconds + hours * 3600 + minutes * 60 + seconds
  return total > 0 ? parsed(total) : unreadable('must be at least one second')
}

/** Reads seconds without their unit, with up to three decimals, from 0. */
export function parseDecimalSeconds(text: string): Parsed<number> {
  return /^\d{1,4}(?:\.\d{1,3})?$/.test(text)
    ? parsed(Number(text))
    : unreadable('is not a number of seconds from 0 to 9999')
}

/** The largest unit that is not zero: 3 d, 5 h, 40 min, 10 s. */
export function formatAge(seconds: number): string {
  const units = [
    [daySeconds, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ] as const
  const [size, unit] = units.find(([least]) => seconds >= least) ?? [1, 's']
  return `${Math.max(0, Math.floor(seconds / size))} ${unit}`
}

export const durationValue: ValueKind<number> = { parse: parseDurationSeconds, form: durationForm }
