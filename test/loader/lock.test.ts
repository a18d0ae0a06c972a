/** The lock of a volume whose server has another clock than this node. */
import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { layoutOf, type Layout } from '../../src/loader/volume/layout.ts'
import { acquireLock, holdLock, type LockRequest } from '../../src/loader/volume/lock.ts'
import { loadTask } from '../kit/s3/load-task.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const minuteMs = 60_000

t.test('a heartbeat is dated by the clock of the volume, however far the one of the node is off', async (t) => {
  const { layout, owner, lock } = await lockOf(t)
  await haveHappenedAgo(5 * minuteMs, lock, owner)
  haveNodeClockAhead(t, 60 * minuteMs)
  const held = holdLock(layout, 'pod-1', 20)
  t.teardown(() => held.release())
  const before = (await stat(owner)).mtimeMs
  const touchedMs = await waitFor('a heartbeat', async () => {
    const { mtimeMs } = await stat(owner)
    return mtimeMs > before ? mtimeMs : undefined
  })
  const volumeMs = await writtenNowMs(join(t.testdirName, 'probe'))
  t.ok(Math.abs(volumeMs - touchedMs) < minuteMs / 2, `${touchedMs} where the volume has ${volumeMs}`)
})

t.test('a live lock is not taken over by a node whose clock is ahead', async (t) => {
  const { layout } = await lockOf(t)
  const held = holdLock(layout, 'pod-1')
  t.teardown(() => held.release())
  haveNodeClockAhead(t, 60 * minuteMs)
  let looks = 0
  const got = await acquireLock(
    layout,
    lockFor('pod-2', () => Promise.resolve(++looks > 2), new AbortController().signal),
  )
  t.equal(got, undefined, 'it waited until the other one had published')
})

t.test('an old lock is taken over by a node whose clock is late', async (t) => {
  const { layout, lock, owner } = await lockOf(t)
  await haveHappenedAgo(5 * minuteMs, lock, owner)
  haveNodeClockAhead(t, -60 * minuteMs)
  const got = await acquireLock(
    layout,
    lockFor('pod-2', () => Promise.resolve(false), AbortSignal.timeout(10_000)),
  )
  t.ok(got)
  await got?.release()
})

for (const [seconds, isTaken] of [
  [10, false],
  [25, true],
] as const) {
  t.test(`a lock without a sign of life for ${seconds} s is ${isTaken ? '' : 'not '}taken over`, async (t) => {
    const { layout, lock, owner } = await lockOf(t)
    await haveHappenedAgo(seconds * 1000, lock, owner)
    let looks = 0
    const isPublished = (): Promise<boolean> => Promise.resolve(++looks > 2)
    const got = await acquireLock(layout, lockFor('pod-2', isPublished, AbortSignal.timeout(10_000)))
    t.equal(got !== undefined, isTaken)
    await got?.release()
  })
}

t.test('a waiting loader names the one it waits for, at once', async (t) => {
  const { layout } = await lockOf(t)
  const lines: string[] = []
  let looks = 0
  const request = lockFor('pod-2', () => Promise.resolve(++looks > 1), new AbortController().signal)
  await acquireLock(layout, {
    ...request,
    say: (line) => {
      lines.push(line)
    },
  })
  t.strictSame(lines, ['waiting for pod pod-1, which loads this model onto the same volume'])
})

t.test('a pod that has taken the lock and not yet written its name is named as soon as it has', async (t) => {
  const { layout, owner } = await lockOf(t)
  await rm(owner)
  const lines: string[] = []
  let looks = 0
  const isPublished = async (): Promise<boolean> => {
    if (++looks === 2) await writeFile(owner, 'pod-1')
    return looks > 2
  }
  await acquireLock(layout, {
    ...lockFor('pod-2', isPublished, new AbortController().signal),
    say: (line) => {
      lines.push(line)
    },
  })
  t.strictSame(lines, ['waiting for pod pod-1, which loads this model onto the same volume'])
})

async function lockOf(t: Test): Promise<{ layout: Layout; lock: string; owner: string }> {
  const layout = layoutOf(loadTask({ MODEL_ROOT: t.testdir() }))
  await mkdir(layout.lock)
  const owner = join(layout.lock, 'owner')
  await writeFile(owner, 'pod-1')
  return { layout, lock: layout.lock, owner }
}

async function haveHappenedAgo(ms: number, ...paths: readonly string[]): Promise<void> {
  const nowMs = (await stat(paths[0] ?? '')).mtimeMs
  for (const path of paths) await utimes(path, (nowMs - ms) / 1000, (nowMs - ms) / 1000)
}

async function writtenNowMs(file: string): Promise<number> {
  await writeFile(file, '')
  return (await stat(file)).mtimeMs
}

/** The clock of this process; the file system goes by the kernel's. */
function haveNodeClockAhead(t: Test, ms: number): void {
  const real = globalThis.Date
  class Shifted extends real {
    constructor(...args: [] | [number | string]) {
      super(...((args.length === 0 ? [real.now() + ms] : args) as [number]))
    }

    static override now(): number {
      return real.now() + ms
    }
  }
  globalThis.Date = Shifted as DateConstructor
  t.teardown(() => {
    globalThis.Date = real
  })
}

function lockFor(podUid: string, isPublished: LockRequest['isPublished'], signal: AbortSignal): LockRequest {
  return { podUid, isPublished, signal, say: () => undefined }
}
