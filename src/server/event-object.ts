/** Events as the API server takes them: events.k8s.io/v1. */
import type { Series } from './event-series.ts'

/** By this name `kubectl get events --field-selector reportingComponent=...` finds them. */
const reportingController = 'models.example.io/model-injector'

const longestInstance = 128

export interface EventContext {
  /** Which replica it was. */
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
    // A series of one is refused.
    ...(count > 1 && { series: seriesOf(count, nowMs) }),
  }
}

/** A merge patch: all but the series of an Event is unchangeable. */
export function countPatch({ sent }: Series, count: number, { nowMs }: Pick<EventContext, 'nowMs'>): object {
  return { series: seriesOf(sent + count, nowMs) }
}

function seriesOf(count: number, nowMs: number): object {
  return { count, lastObservedTime: microTime(nowMs) }
}

/** MicroTime has exactly six digits behind the second. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}
