/**
 * Notices that mounted files changed. Kubernetes puts a new version beside the old one and swaps one symlink, `..data`, so
 * the directory is watched instead of the files; and because a watch can miss things (another file system, a directory
 * that came later), the files are also compared every few seconds. What they mean is somebody else's work.
 */
import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** By file name; undefined for a file that cannot be read. */
export type FileContents = Readonly<Record<string, Buffer | undefined>>

export interface WatchOptions {
  readonly directory: string
  readonly names: readonly string[]
  /** What the caller has seen already. */
  readonly seen: FileContents
  readonly onChange: (contents: FileContents) => void
  /** After every look, changed or not: for what depends on time too. */
  readonly onLook?: () => void
  readonly pollMs?: number
}

/** What somebody keeps up to date with mounted files. */
export interface Followed<T> {
  readonly current: () => T
  readonly close: () => void
}

export interface DirectoryWatch {
  readonly close: () => void
}

const defaultPollMs = 10_000

/** Two reads this far apart must agree, so that no certificate of before the swap is taken with a key of after it. */
const defaultSettleMs = 20

async function readFiles(directory: string, names: readonly string[]): Promise<FileContents> {
  const contents = await Promise.all(names.map((name) => readFile(join(directory, name)).catch(() => undefined)))
  return Object.fromEntries(names.map((name, i) => [name, contents[i]]))
}

/** Reads until nothing changes any more. */
export async function readSettledFiles(
  directory: string,
  names: readonly string[],
  settleMs = defaultSettleMs,
): Promise<FileContents> {
  let before = await readFiles(directory, names)
  for (;;) {
    await sleep(settleMs)
    const after = await readFiles(directory, names)
    if (areSame(before, after)) return after
    before = after
  }
}

export function watchFiles({ directory, names, onChange, onLook, ...options }: WatchOptions): DirectoryWatch {
  let seen = options.seen
  let closed = false
  let looking = false
  let lookAgain = false

  async function look(): Promise<void> {
    lookAgain = looking
    if (looking) return
    looking = true
    try {
      if (!areSame(seen, await readFiles(directory, names))) await take()
      if (!closed) onLook?.()
    } finally {
      looking = false
    }
    if (lookAgain && !closed) await look()
  }

  async function take(): Promise<void> {
    const contents = await readSettledFiles(directory, names)
    if (closed || areSame(seen, contents)) return
    seen = contents
    onChange(contents)
  }

  const events = watchEvents(directory, () => void look())
  const timer = setInterval(() => {
    events.ensure()
    void look()
  }, options.pollMs ?? defaultPollMs)
  timer.unref()
  void look()
  return {
    close: () => {
      closed = true
      clearInterval(timer)
      events.close()
    },
  }
}

/** A directory that is not there yet, or is gone, is tried again by `ensure`. */
function watchEvents(directory: string, onEvent: () => void): { ensure: () => void; close: () => void } {
  let watcher: FSWatcher | undefined
  const close = (): void => {
    watcher?.close()
    watcher = undefined
  }
  const ensure = (): void => {
    if (watcher !== undefined) return
    try {
      watcher = watch(directory, { persistent: false }, onEvent).on('error', close)
    } catch {
      watcher = undefined
    }
  }
  ensure()
  return { ensure, close }
}

function areSame(a: FileContents, b: FileContents): boolean {
  return Object.keys({ ...a, ...b }).every((name) => {
    const [before, after] = [a[name], b[name]]
    return before === undefined || after === undefined ? before === after : before.equals(after)
  })
}
