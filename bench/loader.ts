/**
 * Wall clock, CPU and memory of loading from S3 over HTTPS: `model-injector load`, its mover of bytes alone (`transfer`),
 * `s5cmd sync` and `s5cmd cp`, in turns on the same server, into a tmpfs. Measures what `npm run build` made. The server costs CPU too and shares the machine, so throughput is what this
 * machine allows for both; the ratios of one run are what to trust. Linux only: CPU time is read from /proc.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { s5cmdBinary } from '../test/support/go-binaries.ts'

const mebibyte = 1024 * 1024
const workloads = [
  { name: 'one object of 2 GiB', prefix: 'one/', count: 1, bytes: 2048 * mebibyte, runs: 3 },
  { name: 'four shards of 512 MiB', prefix: 'four/', count: 4, bytes: 512 * mebibyte, runs: 3 },
  { name: '10,000 objects of 100 KiB', prefix: 'small/', count: 10_000, bytes: 100 * 1024, runs: 3 },
] as const

type Workload = (typeof workloads)[number]

interface Engine {
  readonly name: string
  command(workload: Workload, destination: string): { readonly file: string; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> }
}

interface Measured {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
}

const root = join(import.meta.dirname, '..')
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
const memory = isWritable('/dev/shm') ? mkdtempSync('/dev/shm/model-injector-bench-') : directory
const ca = join(directory, 'ca.crt')
const s5cmd = await s5cmdBinary()
const transferScript = writeTransferScript()
execFileSync(join(root, 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
const server = spawn(process.execPath, [join(root, 'bench', 'loader-server.ts'), directory, ...workloads.map(({ count, bytes, prefix }) => `${count}*${bytes}:${prefix}`)],
  { stdio: ['ignore', 'pipe', 'inherit'] })
const [port] = await once(createInterface({ input: server.stdout }), 'line') as [string]
const origin = `https://127.0.0.1:${port}`

const engines: readonly Engine[] = [
  wholeLoader(),
  ours('transfer, no checksum', 'none'),
  ours('transfer, CRC-32C', 'crc32c'),
  ours('transfer, CRC-64/NVME', 'crc64nvme'),
  s5cmdWith('s5cmd sync', 'sync', (workload) => `s3://bucket/${workload.prefix}*`),
  s5cmdWith('s5cmd cp', 'cp', (workload) => `s3://bucket/${workload.prefix}*`),
]

try {
  print(`${cpus().length} cores (${cpus()[0]?.model ?? '?'}), shared with the server, which is bench/loader-server.ts: a real S3 server would be the limit here.`)
  print(`HTTPS on loopback, destination ${memory === directory ? 'a disk' : 'tmpfs'}, GB = 10^9 bytes, medians; memory is the highest resident set.`)
  for (const workload of workloads) await compare(workload)
} finally {
  server.kill('SIGKILL')
  rmSync(directory, { recursive: true })
  rmSync(memory, { recursive: true, force: true })
}

/** As JavaScript on what was built: Node's own type stripper would add tens of megabytes. */
function writeTransferScript(): string {
  const file = join(directory, 'transfer.mjs')
  const source = stripTypeScriptTypes(readFileSync(join(root, 'bench', 'loader-transfer.ts'), 'utf8'))
  writeFileSync(file, source.replace('../src/loader/transfer/transfer.ts', join(root, 'dist', 'loader', 'transfer', 'transfer.js')))
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
        MODEL_NAME: 'bench', MODEL_SOURCE: `s3://bucket/${prefix}`, MODEL_ROOT: destination, MODEL_ID: '0123456789abcdef', MODEL_CREDENTIALS: 'secret/bench', MODEL_ENDPOINT: origin,
        MODEL_TIMEOUT_SECONDS: '600', MODEL_STALL_TIMEOUT_SECONDS: '60', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1', NODE_EXTRA_CA_CERTS: ca,
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

function s5cmdWith(name: string, verb: string, source: (workload: Workload) => string): Engine {
  return {
    name,
    command: (workload, destination) => ({
      file: s5cmd,
      args: ['--endpoint-url', origin, '--log', 'error', verb, source(workload), `${destination}/`],
      env: { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1', AWS_CA_BUNDLE: ca },
    }),
  }
}

async function compare(workload: Workload): Promise<void> {
  const results = new Map<string, Measured[]>(engines.map(({ name }) => [name, []]))
  for (let run = 0; run < workload.runs; run++) {
    for (const engine of [...engines].sort(() => Math.random() - 0.5)) results.get(engine.name)?.push(await measure(engine, workload))
  }
  print(`\n| ${workload.name} | GB/s | CPU s/GB | peak MB |\n|---|---|---|---|`)
  const gigabytes = workload.count * workload.bytes / 1e9
  for (const [name, measured] of results) {
    const [seconds, cpu, peak] = [median(measured, 'seconds'), median(measured, 'cpuSeconds'), median(measured, 'peakMegabytes')]
    print(`| ${name} | ${(gigabytes / seconds).toFixed(3)} | ${(cpu / gigabytes).toFixed(2)} | ${peak.toFixed(0)} |`)
  }
}

async function measure(engine: Engine, workload: Workload): Promise<Measured> {
  const destination = join(memory, 'model')
  mkdirSync(destination)
  const { file, args, env } = engine.command(workload, destination)
  const [cpuBefore, startedAt] = [childrensCpuSeconds(), performance.now()]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH: process.env.PATH, HOME: directory, ...env } })
  let peak = 0
  const sampler = setInterval(() => { peak = Math.max(peak, peakMegabytes(child.pid ?? 0)) }, 25)
  const [code] = await once(child, 'exit') as [number | null]
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(sampler)
  const cpuSeconds = childrensCpuSeconds() - cpuBefore
  if (code !== 0) throw new Error(`${engine.name} exited with ${code ?? 'a signal'}`)
  checkFiles(engine, workload, destination)
  rmSync(destination, { recursive: true })
  return { seconds, cpuSeconds, peakMegabytes: peak }
}

/** `s5cmd sync` exits 0 with half of it. */
function checkFiles(engine: Engine, workload: Workload, destination: string): void {
  const sizes = readdirSync(destination, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.bin')).map((name) => statSync(join(destination, name)))
  if (sizes.length !== workload.count || sizes.some(({ size }) => size !== workload.bytes)) throw new Error(`${engine.name} did not bring ${workload.name}`)
}

/** Of those that were waited for: cutime and cstime. The server lives on and is not among them. */
function childrensCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /s, '').split(' ')
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
}

function peakMegabytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024 / 1e6
  } catch {
    return 0
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
