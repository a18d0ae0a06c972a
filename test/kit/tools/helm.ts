/** The real Helm, on our chart or on any: pinned, fetched once on each machine, and cut off from the user's own settings. */
import { execFile } from 'node:child_process'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import type { ApiObject } from '../cluster/api-client.ts'
import { helmBinaries } from './helm-binaries.ts'

export const chartDirectory = join(import.meta.dirname, '..', '..', '..', 'deploy', 'chart')

/** As written in a values file; an entry that is undefined is left out. */
export type ChartValues = Readonly<Record<string, unknown>>

export interface RenderOptions {
  readonly release?: string
  readonly namespace?: string
  readonly chart?: string
  /** As of the cluster, like `monitoring.coreos.com/v1`. */
  readonly apiVersions?: readonly string[]
  readonly kubeVersion?: string
  /** The objects of `helm test` too. */
  readonly hooks?: boolean
  readonly upgrade?: boolean
}

export interface HelmResult {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

export async function helmBinary(): Promise<string> {
  return join(await helmBinaries(), 'helm')
}

export async function kubectlBinary(): Promise<string> {
  return join(await helmBinaries(), 'kubectl')
}

/** Runs Helm and gives what came of it, good or bad. Without `kubeConfigFile` it reaches no cluster. */
export async function runHelm(
  args: readonly string[],
  { input = '', kubeConfigFile = devNull, timeoutSeconds = 300 } = {},
): Promise<HelmResult> {
  const directory = await helmBinaries()
  // Nothing of the user's: no HELM_* variable, no repositories, no plugins.
  const home = join(directory, 'home')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    KUBECONFIG: kubeConfigFile,
    HELM_CACHE_HOME: join(home, 'cache'),
    HELM_CONFIG_HOME: join(home, 'config'),
    HELM_DATA_HOME: join(home, 'data'),
  }
  const options = { env, maxBuffer: 64 * 1024 * 1024, timeout: timeoutSeconds * 1000 }
  const running = promisify(execFile)(join(directory, 'helm'), args, options)
  running.child.stdin?.end(input)
  return await running.then(
    ({ stdout, stderr }) => ({ ok: true, stdout, stderr }),
    (error: unknown) => failureOf(error),
  )
}

function failureOf(error: unknown): HelmResult {
  const { stdout = '', stderr = '', message = '' } = error as { stdout?: string; stderr?: string; message?: string }
  return { ok: false, stdout, stderr: stderr === '' ? message : stderr }
}

/** The objects as `helm install` would send them. Throws with Helm's own words where it refuses. */
export async function renderChart(values: ChartValues = {}, options: RenderOptions = {}): Promise<ApiObject[]> {
  const { ok, stdout, stderr } = await templateChart(values, options)
  if (!ok) throw new Error(stderr)
  return parseObjects(stdout)
}

/** The same as text, and without an exception. */
export async function templateChart(values: ChartValues = {}, options: RenderOptions = {}): Promise<HelmResult> {
  return await runHelm(['template', ...renderArguments(options)], { input: JSON.stringify(values) })
}

/** Release, chart and flags, for `template` as for `install` and `upgrade`; the values come on stdin. */
function renderArguments({
  release = 'model-injector',
  namespace = 'model-injector',
  chart = chartDirectory,
  ...options
}: RenderOptions): string[] {
  return [
    release,
    chart,
    '--namespace',
    namespace,
    '--values',
    '-',
    ...(options.apiVersions ?? []).flatMap((version) => ['--api-versions', version]),
    ...(options.kubeVersion === undefined ? [] : ['--kube-version', options.kubeVersion]),
    ...(options.hooks === true ? [] : ['--no-hooks']),
    ...(options.upgrade === true ? ['--is-upgrade'] : []),
  ]
}

export function parseObjects(yaml: string): ApiObject[] {
  const documents = parseAllDocuments(yaml)
  if ('empty' in documents) return []
  return documents
    .map((document) => {
      if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'))
      return document.toJS() as ApiObject | null
    })
    .filter((object) => object !== null)
}

/** The only object of that kind, and of that name where one is given. */
export function objectOf(objects: readonly ApiObject[], kind: string, name?: string): ApiObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata?.name === name),
  )
  if (found.length !== 1) {
    throw new Error(`${found.length} objects are a ${kind}${name === undefined ? '' : ` named ${name}`}`)
  }
  return found[0]!
}

/** The value at a path like `spec.template.spec.containers.0.args`; keys with dots are given apart. */
export function valueIn(value: unknown, ...path: readonly string[]): unknown {
  const keys = path.length === 1 ? path[0]!.split('.') : path
  return keys.reduce(
    (found: unknown, key) =>
      typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[key] : undefined,
    value,
  )
}
