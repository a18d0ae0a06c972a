/** The lock of a volume that several processes share: one that lives keeps it, one that is gone loses it within seconds. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { layoutOf, type Layout } from '../../src/loader/volume/layout.ts'
import { acquireLock, holdLock, type LockRequest } from '../../src/loader/volume/lock.ts'
import { loadTask } from '../kit/s3/load-task.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const minuteMs = 60_000
/** Looks are as quick in these tests, unless the real time is what is tested. */
const everyMs = 10
/** More than a lock without a sign of life is left alone for. */
const manyLooks = 40

t.test('the lock of a process that was killed is taken over within seconds', async (t) => {
  const layout = layoutOf(loadTask({ MODEL_ROOT: t.testdir() }))
  const child = fork(join(import.meta.dirname, 'lock-holder.ts'), [layout.root, layout.lock])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const killedAtMs = performance.now()
  const lock = await acquireLock(layout, { ...never('pod-2'), signal: AbortSignal.timeout(minuteMs) })
  t.ok(lock)
  t.ok(performance.now() - killedAtMs < 15_000, `after ${performance.now() - killedAtMs} ms`)
  await lock?.release()
})

for (const [when, agoMs] of [
  ['five minutes ago', 5 * minuteMs],
  ['just now', 0],
  ['an hour from now, by a server whose clock is ahead', -60 * minuteMs],
] as const) {
  t.test(`a lock without a sign of life is taken over, whose last one was ${when}`, async (t) => {
    const { layout, lock, owner } = await lockOf(t)
    await haveHappenedAgo(agoMs, lock, owner)
    const got = await acquireLock(layout, { ...never('pod-2'), everyMs })
    t.match(await readFile(owner, 'utf8'), /^pod-2\n/)
    await got?.release()
  })
}

t.test('a lock whose maker was killed before it wrote its name is taken over', async (t) => {
  const { layout, owner } = await lockOf(t)
  await rm(owner)
  const got = await acquireLock(layout, { ...never('pod-2'), everyMs })
  t.match(await readFile(owner, 'utf8'), /^pod-2\n/)
  await got?.release()
})

t.test('a live lock is not taken over by a node whose clock is ahead', async (t) => {
  const { layout } = await lockOf(t)
  const held = holdLock(layout, 'pod-1', everyMs)
  t.teardown(() => held.release())
  haveNodeClockAhead(t, 60 * minuteMs)
  t.equal(await acquireLock(layout, lookingOn('pod-2')), undefined)
})

t.test('a live lock is not taken over while the clock of the server stands still', async (t) => {
  const { layout, owner, lock } = await lockOf(t)
  let beat = 0
  const onLook = async (): Promise<void> => {
    await writeFile(owner, `pod-1\n${++beat}\n`)
    await haveHappenedAgo(5 * minuteMs, lock, owner)
    await utimes(owner, 1_700_000_000, 1_700_000_000)
  }
  t.equal(await acquireLock(layout, lookingOn('pod-2', onLook)), undefined)
})

t.test('a live lock is not taken over although its holder is much slower than the one that waits', async (t) => {
  const { layout, owner } = await lockOf(t)
  let looks = 0
  const onLook = async (): Promise<void> => {
    if (++looks % 11 === 0) await writeFile(owner, `pod-1\n${looks}\n`)
  }
  t.equal(await acquireLock(layout, lookingOn('pod-2', onLook)), undefined)
})

t.test('the time of a look does not count: a server that hung for long has shown nothing of the holder', async (t) => {
  const { layout, owner } = await lockOf(t)
  let looks = 0
  const onLook = async (): Promise<void> => {
    // The heartbeats of the holder hung as long as this look.
    if (++looks === 5) await untilClockMoved(2 * everyMs * manyLooks)
    if (looks > 10) await writeFile(owner, `pod-1\n${looks}\n`)
  }
  t.equal(await acquireLock(layout, lookingOn('pod-2', onLook)), undefined)
})

t.test('a holder that was taken for dead finds out, and leaves the lock of the other alone', async (t) => {
  const { layout, owner } = await lockOf(t)
  const robbed = holdLock(layout, 'pod-1', 60 * minuteMs)
  t.ok(await robbed.isHeld())
  const lock = await acquireLock(layout, { ...never('pod-2'), everyMs: 1 })
  t.notOk(await robbed.isHeld())
  await robbed.release()
  t.ok(await lock?.isHeld())
  const late = holdLock(layout, 'pod-1', 1)
  t.teardown(() => late.release())
  const beats = await waitFor('two heartbeats of the other', async () => {
    const [name, beat] = (await readFile(owner, 'utf8')).split('\n')
    t.equal(name, 'pod-2')
    return Number(beat) > 1 || undefined
  })
  t.ok(beats)
  await lock?.release()
})

t.test('of many that wait for the lock of a dead one, one has it at a time', async (t) => {
  const { layout } = await lockOf(t)
  let [holding, most] = [0, 0]
  const waiting = Array.from({ length: 6 }, async (_, i) => {
    const lock = await acquireLock(layout, { ...never(`pod-${i + 2}`), everyMs })
    most = Math.max(most, ++holding)
    t.ok(await lock?.isHeld())
    holding--
    await lock?.release()
  })
  await Promise.all(waiting)
  t.equal(most, 1)
  await t.rejects(stat(layout.lock), { code: 'ENOENT' })
})

t.test('a waiting loader names the one it waits for, at once', async (t) => {
  const { layout } = await lockOf(t)
  const lines: string[] = []
  let looks = 0
  await acquireLock(layout, {
    ...never('pod-2'),
    isPublished: () => Promise.resolve(++looks > 1),
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
    if (++looks === 2) await writeFile(owner, 'pod-1\n0000000000\n')
    return looks > 2
  }
  await acquireLock(layout, {
    ...never('pod-2'),
    isPublished,
    say: (line) => {
      lines.push(line)
    },
  })
  t.strictSame(lines, ['waiting for pod pod-1, which loads this model onto the same volume'])
})

/** A lock that pod-1 has taken, and for which nothing beats. */
async function lockOf(t: Test): Promise<{ layout: Layout; lock: string; owner: string }> {
  const layout = layoutOf(loadTask({ MODEL_ROOT: t.testdir() }))
  await mkdir(layout.lock)
  const owner = join(layout.lock, 'owner')
  await writeFile(owner, 'pod-1\n0000000000\n')
  return { layout, lock: layout.lock, owner }
}

async function haveHappenedAgo(ms: number, ...paths: readonly string[]): Promise<void> {
  const nowMs = (await stat(paths[0] ?? '')).mtimeMs
  for (const path of paths) await utimes(path, (nowMs - ms) / 1000, (nowMs - ms) / 1000)
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

async function untilClockMoved(ms: number): Promise<void> {
  const fromMs = performance.now()
  await waitFor(`${ms} ms to pass`, () => Promise.resolve(performance.now() - fromMs >= ms || undefined))
}

/** Waits for the lock until it has it. */
function never(podUid: string): LockRequest {
  return {
    podUid,
    isPublished: () => Promise.resolve(false),
    signal: new AbortController().signal,
    say: () => undefined,
  }
}

/** Looks many times at a lock, does something before each look, and gets nothing if the other keeps it. */
function lookingOn(podUid: string, onLook: () => Promise<void> = () => Promise.resolve()): LockRequest {
  let looks = 0
  const isPublished = async (): Promise<boolean> => {
    await onLook()
    return ++looks > manyLooks
  }
  return { ...never(podUid), isPublished, everyMs }
}
