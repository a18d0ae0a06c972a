/** Durations as people write them: 90s, 10m, 2h, 1h30m. */
import { parsed, unreadable, type Parsed } from './parsed.ts'

const durationPattern = /^(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?$/

/** Reads whole seconds, at least one. */
export function parseDurationSeconds(text: string): Parsed<number> {
  const match = durationPattern.exec(text)
  if (match === null || text === '') return unreadable('is not a duration')
  const [hours, minutes, seconds] = match.slice(1).map((digits: string | undefined) => Number(digits ?? 0))
  const total = (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
  return total > 0 ? parsed(total) : unreadable('must be at least one second')
}
