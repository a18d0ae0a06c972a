/** Events as API objects of events.k8s.io/v1. */
import type { Series } from './event-series.ts'

/** Found by `kubectl get events --field-selector reportingComponent=...`. */
const reportingController = 'models.example.io/model-injector'

const longestInstance = 128

export interface EventContext {
  /** Name of the replica. */
  readonly instance: string
  readonly nowMs: number
}

export function newEvent({ event, name }: Series, count: number, { instance, nowMs }: EventContext): object {
  const { owner, type, reason, action, note } = event
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: owner.namespace },
    eventTime: microTime(nowMs),
    reportingController,
    reportingInstance: instance.slice(0, longestInstance),
    type,
    reason,
    action,
    note,
    regarding: owner,
    // The API server refuses a series of one.
    ...(count > 1 && { series: seriesOf(count, nowMs) }),
  }
}

/** A JSON merge patch; the other fields of an Event are immutable. */
export function countPatch({ sent }: Series, count: number, { nowMs }: Pick<EventContext, 'nowMs'>): object {
  return { series: seriesOf(sent + count, nowMs) }
}

function seriesOf(count: number, nowMs: number): object {
  return { count, lastObservedTime: microTime(nowMs) }
}

/** MicroTime has exactly six decimal places. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}
