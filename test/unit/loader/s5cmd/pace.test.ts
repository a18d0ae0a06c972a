/** Bytes are counted once, however often s5cmd begins a file; silence is what no file of it grew in. */
import t from 'tap'
import type { Arriving } from '../../../../src/loader/s5cmd/arrivals.ts'
import { Pace } from '../../../../src/loader/s5cmd/pace.ts'

const MiB = 2 ** 20

function growing(written: number, changes: Partial<Arriving> = {}): Arriving {
  return { object: 1, name: '1.object', isWhole: false, size: written, written, mtimeMs: written, ...changes }
}

function measured(stallTimeoutMs = 60_000): { readonly pace: Pace; readonly reported: () => number } {
  let reported = 0
  const meter = {
    add: (bytes: number) => {
      reported += bytes
    },
    stop: () => undefined,
  }
  return { pace: new Pace({ meter, stallTimeoutMs }), reported: () => reported }
}

t.test('a file that is begun again is reported where it comes farther than before', (t) => {
  const { pace, reported } = measured()
  for (const written of [100, 700, 0, 300, 900]) pace.saw(written === 0 ? [] : [growing(written)])
  t.equal(reported(), 900)
  pace.arrivedWhole(1000)
  pace.saw([growing(50)])
  t.equal(reported(), 1050)
  t.end()
})

t.test('the time without a byte begins again with every byte, wherever it is written', async (t) => {
  const { pace } = measured()
  const isSilentAfter = async (file: Arriving): Promise<boolean> => {
    await new Promise((resolve) => setTimeout(resolve, 2))
    const before = pace.silentMs
    pace.saw([file])
    return pace.silentMs >= before
  }
  pace.saw([growing(100)])
  t.ok(await isSilentAfter(growing(100)))
  t.notOk(await isSilentAfter(growing(100, { mtimeMs: 1 })), 'a byte in a hole')
  t.notOk(await isSilentAfter(growing(100, { mtimeMs: 1, size: 200 })))
  t.notOk(await isSilentAfter(growing(100, { mtimeMs: 1, size: 200, object: 2 })))
})

t.test('the stall-timeout ends the load with the last error, and waiting does not count', async (t) => {
  const { pace } = measured(0)
  await new Promise((resolve) => setTimeout(resolve, 2))
  t.throws(
    () => {
      pace.refuseStall(new Error('503 SlowDown'))
    },
    { kind: 'stalled', message: 'not one byte in 0 s; the last error: 503 SlowDown' },
  )
  const patient = measured()
  patient.pace.waited()
  patient.pace.refuseStall(undefined)
})

t.test('an attempt that fails at the same place has come no farther', (t) => {
  const { pace } = measured()
  pace.saw([growing(5 * MiB)])
  t.ok(pace.hasComeFarther())
  pace.saw([])
  pace.saw([growing(5 * MiB + 1000)])
  t.notOk(pace.hasComeFarther())
  pace.saw([growing(7 * MiB)])
  t.ok(pace.hasComeFarther())
  t.notOk(pace.hasComeFarther())
  pace.arrivedWhole(10)
  t.ok(pace.hasComeFarther(), 'a small file that is whole')
  t.end()
})
