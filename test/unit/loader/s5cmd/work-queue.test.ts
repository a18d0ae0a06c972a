/** Proofs run a few at once; the first failure stops the rest. */
import t from 'tap'
import { WorkQueue } from '../../../../src/loader/s5cmd/work-queue.ts'

function heldWork(): {
  readonly started: number[]
  readonly release: (item: number, error?: Error) => void
  readonly work: (item: number) => Promise<void>
} {
  const started: number[] = []
  const held = new Map<number, PromiseWithResolvers<undefined>>()
  return {
    started,
    work: async (item) => {
      started.push(item)
      const gate = Promise.withResolvers<undefined>()
      held.set(item, gate)
      await gate.promise
    },
    release: (item, error) => {
      if (error === undefined) held.get(item)?.resolve(undefined)
      else held.get(item)?.reject(error)
    },
  }
}

t.test('no more than so many run at once, in the order in which they came', async (t) => {
  const { started, release, work } = heldWork()
  const queue = new WorkQueue(work, 2)
  for (const item of [1, 2, 3]) queue.add(item)
  t.strictSame([started, queue.length], [[1, 2], 3])
  release(2)
  await new Promise(setImmediate)
  t.strictSame([started, queue.length], [[1, 2, 3], 2])
  release(1)
  release(3)
  await queue.drained()
  t.equal(queue.length, 0)
})

t.test('the first failure is thrown by whatever is called next, and nothing more is started', async (t) => {
  const { started, release, work } = heldWork()
  const queue = new WorkQueue(work, 1)
  for (const item of [1, 2]) queue.add(item)
  release(1, new Error('first'))
  await t.rejects(queue.drained(), { message: 'first' })
  t.throws(
    () => {
      queue.add(3)
    },
    { message: 'first' },
  )
  t.throws(
    () => {
      queue.throwIfFailed()
    },
    { message: 'first' },
  )
  t.strictSame(started, [1])
  await queue.stopped()
})

t.test('a queue that is stopped waits for what runs, and drops the rest', async (t) => {
  const { started, release, work } = heldWork()
  const queue = new WorkQueue(work, 1)
  for (const item of [1, 2]) queue.add(item)
  const stopped = queue.stopped()
  release(1)
  await stopped
  t.strictSame([started, queue.length], [[1], 0])
})
