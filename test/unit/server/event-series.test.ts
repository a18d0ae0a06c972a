import t from 'tap'
import type { AdmissionEvent } from '../../../src/server/admission-event.ts'
import { createEventSeries } from '../../../src/server/event-series.ts'

const limits = { most: 3, intervalMs: 10_000, idleMs: 60_000 }
const event = (uid: string, change: Partial<AdmissionEvent> = {}): AdmissionEvent => ({
  owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, namespace: 'ml' },
  type: 'Warning',
  reason: 'InvalidAnnotation',
  action: 'Deny',
  note: 'size is bad',
  ...change,
})

t.test('a hundred pods a second of one owner are one Event that counts', (t) => {
  const series = createEventSeries(limits)
  let writes = 0
  for (let ms = 0; ms < 60_000; ms += 10) {
    series.add(event('a'), ms)
    const due = series.next(ms)
    if (due === undefined) continue
    writes++
    series.postpone(due, ms)
    series.wrote(due, due.unsent)
  }
  t.equal(writes, 6)
  const [rest] = series.unsent()
  t.equal(rest!.sent + rest!.unsent, 6000)
  t.end()
})

t.test('the first occurrence is due at once, the next after the interval', (t) => {
  const series = createEventSeries(limits)
  series.add(event('a'), 1000)
  const due = series.next(1000)!
  t.equal(due.unsent, 1)
  series.postpone(due, 1000)
  series.wrote(due, 1)
  series.add(event('a'), 1001)
  t.equal(series.next(10_999), undefined)
  t.equal(series.next(11_000), due)
  t.end()
})

t.test('an Event that could not be written is tried again, with later ones', (t) => {
  const series = createEventSeries(limits)
  series.add(event('a'), 0)
  series.postpone(series.next(0)!, 0)
  series.add(event('a'), 5)
  t.equal(series.next(9_999), undefined)
  t.equal(series.next(10_000)!.unsent, 2)
  t.end()
})

t.test('other owners, types, reasons and notes are other Events', (t) => {
  const series = createEventSeries({ ...limits, most: 10 })
  for (const one of [event('a'), event('b'), event('a', { type: 'Normal' }), event('a', { reason: 'NotAllowed' })]) {
    series.add(one, 0)
  }
  t.equal(new Set(series.unsent().map(({ name }) => name)).size, 4)
  t.end()
})

t.test('another mistake of the same owner is a new Event, and waits for its turn', (t) => {
  const series = createEventSeries(limits)
  series.add(event('a'), 0)
  const first = series.next(0)!
  series.postpone(first, 0)
  series.wrote(first, 1)
  series.add(event('a', { note: 'source is bad' }), 100)
  t.equal(series.next(9_999), undefined)
  const second = series.next(10_000)!
  t.not(second.name, first.name)
  t.match(second, { sent: 0, unsent: 1, event: { note: 'source is bad' } })
  t.end()
})

t.test('there is room for so many series and no more', (t) => {
  const series = createEventSeries(limits)
  t.strictSame(
    ['a', 'b', 'c', 'd', 'a'].map((uid) => series.add(event(uid), 0)),
    [true, true, true, false, true],
  )
  t.end()
})

t.test('series that fell silent are forgotten and make room; those never recorded are counted', (t) => {
  const series = createEventSeries(limits)
  for (const uid of ['a', 'b', 'c']) series.add(event(uid), 0)
  series.add(event('b'), 30_000)
  t.equal(series.expire(60_000), 0)
  t.equal(series.expire(60_001), 2)
  t.equal(series.add(event('d'), 60_001), true)
  t.end()
})

t.test('the series that waits longest comes first', (t) => {
  const series = createEventSeries(limits)
  series.add(event('b'), 5)
  series.add(event('a'), 3)
  t.equal(series.next(10)!.event.owner.uid, 'a')
  t.end()
})
