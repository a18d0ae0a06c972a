/** How much memory a process and its children take at most, read from /proc while they run. */
import { readFileSync } from 'node:fs'
import type { ChildProcess } from 'node:child_process'

const sampleEveryMs = 50

export interface MemoryWatch {
  /** Memory of all of them together, in MiB. Each counts with its own peak (VmHWM), so the sum is never too small. */
  readonly peakMiB: number
}

export function watchMemory(child: ChildProcess): MemoryWatch {
  let peakKiB = 0
  const sample = (): void => {
    const tree = child.pid === undefined ? [] : treeOf(child.pid)
    peakKiB = Math.max(
      peakKiB,
      tree.reduce((sum, pid) => sum + peakKiBOf(pid), 0),
    )
  }
  const timer = setInterval(sample, sampleEveryMs)
  child.once('close', () => {
    clearInterval(timer)
  })
  return {
    get peakMiB() {
      return peakKiB / 1024
    },
  }
}

/** The process, its children, theirs, and so on. */
export function treeOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((text) => text.trim() !== '')
    .map(Number)
  return [pid, ...children.flatMap(treeOf)]
}

function peakKiBOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
}

/** A process may end at any moment. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
