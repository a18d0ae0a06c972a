/** Prometheus and its own tool for rules, out of Debian's package. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { unpackedPackages } from './debian-packages.ts'
import { freePorts } from './free-ports.ts'

export interface PromtoolResult {
  readonly ok: boolean
  /** Both streams. */
  readonly output: string
}

async function program(name: 'promtool' | 'prometheus'): Promise<string> {
  return join(await unpackedPackages('prometheus', ['prometheus']), 'usr', 'bin', name)
}

export interface Prometheus {
  /** The series that the expression gives now; throws where it is no PromQL. */
  readonly query: (expr: string) => Promise<
    readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly value: readonly [time: number, value: string]
    }[]
  >
  readonly stop: () => Promise<void>
}

/** Scrapes the targets (`127.0.0.1:9090`) every second. */
export async function startPrometheus(directory: string, targets: readonly string[]): Promise<Prometheus> {
  const config = join(directory, 'prometheus.yaml')
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'model-injector', static_configs: [{ targets }] }],
    }),
  )
  const [port = 0] = await freePorts(1)
  const child = spawn(
    await program('prometheus'),
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const exited = once(child, 'exit')
  return {
    query: async (expr) => {
      const response = await fetch(
        `http://127.0.0.1:${port}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`,
      )
      const { data, error } = (await response.json()) as {
        data?: { result: Awaited<ReturnType<Prometheus['query']>> }
        error?: string
      }
      if (data === undefined) throw new Error(`${expr}: ${error ?? ''}`)
      return data.result
    },
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

export async function promtool(args: readonly string[], directory: string): Promise<PromtoolResult> {
  return await promisify(execFile)(await program('promtool'), args, {
    cwd: directory,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout, stderr }) => ({ ok: true, output: stdout + stderr }),
    (error: unknown) => {
      const { stdout = '', stderr = '', message = '' } = error as { stdout?: string; stderr?: string; message?: string }
      return { ok: false, output: stdout + stderr || message }
    },
  )
}
