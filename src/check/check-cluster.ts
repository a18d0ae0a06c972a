/** Looks at an installation as a whole. */
import type { Cluster, ServerVersion } from '../cluster/cluster.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import { severities, type Finding, type Severity } from '../diagnosis/finding.ts'
import { error } from './installation-findings.ts'
import { topics } from './registry.ts'
import { surveyCluster, type SurveyOptions } from './survey.ts'
import type { Section } from '../diagnosis/section.ts'

export interface Report {
  readonly server: string
  readonly context: string
  /** Undefined where the API server did not answer. */
  readonly serverVersion: string | undefined
  readonly username: string | undefined
  readonly sections: readonly Section[]
}

export async function checkCluster(cluster: Cluster, options: SurveyOptions): Promise<Report> {
  return openReport(cluster, async (version) => {
    const survey = await surveyCluster(cluster, version, options)
    return topics
      .map(({ title, check }) => ({ title, findings: check(survey) }))
      .filter(({ findings }) => findings.length > 0)
  })
}

/** What every report begins with; `sectionsOf` makes the rest of it, once it is known that the API server answers. */
export async function openReport(
  cluster: Cluster,
  sectionsOf: (version: ServerVersion) => Promise<readonly Section[]>,
): Promise<Report> {
  const { server, context } = cluster
  const version = await askVersion(cluster)
  if (version instanceof ClusterError) {
    return { server, context, serverVersion: undefined, username: undefined, sections: [unanswered(version)] }
  }
  const sections = await sectionsOf(version)
  return { server, context, serverVersion: version.gitVersion, username: await askName(cluster), sections }
}

/** Without an answer to the first question there is nothing to find out, and one error says why. */
async function askVersion(cluster: Cluster): Promise<ServerVersion | ClusterError> {
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

/** Older API servers cannot say. */
async function askName(cluster: Cluster): Promise<string | undefined> {
  return cluster.whoAmI().then(
    ({ username }) => username,
    () => undefined,
  )
}

export function findingsOf({ sections }: Pick<Report, 'sections'>): readonly Finding[] {
  return sections.flatMap(({ findings }) => findings)
}

export function countBySeverity(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = severities.map(
    (severity) => [severity, findings.filter((finding) => finding.severity === severity).length] as const,
  )
  return Object.fromEntries(counts) as Record<Severity, number>
}
