/** Custom resource definitions of other projects (all Apache-2.0), from the Go modules that publish them, pinned by go.sum. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { ApiObject } from './api-client.ts'

const sources = [
  {
    module: 'github.com/cert-manager/cert-manager',
    files: ['certificates', 'issuers'].map((name) => `deploy/crds/crd-${name}.yaml`),
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    files: ['servicemonitors', 'prometheusrules'].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
  },
] as const

/** Those of the kinds that the chart renders. */
export async function chartCrds(): Promise<ApiObject[]> {
  const objects = await Promise.all(
    sources.map(async ({ module, files }) => {
      const directory = await moduleDirectory(module)
      return await Promise.all(files.map((file) => readCrd(join(directory, file))))
    }),
  )
  return objects.flat()
}

async function moduleDirectory(module: string): Promise<string> {
  const pins = join(import.meta.dirname, '..', '..', 'chart', 'tools', 'crds')
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' }
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { cwd: pins, env })
  return (JSON.parse(stdout) as { Dir: string }).Dir
}

/** cert-manager's are templates of its chart, in their labels only. */
async function readCrd(file: string): Promise<ApiObject> {
  const { apiVersion, kind, metadata, spec } = parse(await readFile(file, 'utf8')) as ApiObject
  return { apiVersion, kind, metadata: { name: metadata?.name ?? '', annotations: metadata?.annotations }, spec }
}
