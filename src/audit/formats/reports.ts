/**
 * Objects that dashboards of policy engines show: PolicyReport (wgpolicyk8s.io/v1alpha2) and its successor, Report
 * (openreports.io/v1alpha1). One or more for each namespace, a result for each judgement.
 */
import { stringify } from 'yaml'
import { levelOf, type AuditedPod, type Judged, type Level } from '../judgement.ts'
import type { Format, FormatContext } from './format.ts'

/** A size that readers of these objects accept. etcd accepts no object over 1.5 MiB, managed fields included. */
const mostResults = 1000
const mostBytes = 900 * 1024

const longestMessage = 1024

interface ReportType {
  readonly apiVersion: string
  readonly kind: string
  /** The field of the report that names its source. */
  readonly source?: string
}

export const policyReport: Format = (pods, context) =>
  printReports(pods, context, { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport' })
export const openReports: Format = (pods, context) =>
  printReports(pods, context, { apiVersion: 'openreports.io/v1alpha1', kind: 'Report', source: 'model-injector' })

type Outcome = 'pass' | 'fail' | 'warn'

const outcomes: Readonly<Record<Level, { readonly result: Outcome; readonly severity: string }>> = {
  none: { result: 'pass', severity: 'info' },
  note: { result: 'warn', severity: 'low' },
  warning: { result: 'warn', severity: 'medium' },
  error: { result: 'fail', severity: 'high' },
}

type Result = ReturnType<typeof resultOf>

async function* printReports(
  pods: AsyncIterable<AuditedPod>,
  context: FormatContext,
  type: ReportType,
): AsyncGenerator<string> {
  const printed = new Map<string, number>()
  let batch = emptyBatch('')
  const print = (): string => {
    const number = (printed.get(batch.namespace) ?? 0) + 1
    printed.set(batch.namespace, number)
    return `---\n${stringify(reportOf(type, batch, number), { lineWidth: 0, aliasDuplicateObjects: false })}`
  }
  for await (const { namespace, result, bytes } of resultsOf(pods, context)) {
    if (namespace !== batch.namespace || batch.results.length === mostResults || batch.bytes + bytes > mostBytes) {
      if (batch.results.length > 0) yield print()
      batch = emptyBatch(namespace)
    }
    batch.results.push(result)
    batch.bytes += bytes
  }
  if (batch.results.length > 0) yield print()
}

async function* resultsOf(
  pods: AsyncIterable<AuditedPod>,
  context: FormatContext,
): AsyncGenerator<{ readonly namespace: string; readonly result: Result; readonly bytes: number }> {
  for await (const pod of pods) {
    for (const judged of pod.judgements) {
      const result = resultOf(pod, judged, context)
      yield { namespace: pod.namespace, result, bytes: Buffer.byteLength(JSON.stringify(result)) }
    }
  }
}

interface Batch {
  readonly namespace: string
  readonly results: Result[]
  bytes: number
}

function emptyBatch(namespace: string): Batch {
  return { namespace, results: [], bytes: 0 }
}

/** The names stay the same from audit to audit, so that a new one takes the place of the old. */
function reportOf({ apiVersion, kind, source }: ReportType, { namespace, results }: Batch, number: number): object {
  const count = (outcome: Outcome): number => results.filter(({ result }) => result === outcome).length
  return {
    apiVersion,
    kind,
    metadata: {
      name: `model-injector-audit${number === 1 ? '' : `-${number}`}`,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'model-injector' },
    },
    ...(source !== undefined && { source }),
    summary: { pass: count('pass'), fail: count('fail'), warn: count('warn'), error: 0, skip: 0 },
    results,
  }
}

function resultOf(pod: AuditedPod, judged: Judged, { now }: FormatContext) {
  const { result, severity } = outcomes[levelOf(judged)]
  return {
    source: 'model-injector',
    policy: 'model-injector-audit',
    rule: judged.judgement,
    category: 'Model provenance',
    result,
    severity,
    scored: result !== 'warn',
    message: cut(judged.reason),
    resources: [resourceOf(pod)],
    timestamp: { seconds: Math.floor(now.getTime() / 1000), nanos: 0 },
    properties: propertiesOf(pod),
  }
}

function propertiesOf({ models, owner }: AuditedPod): Readonly<Record<string, string>> {
  return {
    ...(models.length > 0 && { sources: cut(models.map(({ source }) => source).join(' ')) }),
    ...(owner !== undefined && { owner: `${owner.kind}/${owner.name}` }),
  }
}

const apiVersions: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
}

/** In a file the object is the workload itself. */
function resourceOf({ namespace, name, owner, uid, file }: AuditedPod): object {
  const isTemplate = file !== undefined && owner !== undefined && name === `${owner.kind.toLowerCase()}/${owner.name}`
  return isTemplate
    ? { apiVersion: apiVersions[owner.kind] ?? 'v1', kind: owner.kind, name: owner.name, namespace }
    : { apiVersion: 'v1', kind: 'Pod', name, namespace, ...(uid !== undefined && { uid }) }
}

function cut(text: string): string {
  return text.length > longestMessage ? `${text.slice(0, longestMessage - 1)}…` : text
}
