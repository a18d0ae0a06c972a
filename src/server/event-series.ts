/**
 * Groups many admissions into few Events: those of one owner, type and reason are one Event with a count. Pure: uses
 * neither clock nor API server; times are monotonic.
 */
import { randomBytes } from 'node:crypto'
import type { AdmissionEvent } from './admission-event.ts'

export interface SeriesLimits {
  /** Largest number of series in memory; a pod's author can invent owners. */
  readonly most: number
  /** An Event is written at its first occurrence, then at most once per interval. */
  readonly intervalMs: number
  /** A series is forgotten after this long without occurrences; the next one is a new Event. */
  readonly idleMs: number
}

/** As in client-go, a series ends after 6 minutes of silence. */
const defaultSeriesLimits: SeriesLimits = { most: 1000, intervalMs: 10_000, idleMs: 360_000 }

export interface Series {
  readonly event: AdmissionEvent
  /** Name of the Event in the API. */
  readonly name: string
  /** Count that the API server already has. */
  sent: number
  unsent: number
  dueMs: number
  lastMs: number
}

export interface EventSeries {
  /** False if there is no room for another series. */
  readonly add: (event: AdmissionEvent, nowMs: number) => boolean
  /** The series that has been due for longest. */
  readonly next: (nowMs: number) => Series | undefined
  readonly wrote: (series: Series, count: number) => void
  /** Defers the series to the next interval, whatever the result of the request was. */
  readonly postpone: (series: Series, nowMs: number) => void
  /** Forgets silent series, and returns the number of occurrences that were never sent. */
  readonly expire: (nowMs: number) => number
  readonly unsent: () => readonly Series[]
}

export function createEventSeries({ most, intervalMs, idleMs }: SeriesLimits = defaultSeriesLimits): EventSeries {
  const all = new Map<string, Series>()

  function add(event: AdmissionEvent, nowMs: number): boolean {
    const key = keyOf(event)
    const known = all.get(key)
    if (known === undefined && all.size >= most) return false
    const series = known?.event.note === event.note ? known : begin(event, known?.dueMs ?? nowMs)
    series.unsent++
    series.lastMs = nowMs
    all.set(key, series)
    return true
  }

  function expire(nowMs: number): number {
    const silent = [...all].filter(([, { lastMs }]) => nowMs - lastMs > idleMs)
    for (const [key] of silent) all.delete(key)
    return silent.reduce((sum, [, { unsent }]) => sum + unsent, 0)
  }

  const unsent = (): Series[] => [...all.values()].filter((series) => series.unsent > 0)
  const next = (nowMs: number): Series | undefined =>
    unsent()
      .filter(({ dueMs }) => dueMs <= nowMs)
      .reduce<Series | undefined>(
        (first, series) => (first !== undefined && first.dueMs <= series.dueMs ? first : series),
        undefined,
      )
  const postpone = (series: Series, nowMs: number): void => {
    series.dueMs = nowMs + intervalMs
  }
  return { add, next, wrote, postpone, expire, unsent }
}

function wrote(series: Series, count: number): void {
  series.sent += count
  series.unsent -= count
}

/** A different mistake of the same owner is another Event; it waits for the same interval. */
function begin(event: AdmissionEvent, dueMs: number): Series {
  return { event, name: `model-injector.${randomBytes(8).toString('hex')}`, sent: 0, unsent: 0, dueMs, lastMs: dueMs }
}

function keyOf({ owner, type, reason }: AdmissionEvent): string {
  return JSON.stringify([owner.namespace, owner.uid, owner.kind, owner.name, type, reason])
}
