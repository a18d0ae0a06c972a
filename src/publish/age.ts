/** Ages as people write them: 30d, 12h, 1d12h. */
import { parseDurationSeconds } from '../values/duration.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'

const daySeconds = 86_400

/** Reads seconds, at least one. */
export function parseAgeSeconds(text: string): Parsed<number> {
  const [, days, rest = ''] = /^(?:(\d{1,5})d)?(.*)$/s.exec(text) ?? []
  if (days === undefined) return ageOf(text, 0)
  if (rest !== '') return ageOf(rest, Number(days) * daySeconds)
  return Number(days) > 0 ? parsed(Number(days) * daySeconds) : unreadable('must be more than nothing')
}

function ageOf(text: string, more: number): Parsed<number> {
  const seconds = parseDurationSeconds(text)
  return seconds.ok ? parsed(seconds.value + more) : unreadable('is not an age')
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
