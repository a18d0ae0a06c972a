/**
 * CPU time per admission of a pod of about 8 KB: `model-injector serve` and, for comparison, a Node HTTPS server that only parses and
 * answers. Both run all the time and are loaded in turns of random order, so that other work of the machine affects both
 * alike; the ratio of one run is what to trust. Linux only: CPU time is read from /proc.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { admissionOf } from './pod.ts'

const cycles = 6
const slotMs = 1000
const connections = 4
const root = join(import.meta.dirname, '..')
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

interface Server {
  readonly name: string
  readonly child: ChildProcess
  readonly port: number
  readonly body: string
  readonly agent: Agent
  readonly cpuMicroseconds: number[]
  readonly perSecond: number[]
}

const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
execFileSync(join(root, 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
const ca = readFileSync(join(directory, 'ca.crt'))
const annotated = admissionOf('injected', '9.5 KB')
const servers = [
  await start('parse and answer', [join(root, 'bench', 'floor-server.ts'), directory], annotated, (line) =>
    Number(line),
  ),
  await start('model-injector, injected', serveArguments(), annotated, listeningPort),
  await start('model-injector, not annotated', serveArguments(), admissionOf('not annotated', '9.5 KB'), listeningPort),
]
for (const server of servers) await load(server, slotMs)
for (const server of servers) [server.cpuMicroseconds.length, server.perSecond.length] = [0, 0]
for (let cycle = 0; cycle < cycles; cycle++) {
  for (const server of [...servers].sort(() => Math.random() - 0.5)) await load(server, slotMs)
}
report()
for (const { child, agent } of servers) {
  agent.destroy()
  child.kill('SIGKILL')
  await once(child, 'exit')
}
rmSync(directory, { recursive: true })

function serveArguments(): string[] {
  return [
    join(root, 'dist', 'main.js'),
    'serve',
    '--tls-dir',
    directory,
    '--address',
    '127.0.0.1',
    '--port',
    '0',
    '--health-port',
    '0',
  ]
}

function listeningPort(line: string): number | undefined {
  const { msg, port } = JSON.parse(line) as { msg?: string; port?: number }
  return msg === 'listening' ? port : undefined
}

async function start(
  name: string,
  args: string[],
  body: string,
  portOf: (line: string) => number | undefined,
): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => {
      reject(new Error(`${name} exited with ${code ?? 'a signal'}`))
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = portOf(line)
      if (found !== undefined) resolve(found)
    })
  })
  return {
    name,
    child,
    port,
    body,
    agent: new Agent({ keepAlive: true, maxSockets: connections, ca }),
    cpuMicroseconds: [],
    perSecond: [],
  }
}

async function load(server: Server, durationMs: number): Promise<void> {
  const [cpuBefore, startedAt] = [cpuSeconds(server), performance.now()]
  const endAt = startedAt + durationMs
  let answered = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < endAt) {
        await admit(server)
        answered++
      }
    }),
  )
  server.cpuMicroseconds.push(((cpuSeconds(server) - cpuBefore) * 1e6) / answered)
  server.perSecond.push((answered * 1000) / (performance.now() - startedAt))
}

function admit({ port, agent, body }: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, */*',
      'content-length': Buffer.byteLength(body),
    }
    const sent = request(
      { host: '127.0.0.1', port, path: '/mutate?timeout=5s', method: 'POST', agent, headers },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('end', () => {
          const {
            response: { allowed },
          } = JSON.parse(Buffer.concat(chunks).toString()) as { response: { allowed: boolean } }
          if (allowed) resolve()
          else reject(new Error('the pod was denied'))
        })
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** User and system time, fields 14 and 15 of /proc/PID/stat (proc(5)). */
function cpuSeconds({ child }: Server): number {
  const fields = readFileSync(`/proc/${child.pid ?? 0}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function residentMiB({ child }: Server): number {
  const kiB = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))?.[1]
  return Number(kiB) / 1024
}

function report(): void {
  const floor = median(servers[0]?.cpuMicroseconds ?? [])
  process.stdout.write(
    `body ${Buffer.byteLength(annotated)} bytes, ${cycles} turns of ${slotMs} ms, ${connections} connections, Node ${process.version}\n\n`,
  )
  for (const server of servers) {
    const cpu = median(server.cpuMicroseconds)
    const cells = [
      `${cpu.toFixed(0)} µs CPU`,
      `× ${(cpu / floor).toFixed(2)}`,
      `${median(server.perSecond).toFixed(0)}/s`,
      `${residentMiB(server).toFixed(0)} MiB`,
    ]
    process.stdout.write(`${server.name.padEnd(32)}${cells.map((cell) => cell.padStart(12)).join('')}\n`)
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
