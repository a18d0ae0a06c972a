/** PolicyReport and OpenReports definitions (Apache-2.0), from the Go modules that publish them, pinned by go.sum. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { ApiObject } from '../kit/cluster/api-client.ts'

const files = [
  ['github.com/kyverno/kyverno', 'config/crds/policyreport/wgpolicyk8s.io_policyreports.yaml'],
  ['github.com/openreports/reports-api', 'config/crd/openreports.io_reports.yaml'],
] as const

export function reportCrds(): Promise<readonly ApiObject[]> {
  return Promise.all(
    files.map(
      async ([module, file]) => parse(await readFile(join(await moduleDirectory(module), file), 'utf8')) as ApiObject,
    ),
  )
}

async function moduleDirectory(module: string): Promise<string> {
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' }
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], {
    cwd: join(import.meta.dirname, 'crds'),
    env,
  })
  return (JSON.parse(stdout) as { Dir: string }).Dir
}
