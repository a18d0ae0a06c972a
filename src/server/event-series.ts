/**
 * Many admissions, few Events: all of one owner, type and reason are one Event that counts. Knows no clock and no API server;
 * times are those of a clock that never jumps.
 */
import { randomBytes } from 'node:crypto'
import type { AdmissionEvent } from './admission-event.ts'

export interface SeriesLimits {
  /** What is remembered at once; a pod's author can invent owners. */
  readonly most: number
  /** An Event is written at its first occurrence, then at most this often. */
  readonly intervalMs: number
  /** What was not seen for so long is forgotten; what comes later is a new Event. */
  readonly idleMs: number
}

/** As client-go: a series ends after 6 minutes of silence. */
const defaultSeriesLimits: SeriesLimits = { most: 1000, intervalMs: 10_000, idleMs: 360_000 }

export interface Series {
  readonly event: AdmissionEvent
  /** Of the Event in the API. */
  readonly name: string
  /** How many the API server has been told of. */
  sent: number
  unsent: number
  dueMs: number
  lastMs: number
}

export interface EventSeries {
  /** False where there is no room for another series. */
  readonly add: (event: AdmissionEvent, nowMs: number) => boolean
  /** What is due for the longest time. */
  readonly next: (nowMs: number) => Series | undefined
  readonly wrote: (series: Series, count: number) => void
  /** Not before the next interval, whatever came of it. */
  readonly postpone: (series: Series, nowMs: number) => void
  /** Forgets what fell silent, and says how much of it was never told. */
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

/** A mistake that was mended in another way is another Event; it waits for its turn like the one before. */
function begin(event: AdmissionEvent, dueMs: number): Series {
  return { event, name: `model-injector.${randomBytes(8).toString('hex')}`, sent: 0, unsent: 0, dueMs, lastMs: dueMs }
}

function keyOf({ owner, type, reason }: AdmissionEvent): string {
  return JSON.stringify([owner.namespace, owner.uid, owner.kind, owner.name, type, reason])
}
