/**
 * Detects changes of mounted files. Kubernetes writes a new version next to the old one and swaps one symlink, `..data`, so
 * the directory is watched instead of the files; because a watch can miss changes (another file system, a directory created
 * later), the files are also compared every few seconds. Callers interpret the contents.
 */
import { watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Contents by file name; undefined for a file that cannot be read. */
export type FileContents = Readonly<Record<string, Buffer | undefined>>

export interface WatchOptions {
  readonly directory: string
  readonly names: readonly string[]
  /** Contents that the caller already has. */
  readonly seen: FileContents
  /** A change is noticed only after the one before has been dealt with. */
  readonly onChange: (contents: FileContents) => void | Promise<void>
  /** Called after every comparison, changed or not: for decisions that also depend on time. */
  readonly onLook?: () => void
  readonly pollMs?: number
}

/** A value that is kept up to date with mounted files. */
export interface Followed<T> {
  readonly current: () => T
  readonly close: () => void
}

export interface DirectoryWatch {
  readonly close: () => void
}

const defaultPollMs = 10_000

/**
 * Two reads this far apart must agree, so that a certificate from before the swap is never paired with a key from after it.
 */
const defaultSettleMs = 20

async function readFiles(directory: string, names: readonly string[]): Promise<FileContents> {
  const contents = await Promise.all(names.map((name) => readFile(join(directory, name)).catch(() => undefined)))
  return Object.fromEntries(names.map((name, i) => [name, contents[i]]))
}

/** Reads until two reads agree. */
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
    await onChange(contents)
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

/** A directory that is missing or was removed is tried again by `ensure`. */
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
