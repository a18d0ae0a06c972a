/** Events: equal ones counted together, the newest first. */
import type { ClusterEvent } from '../../../cluster/objects.ts'

export interface Notice {
  readonly reason: string
  readonly message: string
  readonly count: number
  /** Time of the last one; empty where the event has none. */
  readonly at: string
  /** Container that it is about. */
  readonly container: string | undefined
  readonly isWarning: boolean
}

/** A controller that fails writes the same text again in new events, once those from before are an hour old. */
export function noticesOf(events: readonly ClusterEvent[]): readonly Notice[] {
  const all = events.map(noticeOf).toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
  const groups = Map.groupBy(all, ({ reason, message, container = '' }) => JSON.stringify([reason, container, message]))
  return [...groups.values()].flatMap((same) =>
    same.slice(0, 1).map((newest) => ({ ...newest, count: same.reduce((sum, { count }) => sum + count, 0) })),
  )
}

function noticeOf(event: ClusterEvent): Notice {
  const { reason = '', message = '', type, involvedObject } = event
  return {
    ...timesOf(event),
    reason,
    message,
    container: /\{(.*)\}$/.exec(involvedObject?.fieldPath ?? '')?.[1],
    isWarning: type === 'Warning',
  }
}

/** The scheduler's events have `series` and `eventTime`, those of the kubelet `count` and `lastTimestamp`. */
function timesOf({ series, count, lastTimestamp, eventTime, metadata }: ClusterEvent): Pick<Notice, 'count' | 'at'> {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp]
  return {
    count: series?.count ?? count ?? 1,
    at: times.find((time) => time !== undefined && time !== null) ?? '',
  }
}

/** `(12 times, last at 2026-01-11T09:12:44Z)`. */
export function describeTimes({ count, at }: Notice): string {
  const last = at === '' ? '' : `at ${at.replace(/\.\d+Z$/, 'Z')}`
  if (count === 1) return last === '' ? '' : ` (${last})`
  return ` (${count} times${last === '' ? '' : `, last ${last}`})`
}
