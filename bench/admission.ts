/**
 * CPU time and latency of an admission over HTTPS: `model-injector serve`, the least that a webhook can be in Node
 * (floor-server.ts) and in Go (go-peer), and any other webhook by its address. Servers have the first core, the load
 * has the others; the servers take turns in short slots of random order, so that other work of the machine affects all
 * alike: the ratios of one run are what to trust. Every answer of the product is compared with that of the same code
 * in this process. Linux only.
 *
 * node bench/admission.ts [--slots N] [--admissions N] [--rate N] [--only TEXT] [--json FILE] [--without-go]
 *   [--build NAME=DIST]... [--peer NAME=URL#PID]...
 *
 * --admissions of a slot: not a time, in which a busy machine answers too few
 * --rate     requests per second of each server; without it as many as it answers
 * --build    another build of the product, as the dist of another worktree
 * --peer     a webhook that runs already; its CPU time is that of the process PID and its threads
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { commandNodeFlags, commandVariables, imageNodeFlags } from '../deploy/image/node-flags.ts'
import { inProcess } from './in-process.ts'
import { cpuMicrosecondsOf, residentMegabytes } from './machine.ts'
import { admissionCases, type AdmissionCase } from './pod.ts'
import { listeningPort, makeCertificate, sendReview } from './webhook.ts'

interface Server {
  readonly name: string
  readonly pid: number
  readonly origin: string
  readonly agent: Agent
  readonly child: ChildProcess | undefined
  /** True where the answers are those of this process. */
  readonly isProduct: boolean
  /** CPU time until it listened. */
  readonly startMs: number | undefined
}

interface Slot {
  readonly cpuMicroseconds: number
  readonly milliseconds: readonly number[]
}

/** The lines of --json, which plot.ts reads. */
export interface MeasuredAdmission {
  readonly case: string
  readonly bodyBytes: number
  readonly server: string
  /** CPU time of one admission: median, least and most of the slots. */
  readonly cpuMicroseconds: number
  readonly least: number
  readonly most: number
  readonly ofFloor: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const connections = 4
/** Slots of a warm-up, at least and at most; it ends when a slot costs what the one before did. */
const warmUp = { least: 8, most: 30, tolerance: 0.05 }
const { values: options } = parseArgs({
  options: {
    slots: { type: 'string', default: '8' },
    admissions: { type: 'string', default: '200' },
    rate: { type: 'string' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    'without-go': { type: 'boolean', default: false },
    build: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
  },
})
const root = join(import.meta.dirname, '..')
const node = join(root, 'node_modules', 'node', 'bin', 'node')
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
const firstCore = ['taskset', '--cpu-list', '0']
const servers: Server[] = []

try {
  makeCertificate(directory)
  const answer = await inProcess(join(root, 'src'))
  const cases = admissionCases(answer)
  const answers = join(directory, 'answers.json')
  writeFileSync(
    answers,
    JSON.stringify(Object.fromEntries(cases.map((one) => [keyOf(one), JSON.parse(answer(one.body))]))),
  )
  if (cpus().length > 1) keepOffFirstCore()
  await startAll(answers)
  print(
    `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), servers on one of them; Node ${process.version}; ` +
      `${options.slots} slots of ${options.admissions} admissions, ${connections} connections, ${options.rate ?? 'as many as possible'} requests/s. ` +
      'CPU µs of an admission: median (least–most) of the slots.\n',
  )
  print('| pod | body | server | CPU µs | × floor | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|')
  const measured: MeasuredAdmission[] = []
  for (const one of cases.filter(({ name }) => name.includes(options.only))) {
    const rows = await measure(one, answer(one.body))
    rows.forEach(printRow)
    measured.push(...rows)
  }
  print('\n| server | CPU ms until it listens | RSS MB |\n|---|---|---|')
  for (const { name, startMs, pid } of servers) {
    print(`| ${name} | ${startMs?.toFixed(0) ?? '?'} | ${residentMegabytes(pid).toFixed(0)} |`)
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(measured, undefined, 2)}\n`)
} finally {
  for (const { agent, child } of servers) {
    agent.destroy()
    child?.kill('SIGKILL')
  }
  rmSync(directory, { recursive: true })
}

function keyOf({ name, body }: AdmissionCase): string {
  return `${name} ${Buffer.byteLength(body)}`
}

/** All threads of this process. */
function keepOffFirstCore(): void {
  const others = `1-${cpus().length - 1}`
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', others, String(process.pid)], { stdio: 'ignore' })
}

async function startAll(answers: string): Promise<void> {
  const tls = ['--tls-dir', directory]
  await start('floor', [node, join(root, 'bench', 'floor-server.ts'), ...tls, '--answers', answers])
  const builds = [['model-injector', join(root, 'dist')], ...options.build.map((text) => splitOnce(text, '='))] as const
  for (const [name = '', dist = ''] of builds) {
    const ports = ['--address', '127.0.0.1', '--port', '0', '--health-port', '0']
    await start(
      name,
      [node, ...imageNodeFlags, ...commandNodeFlags.serve, join(resolve(dist), 'main.js'), 'serve', ...tls, ...ports],
      true,
    )
  }
  if (!options['without-go']) await startGoPeer(tls)
  for (const text of options.peer) {
    const [name, address] = splitOnce(text, '=')
    const [origin, pid] = splitOnce(address, '#')
    servers.push({
      name,
      origin,
      pid: Number(pid),
      agent: newAgent(),
      child: undefined,
      isProduct: false,
      startMs: undefined,
    })
  }
}

async function startGoPeer(tls: readonly string[]): Promise<void> {
  const goPeer = join(directory, 'go-peer')
  execFileSync('go', ['build', '-o', goPeer, '.'], { cwd: join(root, 'bench', 'go-peer'), stdio: 'inherit' })
  await start('Go, net/http', [goPeer, ...tls])
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  if (at < 0) throw new Error(`${text} has no ${separator}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** Without checks of the certificate: peers have their own. */
function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false })
}

async function start(name: string, command: readonly string[], isProduct = false): Promise<void> {
  const [program = '', ...args] = [...firstCore, ...command]
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, ...(isProduct && commandVariables.serve) },
  })
  const pid = child.pid ?? 0
  const port = await listeningPort(child)
  const startMs = cpuMicrosecondsOf(pid) / 1000
  servers.push({ name, pid, origin: `https://127.0.0.1:${port}`, agent: newAgent(), child, isProduct, startMs })
}

async function measure(one: AdmissionCase, expected: string): Promise<readonly MeasuredAdmission[]> {
  const measured = servers.map((server) => ({ server, slots: [] as Slot[] }))
  for (const { server } of measured) await warm(server, one, expected)
  for (let i = 0; i < Number(options.slots); i++) {
    for (const { server, slots } of shuffled(measured)) slots.push(await load(server, one, expected))
  }
  const rows = measured.map(({ server, slots }) => summaryOf(one, server, slots))
  const floor = rows[0]?.cpuMicroseconds ?? Number.NaN
  return rows.map((row) => ({ ...row, ofFloor: row.cpuMicroseconds / floor }))
}

async function warm(server: Server, one: AdmissionCase, expected: string): Promise<void> {
  let before = Number.POSITIVE_INFINITY
  for (let i = 0; i < warmUp.most; i++) {
    const { cpuMicroseconds } = await load(server, one, expected)
    if (i >= warmUp.least && Math.abs(cpuMicroseconds / before - 1) < warmUp.tolerance) return
    before = cpuMicroseconds
  }
}

async function load(server: Server, one: AdmissionCase, expected: string): Promise<Slot> {
  const milliseconds: number[] = []
  const count = Number(options.admissions)
  const intervalMs = options.rate === undefined ? 0 : 1000 / Number(options.rate)
  const [cpuBefore, startedAt] = [cpuMicrosecondsOf(server.pid), performance.now()]
  let next = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let i = next++; i < count; i = next++) {
        if (intervalMs > 0) await sleep(Math.max(0, startedAt + i * intervalMs - performance.now()))
        const sentAt = performance.now()
        await admitOnce(server, one, expected)
        milliseconds.push(performance.now() - sentAt)
      }
    }),
  )
  return { cpuMicroseconds: (cpuMicrosecondsOf(server.pid) - cpuBefore) / count, milliseconds }
}

async function admitOnce(
  { origin, agent, isProduct, name }: Server,
  one: AdmissionCase,
  expected: string,
): Promise<void> {
  const { status, text } = await sendReview(
    `${origin}/mutate?timeout=5s&case=${encodeURIComponent(keyOf(one))}`,
    agent,
    one.body,
  )
  const isRight = isProduct ? text === expected : status === 200 && text.includes('"allowed":')
  if (!isRight) throw new Error(`${name} answered ${one.name} with ${status}: ${text.slice(0, 500)}`)
}

function summaryOf(one: AdmissionCase, { name }: Server, slots: readonly Slot[]): MeasuredAdmission {
  const cpu = slots.map(({ cpuMicroseconds }) => cpuMicroseconds)
  const latencies = slots.flatMap(({ milliseconds }) => milliseconds)
  return {
    case: one.name,
    bodyBytes: Buffer.byteLength(one.body),
    server: name,
    cpuMicroseconds: quantile(cpu, 0.5),
    least: quantile(cpu, 0),
    most: quantile(cpu, 1),
    ofFloor: Number.NaN,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  }
}

function printRow(row: MeasuredAdmission): void {
  const cells = [
    row.case,
    `${(row.bodyBytes / 1000).toFixed(1)} KB`,
    row.server,
    `${row.cpuMicroseconds.toFixed(0)} (${row.least.toFixed(0)}–${row.most.toFixed(0)})`,
    row.ofFloor.toFixed(2),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
  ]
  print(`| ${cells.join(' | ')} |`)
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.round(share * (values.length - 1))] ?? Number.NaN
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
