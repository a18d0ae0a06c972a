/**
 * Objects that dashboards of policy engines show: PolicyReport (wgpolicyk8s.io/v1alpha2) and its successor, Report
 * (openreports.io/v1alpha1). One for each pod, with one result, so that pods can be counted. The pod owns its report: the garbage
 * collector deletes it with the pod, and nothing has to compare what is stored with what there is.
 */
import { createHash } from 'node:crypto'
import { stringify } from 'yaml'
import {
  levelOf,
  countedProblemsOf,
  waivedOf,
  waiverInWords,
  judgedInWords,
  type AuditedPod,
  type Judged,
  type Level,
} from '../judgement.ts'
import type { Format, FormatContext } from './format.ts'

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

type Outcome = 'pass' | 'fail' | 'warn' | 'skip'

interface Assessment {
  readonly result: Outcome
  readonly severity: string
}

const outcomes: Readonly<Record<Level, Assessment>> = {
  none: { result: 'pass', severity: 'info' },
  note: { result: 'warn', severity: 'low' },
  warning: { result: 'warn', severity: 'medium' },
  error: { result: 'fail', severity: 'high' },
}

const skipped: Assessment = { result: 'skip', severity: 'info' }

async function* printReports(
  pods: AsyncIterable<AuditedPod>,
  context: FormatContext,
  type: ReportType,
): AsyncGenerator<string> {
  for await (const pod of pods) {
    yield `---\n${stringify(reportOf(type, pod, context), { lineWidth: 0, aliasDuplicateObjects: false })}`
  }
}

function reportOf({ apiVersion, kind, source }: ReportType, pod: AuditedPod, context: FormatContext): object {
  const result = resultOf(pod, context)
  const resource = resourceOf(pod)
  return {
    apiVersion,
    kind,
    metadata: {
      name: nameOf(pod),
      namespace: pod.namespace,
      labels: { 'app.kubernetes.io/managed-by': 'model-injector' },
      ...(pod.uid !== undefined && {
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid }],
      }),
    },
    ...(source !== undefined && { source }),
    scope: resource,
    summary: { pass: 0, fail: 0, warn: 0, error: 0, skip: 0, [result.result]: 1 },
    results: [result],
  }
}

/** The same from audit to audit. Kyverno names its reports by the bare uid, and would fight for them. */
function nameOf({ uid, namespace, name, file }: AuditedPod): string {
  const id =
    uid ??
    createHash('sha256')
      .update(JSON.stringify([namespace, name, file]))
      .digest('hex')
      .slice(0, 32)
  return `model-injector-audit-${id}`
}

/**
 * The worst judgement is the result of the pod; the others are in its properties. Where only waived ones speak against a pod, it is
 * skipped.
 */
function resultOf(pod: AuditedPod, { now }: FormatContext) {
  const worst = countedProblemsOf(pod)[0] ?? waivedOf(pod)[0] ?? pod.judgements[0]
  const { result, severity } = worst.waived === undefined ? outcomes[levelOf(worst)] : skipped
  return {
    source: 'model-injector',
    policy: 'model-injector-audit',
    rule: worst.judgement,
    category: 'Model provenance',
    result,
    severity,
    scored: result === 'pass' || result === 'fail',
    message: cut(worst.waived === undefined ? worst.reason : `${waiverInWords(worst.waived)} (${worst.reason})`),
    resources: [resourceOf(pod)],
    timestamp: { seconds: Math.floor(now.getTime() / 1000), nanos: 0 },
    properties: propertiesOf(pod, worst),
  }
}

function propertiesOf(pod: AuditedPod, worst: Judged): Readonly<Record<string, string>> {
  const { models, owner } = pod
  const also = [...countedProblemsOf(pod), ...waivedOf(pod)].filter((judged) => judged !== worst)
  return {
    ...(models.length > 0 && { sources: cut(models.map(({ source }) => source).join(' ')) }),
    ...(owner !== undefined && { owner: `${owner.kind}/${owner.name}` }),
    ...(also.length > 0 && { also: cut(also.map(judgedInWords).join(' | ')) }),
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
