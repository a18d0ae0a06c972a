/** Prometheus' own tool for rules, out of Debian's package. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackedPackages } from './debian-packages.ts'

export interface ToolResult {
  readonly ok: boolean
  /** Both streams. */
  readonly output: string
}

export async function promtool(args: readonly string[], directory: string): Promise<ToolResult> {
  const file = join(await unpackedPackages('prometheus', ['prometheus']), 'usr', 'bin', 'promtool')
  return await promisify(execFile)(file, args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout, stderr }) => ({ ok: true, output: stdout + stderr }),
    (error: unknown) => {
      const { stdout = '', stderr = '', message = '' } = error as { stdout?: string; stderr?: string; message?: string }
      return { ok: false, output: stdout + stderr || message }
    },
  )
}
