/**
 * CPU time and allocated memory of an admission without the network: several versions of the product in one process,
 * by kind and size of the pod, in short slots of random order, so that other work of the machine affects all alike.
 * Prints the ratio of each version to the first, by the least disturbed quarter of the slots: only the ratios of one
 * run are to be trusted.
 *
 * node --max-semi-space-size=64 --min-semi-space-size=64 bench/admit.ts [--slots N] [--only TEXT] DIRECTORY...
 *
 * Each directory is the src of a version.
 */
import { resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { parseArgs } from 'node:util'
import { runInNewContext } from 'node:vm'
import { inProcess, type InProcessAnswer } from './in-process.ts'
import { admissionCases, type AdmissionCase } from './pod.ts'

interface Measured {
  readonly answer: InProcessAnswer
  readonly cpuMicroseconds: number[]
  allocatedBytes: number
}

const slotMs = 20
const warmUpMs = 400
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { slots: { type: 'string', default: '60' }, only: { type: 'string', default: '' } },
})
const builds = await Promise.all(positionals.map((path) => inProcess(resolve(path))))
// As much as the admissions of one measurement allocate: nothing is collected meanwhile.
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

process.stdout.write(
  `| pod | body | µs of the first | ${positionals.join(' | ')} |\n${'|---'.repeat(3 + positionals.length)}|\n`,
)
for (const one of admissionCases(builds[0]!)) {
  if (one.name.includes(options.only)) process.stdout.write(rowOf(one))
}

function rowOf({ name, body }: AdmissionCase): string {
  const measured = measure(body)
  const [first = Number.NaN] = measured.map(least)
  const cells = [
    name,
    `${(Buffer.byteLength(body) / 1000).toFixed(1)} KB`,
    first.toFixed(0),
    ...measured.map((one) => `${(least(one) / first).toFixed(2)}, ${(one.allocatedBytes / 1000).toFixed(0)} KB`),
  ]
  return `| ${cells.join(' | ')} |\n`
}

/** Other work of the machine only ever adds. */
function least({ cpuMicroseconds }: Measured): number {
  const sorted = [...cpuMicroseconds].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 4)] ?? Number.NaN
}

function measure(body: string): readonly Measured[] {
  const [first, ...others] = builds.map((answer) => answer(body))
  if (others.some((other) => other !== first)) process.stderr.write('the answers differ\n')
  const measured = builds.map((answer): Measured => ({ answer, cpuMicroseconds: [], allocatedBytes: 0 }))
  for (const { answer } of measured) cpuMicrosecondsOf(answer, body, warmUpMs)
  for (let slot = 0; slot < Number(options.slots); slot++) {
    for (const { answer, cpuMicroseconds } of [...measured].sort(() => Math.random() - 0.5)) {
      cpuMicroseconds.push(cpuMicrosecondsOf(answer, body, slotMs))
    }
  }
  for (const one of measured) one.allocatedBytes = allocatedBytesOf(one.answer, body)
  return measured
}

/** CPU time of all threads: those that collect garbage count. */
function cpuMicrosecondsOf(answer: InProcessAnswer, body: string, durationMs: number): number {
  const before = process.cpuUsage()
  let answered = 0
  let used = 0
  while (used < durationMs * 1000) {
    for (let i = 0; i < 20; i++) answer(body)
    answered += 20
    const { user, system } = process.cpuUsage(before)
    used = user + system
  }
  return used / answered
}

function allocatedBytesOf(answer: InProcessAnswer, body: string): number {
  const count = 20
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < count; i++) answer(body)
  return (process.memoryUsage().heapUsed - before) / count
}
