/** Checks an installation as a whole. */
import type { Cluster, ServerVersion } from '../cluster/cluster.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import { severities, type Finding, type Severity } from '../diagnosis/finding.ts'
import { error } from './installation-findings.ts'
import { explainRefusals, recordRefusals } from './refusals.ts'
import { topics } from './registry.ts'
import { surveyCluster, type SurveyOptions } from './survey.ts'
import type { Section } from '../diagnosis/section.ts'

export interface CheckReport {
  readonly server: string
  readonly context: string
  /** Undefined if the API server did not answer. */
  readonly serverVersion: string | undefined
  readonly username: string | undefined
  readonly sections: readonly Section[]
}

export async function checkCluster(cluster: Cluster, options: SurveyOptions): Promise<CheckReport> {
  return openRecordedReport(cluster, async (version, recorded) => {
    const survey = await surveyCluster(recorded, version, options)
    return topics
      .map(({ title, check }) => ({ title, findings: check(survey) }))
      .filter(({ findings }) => findings.length > 0)
  })
}

/** With the permissions that were missing, and how to grant them. */
export async function openRecordedReport(
  cluster: Cluster,
  sectionsOf: (version: ServerVersion, recorded: Cluster) => Promise<readonly Section[]>,
): Promise<CheckReport> {
  const { cluster: recorded, refusals } = recordRefusals(cluster)
  const report = await openReport(cluster, (version) => sectionsOf(version, recorded))
  return { ...report, sections: [...report.sections, ...explainRefusals(report.sections, refusals, report.username)] }
}

/** Builds the head of every report; `sectionsOf` adds the rest once the API server has answered. */
export async function openReport(
  cluster: Cluster,
  sectionsOf: (version: ServerVersion) => Promise<readonly Section[]>,
): Promise<CheckReport> {
  const { server, context } = cluster
  const version = await requestVersion(cluster)
  if (version instanceof ClusterError) {
    return { server, context, serverVersion: undefined, username: undefined, sections: [unanswered(version)] }
  }
  const sections = await sectionsOf(version)
  return { server, context, serverVersion: version.gitVersion, username: await requestUsername(cluster), sections }
}

/** Without an answer to this first request nothing else can be checked; one error explains why. */
async function requestVersion(cluster: Cluster): Promise<ServerVersion | ClusterError> {
  return cluster.serverVersion().catch((reason: unknown) => {
    if (reason instanceof ClusterError) return reason
    throw reason
  })
}

function unanswered({ message }: ClusterError): Section {
  return {
    title: 'API server',
    findings: [error('api-server', message, 'see whether kubectl version with the same kubeconfig and context works')],
  }
}

/** Undefined on API servers that do not support SelfSubjectReview. */
async function requestUsername(cluster: Cluster): Promise<string | undefined> {
  return cluster.whoAmI().then(
    ({ username }) => username,
    () => undefined,
  )
}

export function findingsOf({ sections }: Pick<CheckReport, 'sections'>): readonly Finding[] {
  return sections.flatMap(({ findings }) => findings)
}

export function countBySeverity(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = severities.map(
    (severity) => [severity, findings.filter((finding) => finding.severity === severity).length] as const,
  )
  return Object.fromEntries(counts) as Record<Severity, number>
}
