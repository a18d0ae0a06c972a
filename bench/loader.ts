/**
 * Wall clock, CPU and memory of `model-injector load` and of `s5cmd sync`, in turns on the same server over HTTPS, into a tmpfs, as
 * large and small objects, with a first byte that comes late, a cap for each connection, checksums, and on one core. Measures what
 * `npm run build` made, on the Node that the image has. The server costs CPU too and shares the machine: only the ratios of one run
 * are to be trusted, and a run in which other programs took more than a twentieth of the cores is marked. Linux only.
 *
 * node bench/loader.ts [--runs N] [--only TEXT] [--large]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { s5cmdBinary } from '../test/kit/tools/go-binaries.ts'
import { childrensCpuSeconds, othersCpuSeconds, peakMegabytes } from './machine.ts'

interface Case {
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly firstByteMs?: number
  /** Of one connection. */
  readonly bytesPerSecond?: number
  readonly checksums?: boolean
  /** The client has the first core, the server the others. */
  readonly oneCore?: boolean
  /** Takes too long for s5cmd. */
  readonly alone?: boolean
  /** Only with --large. */
  readonly large?: boolean
}

type Engine = 'model-injector load' | 's5cmd sync'

interface Measured {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
  /** From the start of the process to its first GET of an object. */
  readonly startSeconds: number
  /** Share of all cores that other programs took meanwhile. */
  readonly disturbed: number
}

const mebibyte = 1024 * 1024
const small = { count: 10_000, bytes: 100 * 1024 }
const cases: readonly Case[] = [
  { name: '1 MiB', count: 1, bytes: mebibyte },
  { name: '1 GiB', count: 1, bytes: 1024 * mebibyte },
  { name: '1 GiB, CRC-64/NVME', count: 1, bytes: 1024 * mebibyte, checksums: true },
  { name: '1 GiB, one core', count: 1, bytes: 1024 * mebibyte, oneCore: true },
  { name: '8 GiB, one core', count: 1, bytes: 8192 * mebibyte, oneCore: true, large: true },
  { name: '4 GiB', count: 1, bytes: 4096 * mebibyte, large: true },
  { name: '256 MiB, 4 MB/s a connection', count: 1, bytes: 256 * mebibyte, bytesPerSecond: 4e6 },
  { name: '10,000 × 100 KiB', ...small },
  { name: '10,000 × 100 KiB, first byte after 40 ms', ...small, firstByteMs: 40 },
  { name: '100,000 × 1 KiB, first byte after 40 ms', count: 100_000, bytes: 1024, firstByteMs: 40, alone: true },
]
/** Share of all cores that other programs may take. */
const disturbance = 0.05
const prefix = 'model/'
const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' }
const firstCore = ['taskset', '--cpu-list', '0']
const otherCores = ['taskset', '--cpu-list', `1-${cpus().length - 1}`]

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, only: { type: 'string' }, large: { type: 'boolean' } },
})
const root = join(import.meta.dirname, '..')
const node = join(root, 'node_modules', 'node', 'bin', 'node')
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
const memory = isWritable('/dev/shm') ? mkdtempSync('/dev/shm/model-injector-bench-') : directory
const ca = join(directory, 'ca.crt')
const s5cmd = await s5cmdBinary()

try {
  execFileSync(join(root, 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
  const nodeVersion = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  print(
    `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), shared with the server; Node ${nodeVersion}; HTTPS on loopback, ` +
      `destination ${memory === directory ? 'a disk' : 'tmpfs'}; GB = 10^9 bytes; median (lowest to highest) of ${options.runs} runs.\n`,
  )
  print(
    '| | seconds | s5cmd sync | times as fast | CPU s/GB | of that of s5cmd | first GET after | peak MB | disturbed runs |',
  )
  print('|---|---|---|---|---|---|---|---|---|')
  for (const one of cases.filter(isChosen)) print(rowOf(one, await compare(one)))
} finally {
  rmSync(directory, { recursive: true })
  rmSync(memory, { recursive: true, force: true })
}

function isChosen({ name, large }: Case): boolean {
  return options.only === undefined ? large !== true || options.large === true : name.includes(options.only)
}

interface Pair {
  readonly ours: Measured
  readonly theirs: Measured | undefined
}

/** Both engines in each run, in turns. */
async function compare(one: Case): Promise<readonly Pair[]> {
  const server = await startServer(one)
  try {
    const pairs: Pair[] = []
    for (let run = 0; run < Number(options.runs); run++) {
      const first = run % 2 === 0 && one.alone !== true ? await measure('s5cmd sync', one, server) : undefined
      const ours = await measure('model-injector load', one, server)
      pairs.push({ ours, theirs: first ?? (one.alone === true ? undefined : await measure('s5cmd sync', one, server)) })
    }
    return pairs
  } finally {
    server.child.kill('SIGKILL')
  }
}

interface BenchServer {
  readonly child: ChildProcess
  readonly origin: string
  /** When the first object of the latest listing was asked for. */
  firstGetAtMs: number
}

async function startServer(one: Case): Promise<BenchServer> {
  const { count, bytes, firstByteMs = 0, bytesPerSecond = 0, checksums = false, oneCore = false } = one
  const script = join(root, 'bench', 'loader-server.ts')
  const args = [script, directory, `${count}*${bytes}:${prefix}`, String(firstByteMs), String(bytesPerSecond)]
  const command = [...(oneCore ? otherCores : []), node, ...args, ...(checksums ? ['crc64nvme'] : [])]
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [port] = (await once(lines, 'line')) as [string]
  const server: BenchServer = { child, origin: `https://127.0.0.1:${port}`, firstGetAtMs: 0 }
  lines.on('line', (line) => {
    server.firstGetAtMs = Number(line)
  })
  return server
}

async function measure(engine: Engine, one: Case, server: BenchServer): Promise<Measured> {
  const destination = join(memory, 'model')
  mkdirSync(destination)
  const { args, env } = commandOf(engine, server.origin, destination)
  const command = [...(one.oneCore === true ? firstCore : []), ...args]
  const [cpuBefore, othersBefore] = [childrensCpuSeconds(), othersCpuSeconds(server.child.pid ?? 0)]
  const [startedAt, startedAtMs] = [performance.now(), Date.now()]
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, HOME: directory, ...env },
  })
  let peak = 0
  const sampler = setInterval(() => {
    peak = Math.max(peak, peakMegabytes(child.pid ?? 0))
  }, 25)
  const [code] = (await once(child, 'exit')) as [number | null]
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(sampler)
  const cpuSeconds = childrensCpuSeconds() - cpuBefore
  const disturbed = (othersCpuSeconds(server.child.pid ?? 0) - othersBefore) / seconds / cpus().length
  if (code !== 0) throw new Error(`${engine} exited with ${code ?? 'a signal'}`)
  checkFiles(engine, one, destination)
  rmSync(destination, { recursive: true })
  const startSeconds = (server.firstGetAtMs - startedAtMs) / 1000
  process.stderr.write(
    `${one.name}, ${engine}: ${seconds.toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s, first GET after ${startSeconds.toFixed(2)} s, ` +
      `${peak.toFixed(0)} MB, others took ${(disturbed * 100).toFixed(0)} %\n`,
  )
  return { seconds, cpuSeconds, peakMegabytes: peak, startSeconds, disturbed }
}

interface Command {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

function commandOf(engine: Engine, origin: string, destination: string): Command {
  if (engine === 's5cmd sync') {
    const args = [
      s5cmd,
      '--endpoint-url',
      origin,
      '--log',
      'error',
      'sync',
      `s3://bucket/${prefix}*`,
      `${destination}/`,
    ]
    return { args, env: { ...keys, AWS_CA_BUNDLE: ca } }
  }
  const main = join(root, 'dist', 'main.js')
  return {
    args: [node, main, 'load', '--termination-log', '/dev/null', '--start-jitter', '0'],
    env: {
      ...keys,
      MODEL_NAME: 'bench',
      MODEL_SOURCE: `s3://bucket/${prefix}`,
      MODEL_ROOT: destination,
      MODEL_ID: '0123456789abcdef',
      MODEL_CREDENTIALS: 'secret/bench',
      MODEL_ENDPOINT: origin,
      MODEL_TIMEOUT_SECONDS: '600',
      MODEL_STALL_TIMEOUT_SECONDS: '60',
      NODE_EXTRA_CA_CERTS: ca,
    },
  }
}

/** `s5cmd sync` exits 0 with half of it. */
function checkFiles(engine: Engine, { name, count, bytes }: Case, destination: string): void {
  const sizes = readdirSync(destination, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.bin'))
    .map((file) => statSync(join(destination, file)).size)
  if (sizes.length !== count || sizes.some((size) => size !== bytes)) {
    throw new Error(`${engine} did not bring ${name}`)
  }
}

function rowOf({ name, count, bytes }: Case, pairs: readonly Pair[]): string {
  const gigabytes = (count * bytes) / 1e9
  const ours = (value: (of: Measured) => number, digits: number): string =>
    spread(
      pairs.map((pair) => value(pair.ours)),
      digits,
    )
  const both = (value: (ours: Measured, theirs: Measured) => number): string =>
    spread(
      pairs.flatMap((pair) => (pair.theirs === undefined ? [] : [value(pair.ours, pair.theirs)])),
      2,
    )
  const cells = [
    name,
    ours(({ seconds }) => seconds, 2),
    both((_, { seconds }) => seconds),
    both((mine, { seconds }) => seconds / mine.seconds),
    ours(({ cpuSeconds }) => cpuSeconds / gigabytes, 2),
    both((mine, { cpuSeconds }) => mine.cpuSeconds / cpuSeconds),
    ours(({ startSeconds }) => startSeconds, 2),
    ours((of) => of.peakMegabytes, 0),
    disturbances(pairs),
  ]
  return `| ${cells.join(' | ')} |`
}

function disturbances(pairs: readonly Pair[]): string {
  const runs = pairs.flatMap(({ ours, theirs }) => [ours, theirs ?? []].flat())
  const shares = runs.map(({ disturbed }) => disturbed).filter((share) => share > disturbance)
  if (shares.length === 0) return 'none'
  return `${shares.length} of ${runs.length}, up to ${(Math.max(...shares) * 100).toFixed(0)} %`
}

function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  const [median, lowest, highest] = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)]
  if (median === undefined || lowest === undefined || highest === undefined) return '–'
  return `${median.toFixed(digits)} (${lowest.toFixed(digits)} to ${highest.toFixed(digits)})`
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
