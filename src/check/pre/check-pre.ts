/** Checks a cluster before the chart is installed. */
import type { Cluster } from '../../cluster/cluster.ts'
import { openRecordedReport, type CheckReport } from '../check-cluster.ts'
import { judgeBefore } from './judge.ts'
import { surveyBefore, type PreOptions } from './pre-survey.ts'

export async function checkBefore(cluster: Cluster, options: PreOptions): Promise<CheckReport> {
  return openRecordedReport(cluster, async (version, recorded) =>
    judgeBefore(await surveyBefore(recorded, version, options)),
  )
}
