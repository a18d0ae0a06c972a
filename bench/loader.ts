/**
 * Wall clock, CPU and memory of loading from S3 over HTTPS: `model-injector load`, its transfer alone (`transfer`), a bare
 * reader (bench/loader-bare.ts), `s5cmd sync` and `s5cmd cp`, in turns on the same server, into a tmpfs. Measures what
 * `npm run build` made. The server costs CPU too and shares the machine, so throughput is what this machine allows for both;
 * the ratios of one run are what to trust. Runs in which other programs took much of the CPU are repeated. Linux only: CPU time
 * is read from /proc.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  appendFileSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { s5cmdBinary } from '../test/kit/tools/go-binaries.ts'

const mebibyte = 1024 * 1024
/** Small enough that a virtual machine keeps the pages of the run before: with 8 GiB, a byte took 1.7 times the CPU, nearly all in the kernel. */
const workloads = [
  { name: '4 GiB', prefix: 'large/', count: 1, bytes: 4096 * mebibyte },
  { name: '4 × 1 GiB', prefix: 'shards/', count: 4, bytes: 1024 * mebibyte },
  { name: '10,000 × 100 KiB', prefix: 'small/', count: 10_000, bytes: 100 * 1024 },
] as const
const runs = 3
/** Share of all cores used by other processes: a run with more is repeated. Loopback's interrupts alone come to 0.05. */
const disturbance = 0.1
const mostRepetitions = 2

type Workload = (typeof workloads)[number]

interface Engine {
  readonly name: string
  command(
    workload: Workload,
    destination: string,
  ): { readonly file: string; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> }
}

interface Measured {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
  /** From the start of the process to its first GET of an object; NaN for what lists nothing, by which the server tells. */
  readonly startSeconds: number
  /** Share of all cores that other programs took meanwhile. */
  readonly disturbed: number
}

const nothing: Measured = {
  seconds: Number.NaN,
  cpuSeconds: Number.NaN,
  peakMegabytes: Number.NaN,
  startSeconds: Number.NaN,
  disturbed: Number.NaN,
}
const root = join(import.meta.dirname, '..')
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
const memory = isWritable('/dev/shm') ? mkdtempSync('/dev/shm/model-injector-bench-') : directory
const ca = join(directory, 'ca.crt')
const s5cmd = await s5cmdBinary()
const transferScript = writeScript('transfer')
const bareScript = writeScript('bare')
execFileSync(join(root, 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
const server = spawn(
  process.execPath,
  [
    join(root, 'bench', 'loader-server.ts'),
    directory,
    ...workloads.map(({ count, bytes, prefix }) => `${count}*${bytes}:${prefix}`),
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
const lines = createInterface({ input: server.stdout })
const [port] = (await once(lines, 'line')) as [string]
let firstGetAtMs = 0
lines.on('line', (line) => {
  firstGetAtMs = Number(line)
})
const origin = `https://127.0.0.1:${port}`

const engines: readonly Engine[] = [
  wholeLoader(),
  ours('transfer, no checksum', 'none'),
  ours('transfer, CRC-32C', 'crc32c'),
  ours('transfer, CRC-64/NVME', 'crc64nvme'),
  bareReader(),
  s5cmdWith('s5cmd sync', 'sync', (workload) => `s3://bucket/${workload.prefix}*`),
  s5cmdWith('s5cmd cp', 'cp', (workload) => `s3://bucket/${workload.prefix}*`),
]

try {
  print(
    `${cpus().length} cores (${cpus()[0]?.model ?? '?'}), shared with the server, which is bench/loader-server.ts: a real S3 server would be the limit here.`,
  )
  print(
    `HTTPS on loopback, destination ${memory === directory ? 'a disk' : 'tmpfs'}, GB = 10^9 bytes, medians of ${runs}; memory is the highest resident set.`,
  )
  touchMemory(Math.max(...workloads.map(({ count, bytes }) => count * bytes)))
  const rows = new Map<Workload, ReadonlyMap<string, Measured>>()
  for (const workload of workloads) rows.set(workload, await compare(workload))
  printTable(rows)
} finally {
  server.kill('SIGKILL')
  rmSync(directory, { recursive: true })
  rmSync(memory, { recursive: true, force: true })
}

/** As JavaScript on what was built: Node's own type stripper would add tens of megabytes. */
function writeScript(name: 'transfer' | 'bare'): string {
  const file = join(directory, `${name}.mjs`)
  const source = stripTypeScriptTypes(readFileSync(join(root, 'bench', `loader-${name}.ts`), 'utf8'))
  writeFileSync(
    file,
    source.replace('../src/loader/transfer/transfer.ts', join(root, 'dist', 'loader', 'transfer', 'transfer.js')),
  )
  return file
}

/** With all it does around the bytes: listing, journal, fdatasync, checksums, publishing. */
function wholeLoader(): Engine {
  return {
    name: 'model-injector load',
    command: ({ prefix }, destination) => ({
      file: process.execPath,
      args: [join(root, 'dist', 'main.js'), 'load', '--termination-log', '/dev/null', '--start-jitter', '0'],
      env: {
        MODEL_NAME: 'bench',
        MODEL_SOURCE: `s3://bucket/${prefix}`,
        MODEL_ROOT: destination,
        MODEL_ID: '0123456789abcdef',
        MODEL_CREDENTIALS: 'secret/bench',
        MODEL_ENDPOINT: origin,
        MODEL_TIMEOUT_SECONDS: '600',
        MODEL_STALL_TIMEOUT_SECONDS: '60',
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_REGION: 'us-east-1',
        NODE_EXTRA_CA_CERTS: ca,
      },
    }),
  }
}

function ours(name: string, crc: string): Engine {
  return {
    name,
    command: ({ prefix }, destination) => ({
      file: process.execPath,
      args: [transferScript],
      env: { ORIGIN: origin, CA: ca, PREFIX: prefix, DESTINATION: destination, CRC: crc },
    }),
  }
}

function bareReader(): Engine {
  return {
    name: 'bare reader on Node',
    command: ({ prefix, count, bytes }, destination) => ({
      file: process.execPath,
      args: [bareScript],
      env: {
        ORIGIN: origin,
        CA: ca,
        PREFIX: prefix,
        COUNT: String(count),
        BYTES: String(bytes),
        DESTINATION: destination,
      },
    }),
  }
}

function s5cmdWith(name: string, verb: string, source: (workload: Workload) => string): Engine {
  return {
    name,
    command: (workload, destination) => ({
      file: s5cmd,
      args: ['--endpoint-url', origin, '--log', 'error', verb, source(workload), `${destination}/`],
      env: {
        AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_REGION: 'us-east-1',
        AWS_CA_BUNDLE: ca,
      },
    }),
  }
}

/** Pages that the machine never used before cost a virtual machine a multiple: the first engine would pay for all. */
function touchMemory(bytes: number): void {
  const file = join(memory, 'touched')
  const block = Buffer.alloc(mebibyte, 1)
  for (let written = 0; written < bytes; written += block.length) appendFileSync(file, block)
  rmSync(file)
}

async function compare(workload: Workload): Promise<ReadonlyMap<string, Measured>> {
  const results = new Map<string, Measured[]>(engines.map(({ name }) => [name, []]))
  for (let run = 0; run < runs; run++) {
    for (const engine of [...engines].sort(() => Math.random() - 0.5)) {
      results.get(engine.name)?.push(await measureUndisturbed(engine, workload))
    }
  }
  return new Map([...results].map(([name, measured]) => [name, medians(measured)]))
}

async function measureUndisturbed(engine: Engine, workload: Workload): Promise<Measured> {
  let best = await measure(engine, workload)
  for (let i = 0; i < mostRepetitions && best.disturbed > disturbance; i++) {
    const again = await measure(engine, workload)
    if (again.disturbed < best.disturbed) best = again
  }
  return best
}

function printTable(rows: ReadonlyMap<Workload, ReadonlyMap<string, Measured>>): void {
  print(`\n| |${workloads.map(({ name }) => ` ${name}: GB/s | CPU s/GB |`).join('')} first GET after | peak MB |`)
  print(`|---|${workloads.map(() => '---|---|').join('')}---|---|`)
  for (const { name } of engines) {
    const measured = workloads.map((workload) => ({ workload, of: rows.get(workload)?.get(name) ?? nothing }))
    const cells = measured.map(({ workload: { count, bytes }, of }) => {
      const gigabytes = (count * bytes) / 1e9
      return ` ${(gigabytes / of.seconds).toFixed(2)} | ${(of.cpuSeconds / gigabytes).toFixed(2)} |`
    })
    const peaks = measured.map(({ of }) => of.peakMegabytes)
    const startSeconds = measured[0]?.of.startSeconds ?? Number.NaN
    print(
      `| ${name} |${cells.join('')} ${Number.isNaN(startSeconds) ? '–' : `${startSeconds.toFixed(2)} s`} | ${Math.min(...peaks).toFixed(0)} to ${Math.max(...peaks).toFixed(0)} |`,
    )
  }
  const disturbed = Math.max(...[...rows.values()].flatMap((row) => [...row.values()].map((of) => of.disturbed)))
  print(`\nOther programs took at most ${(disturbed * 100).toFixed(0)} % of the CPU during the median run.`)
}

async function measure(engine: Engine, workload: Workload): Promise<Measured> {
  const destination = join(memory, 'model')
  mkdirSync(destination)
  const { file, args, env } = engine.command(workload, destination)
  const [cpuBefore, othersBefore, startedAt, startedAtMs] = [
    childrensCpuSeconds(),
    othersCpuSeconds(),
    performance.now(),
    Date.now(),
  ]
  const child = spawn(file, args, {
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
  const disturbed = (othersCpuSeconds() - othersBefore) / seconds / cpus().length
  if (code !== 0) throw new Error(`${engine.name} exited with ${code ?? 'a signal'}`)
  checkFiles(engine, workload, destination)
  rmSync(destination, { recursive: true })
  process.stderr.write(
    `${workload.name}, ${engine.name}: ${seconds.toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s, ${peak.toFixed(0)} MB, others took ${(disturbed * 100).toFixed(0)} %\n`,
  )
  return {
    seconds,
    cpuSeconds,
    peakMegabytes: peak,
    startSeconds: firstGetAtMs < startedAtMs ? Number.NaN : (firstGetAtMs - startedAtMs) / 1000,
    disturbed,
  }
}

/** `s5cmd sync` exits 0 with half of it. */
function checkFiles(engine: Engine, workload: Workload, destination: string): void {
  const sizes = readdirSync(destination, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.bin'))
    .map((name) => statSync(join(destination, name)))
  if (sizes.length !== workload.count || sizes.some(({ size }) => size !== workload.bytes)) {
    throw new Error(`${engine.name} did not bring ${workload.name}`)
  }
}

/** CPU time of children that have ended: cutime and cstime. The server runs on and is not included. */
function childrensCpuSeconds(): number {
  const { waitedFor } = cpuSecondsOf('self')
  return waitedFor
}

function cpuSecondsOf(pid: number | 'self'): { own: number; waitedFor: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, usersOfChildren = 0, systemsOfChildren = 0] = fields.slice(11, 15)
  return { own: (user + system) / ticksPerSecond, waitedFor: (usersOfChildren + systemsOfChildren) / ticksPerSecond }
}

/** CPU time of the machine, without this process, its children and the server. */
function othersCpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] =
    readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/ +/).slice(1).map(Number) ?? []
  const { own, waitedFor } = cpuSecondsOf('self')
  return (
    (user + nice + system + interrupts + softInterrupts + stolen) / ticksPerSecond -
    own -
    waitedFor -
    cpuSecondsOf(server.pid ?? 0).own
  )
}

function peakMegabytes(pid: number): number {
  try {
    return (Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024) / 1e6
  } catch {
    return 0
  }
}

function medians(measured: readonly Measured[]): Measured {
  const of = (field: keyof Measured): number => median(measured, field)
  return {
    seconds: of('seconds'),
    cpuSeconds: of('cpuSeconds'),
    peakMegabytes: of('peakMegabytes'),
    startSeconds: of('startSeconds'),
    disturbed: of('disturbed'),
  }
}

function median(measured: readonly Measured[], field: keyof Measured): number {
  const sorted = measured.map((one) => one[field]).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
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
