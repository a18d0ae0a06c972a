import t, { type Test } from 'tap'
import type { AdmissionRequest } from '../../../src/admission/review.ts'
import type { Outcome } from '../../../src/inject/inject.ts'
import { createMetrics } from '../../../src/server/metrics.ts'
import { createEventRecorder, type EventRecorder, type EventsApi } from '../../../src/server/record-events.ts'
import { captureLog, metric, shiftedClock, type CapturedLog } from '../../kit/webhook/server-kit.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const denied: Outcome = {
  outcome: 'denied',
  reason: 'NotAllowed',
  warnings: [],
  rules: [],
  diagnostics: [{ reason: 'NotAllowed', field: 'spec.a', problem: 'is not allowed' }],
}

function requestOf(uid: string, change: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const object = {
    metadata: { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'train', uid, controller: true }] },
  }
  return {
    uid: 'u',
    operation: 'CREATE',
    namespace: 'ml',
    name: '',
    dryRun: false,
    isPodCreation: true,
    object,
    ...change,
  }
}

interface Recorded {
  readonly recorder: EventRecorder
  readonly calls: readonly (readonly [verb: string, namespace: string, body: Record<string, unknown>])[]
  readonly log: CapturedLog
  readonly count: (result: string) => Promise<number | undefined>
  readonly when: (calls: number) => Promise<void>
  readonly api: { answer: () => Promise<boolean> }
  readonly clock: { shiftMs: number }
}

function recordTo(t: Test, limits = { most: 100, intervalMs: 100, idleMs: 600_000 }): Recorded {
  const calls: [string, string, Record<string, unknown>][] = []
  const api = { answer: () => Promise.resolve(true) }
  const eventsApi: EventsApi = {
    create: async (namespace, event) => {
      calls.push(['create', namespace, event as Record<string, unknown>])
      await api.answer()
    },
    patch: async (namespace, name, patch) => {
      calls.push(['patch', namespace, { name, ...patch }])
      return await api.answer()
    },
    close: () => {
      calls.push(['close', '', {}])
    },
  }
  const [log, metrics, shifted] = [captureLog(), createMetrics(), shiftedClock()]
  const clock = { now: shifted.now, monotonicMs: () => performance.now() + shifted.shiftMs }
  const recorder = createEventRecorder({
    api: eventsApi,
    clock,
    logger: log.logger,
    metrics,
    instance: 'pod-1',
    limits,
    tickMs: 5,
  })
  t.teardown(() => recorder.close())
  return {
    recorder,
    calls,
    log,
    api,
    clock: shifted,
    count: (result) => metric(metrics.registry, `model_injector_events_total{result="${result}"}`),
    when: async (count) => {
      await waitFor(`${count} calls`, () => Promise.resolve(calls.length >= count ? true : undefined))
    },
  }
}

t.test('an Event is as events.k8s.io/v1 wants it', async (t) => {
  const { recorder, calls, when } = recordTo(t)
  recorder.record(requestOf('a'), denied)
  await when(1)
  const [verb, namespace, event] = calls[0]!
  t.strictSame([verb, namespace], ['create', 'ml'])
  t.match(event, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: /^model-injector\.[0-9a-f]{16}$/, namespace: 'ml' },
    eventTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/,
    reportingController: 'models.example.io/model-injector',
    reportingInstance: 'pod-1',
    type: 'Warning',
    reason: 'NotAllowed',
    action: 'Deny',
    note: 'model-injector: 1 problem; spec.a: is not allowed',
    regarding: { apiVersion: 'batch/v1', kind: 'Job', name: 'train', uid: 'a', namespace: 'ml' },
  })
  t.notOk('series' in event, 'a series of one is refused')
})

t.test('a repeated event is counted in the same Event', async (t) => {
  const { recorder, calls, when, count } = recordTo(t)
  recorder.record(requestOf('a'), denied)
  await when(1)
  for (let i = 0; i < 500; i++) recorder.record(requestOf('a'), denied)
  await when(2)
  t.match(calls[1], ['patch', 'ml', { name: (calls[0]![2].metadata as { name: string }).name, series: { count: 501 } }])
  t.equal(await count('sent'), 2)
})

t.test('an Event that the API server has removed is made again', async (t) => {
  const { recorder, calls, when, api } = recordTo(t)
  recorder.record(requestOf('a'), denied)
  await when(1)
  api.answer = () => Promise.resolve(false)
  recorder.record(requestOf('a'), denied)
  await when(3)
  t.match(calls.slice(1), [['patch'], ['create', 'ml', { series: { count: 2 } }]])
})

t.test('failures are counted, said once a minute, and tried again', async (t) => {
  const { recorder, calls, when, api, log, count, clock } = recordTo(t)
  api.answer = () => Promise.reject(new Error('missing permission'))
  recorder.record(requestOf('a'), denied)
  await when(3)
  t.strictSame(
    log.lines.map(({ msg, problem }) => [msg, problem]),
    [['an Event could not be written', 'missing permission']],
  )
  clock.shiftMs = 60_000
  const before = calls.length
  await when(before + 2)
  t.equal(log.lines.length, 2)
  t.ok((await count('failed'))! >= 3)
  t.equal(await count('sent'), 0)
})

t.test('events without room are counted', async (t) => {
  const { recorder, count } = recordTo(t, { most: 2, intervalMs: 100, idleMs: 60_000 })
  for (const uid of ['a', 'b', 'c', 'd']) recorder.record(requestOf(uid), denied)
  t.equal(await count('dropped'), 2)
})

t.test('recording never blocks, and an API server that hangs gets one request at a time', async (t) => {
  const { recorder, calls, when, api } = recordTo(t)
  let release = (): void => undefined
  api.answer = () =>
    new Promise((resolve) => {
      release = () => {
        resolve(true)
      }
    })
  recorder.record(requestOf('a'), denied)
  await when(1)
  for (let i = 0; i < 10_000; i++) recorder.record(requestOf(i % 2 === 0 ? 'a' : 'b'), denied)
  t.equal(calls.length, 1)
  release()
  await when(2)
  api.answer = () => Promise.resolve(true)
  release()
})

t.test('a hostile pod has no Event, and breaks nothing', (t) => {
  const { recorder, calls } = recordTo(t)
  for (const object of [null, 3, 'x', { metadata: 3 }, { metadata: { ownerReferences: [[]] } }]) {
    recorder.record(requestOf('a', { object }), denied)
  }
  recorder.record(requestOf('a', { dryRun: true }), denied)
  t.strictSame(calls, [])
  t.end()
})

t.test('at the end, the remaining Events are recorded', async (t) => {
  const { recorder, calls, when } = recordTo(t, { most: 10, intervalMs: 60_000, idleMs: 600_000 })
  recorder.record(requestOf('a'), denied)
  await when(1)
  recorder.record(requestOf('a'), denied)
  recorder.record(requestOf('b'), denied)
  await recorder.close()
  t.strictSame(
    calls.map(([verb]) => verb),
    ['create', 'patch', 'create', 'close'],
  )
})

t.test('at the end, an API server that hangs is not waited for', async (t) => {
  const { recorder, calls, api } = recordTo(t)
  api.answer = () => new Promise(() => undefined)
  recorder.record(requestOf('a'), denied)
  await recorder.close()
  t.equal(calls.at(-1)?.[0], 'close')
})
