/** CPU time and memory of processes, read from /proc. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time of children that have ended: cutime and cstime. */
export function childrensCpuSeconds(): number {
  return cpuSecondsOf('self').waitedFor
}

/**
 * CPU time of all other programs since the machine started: without this process, its children that ended, and `pid`, which runs
 * on. Interrupts are left out, which belong to no process: those of loopback are caused here.
 */
export function othersCpuSeconds(pid: number): number {
  const [user = 0, nice = 0, system = 0, , , , , stolen = 0] =
    readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/ +/).slice(1).map(Number) ?? []
  const { own, waitedFor } = cpuSecondsOf('self')
  return (user + nice + system + stolen) / ticksPerSecond - own - waitedFor - cpuSecondsOf(pid).own
}

/** CPU time of the threads that a process has: to the nanosecond, where /proc/PID/stat counts in ticks of 10 ms. */
export function cpuMicrosecondsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]),
  )
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1000
}

/** The resident set now, in MB. */
export function residentMegabytes(pid: number): number {
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6
}

/** The highest resident set so far, in MB; 0 for a process that has ended. */
export function peakMegabytes(pid: number): number {
  try {
    return (Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6
  } catch {
    return 0
  }
}

function cpuSecondsOf(pid: number | 'self'): { readonly own: number; readonly waitedFor: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, usersOfChildren = 0, systemsOfChildren = 0] = fields.slice(11, 15)
  return { own: (user + system) / ticksPerSecond, waitedFor: (usersOfChildren + systemsOfChildren) / ticksPerSecond }
}
