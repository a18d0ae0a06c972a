/** Checks a cluster before the chart is installed. */
import type { Cluster } from '../../cluster/cluster.ts'
import { openReport, type CheckReport } from '../check-cluster.ts'
import { judgeBefore } from './judge.ts'
import { surveyBefore, type PreOptions } from './pre-survey.ts'

export async function checkBefore(cluster: Cluster, options: PreOptions): Promise<CheckReport> {
  return openReport(cluster, async (version) => judgeBefore(await surveyBefore(cluster, version, options)))
}
