/**
 * The resident set of `model-injector serve` over many admissions of every size and kind, then over bursts of connections
 * that are opened at once, each for one request. Linux only.
 *
 * node bench/memory.ts [--admissions N] [--bursts N] [--dist DIRECTORY] [--node-flag FLAG]... [--env NAME=VALUE]...
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { commandNodeFlags, commandVariables, imageNodeFlags } from '../deploy/image/node-flags.ts'
import { inProcess } from './in-process.ts'
import { cpuMicrosecondsOf, peakMegabytes, residentMegabytes } from './machine.ts'
import { admissionCases } from './pod.ts'
import { listeningPort, makeCertificate, sendReview } from './webhook.ts'

const root = join(import.meta.dirname, '..')
const points = 10
const connections = 8
/** More than the 1,000 connections that the webhook holds open. */
const connectionsOfBurst = 1300
const { values: options } = parseArgs({
  options: {
    admissions: { type: 'string', default: '1000000' },
    bursts: { type: 'string', default: '5' },
    dist: { type: 'string', default: join(root, 'dist') },
    'node-flag': { type: 'string', multiple: true, default: [...imageNodeFlags, ...commandNodeFlags.serve] },
    env: {
      type: 'string',
      multiple: true,
      default: Object.entries(commandVariables.serve).map((pair) => pair.join('=')),
    },
  },
})
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
makeCertificate(directory)
const ports = ['--address', '127.0.0.1', '--port', '0', '--health-port', '0']
const child = spawn(
  join(root, 'node_modules', 'node', 'bin', 'node'),
  [...options['node-flag'], join(resolve(options.dist), 'main.js'), 'serve', '--tls-dir', directory, ...ports],
  {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      ...Object.fromEntries(options.env.map((text) => text.split('=', 2) as [string, string])),
    },
  },
)
try {
  const pid = child.pid ?? 0
  const origin = `https://127.0.0.1:${await listeningPort(child)}`
  const bodies = admissionCases(await inProcess(join(root, 'src'))).map(({ body }) => body)
  let cpuBefore = cpuMicrosecondsOf(pid)
  const say = (when: string, count: number): void => {
    const cpu = cpuMicrosecondsOf(pid)
    const cells = [
      when,
      residentMegabytes(pid).toFixed(0),
      peakMegabytes(pid).toFixed(0),
      ((cpu - cpuBefore) / count).toFixed(0),
    ]
    process.stdout.write(`| ${cells.join(' | ')} |\n`)
    cpuBefore = cpu
  }
  /** How many had no answer within the webhook's own limits of time, as happens to bursts on a busy machine. */
  const sendMany = async (agent: Agent, count: number, atOnce: number): Promise<number> => {
    let [next, lost] = [0, 0]
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let i = next++; i < count; i = next++) {
          await sendReview(`${origin}/mutate?timeout=30s`, agent, bodies[i % bodies.length] ?? '').catch(() => lost++)
        }
      }),
    )
    return lost
  }
  process.stdout.write('| after | RSS MB | most so far | CPU µs of each |\n|---|---|---|---|\n')
  say('start', 1)
  const kept = new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false })
  const perPoint = Math.ceil(Number(options.admissions) / points)
  for (let point = 1; point <= points; point++) {
    await sendMany(kept, perPoint, connections)
    say(`${(point * perPoint).toLocaleString('en-US')} admissions`, perPoint)
  }
  kept.destroy()
  for (let burst = 1; burst <= Number(options.bursts); burst++) {
    const once = new Agent({ keepAlive: false, rejectUnauthorized: false })
    const lost = await sendMany(once, connectionsOfBurst, connectionsOfBurst)
    say(`burst ${burst} of ${connectionsOfBurst.toLocaleString('en-US')} connections, ${lost} lost`, connectionsOfBurst)
  }
} finally {
  child.kill('SIGKILL')
  rmSync(directory, { recursive: true })
}
