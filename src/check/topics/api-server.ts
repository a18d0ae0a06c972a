/** Checks that the API server has the features that the installation relies on. */
import { compareClusterVersions, parseClusterVersion } from '../../values/cluster-version.ts'
import { configOf } from '../configured.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import type { Survey } from '../survey.ts'

/** Match conditions and ValidatingAdmissionPolicies are stable since this version. */
export const leastMinor = 30

export function checkAPIServer(survey: Survey): readonly Finding[] {
  const { version } = survey
  if (version.state !== 'found') {
    return [unchecked('api-server', version.state === 'unknown' ? version.why : 'it has no version')]
  }
  const { gitVersion, major, minor } = version.value
  const isNewEnough = major > 1 || minor >= leastMinor
  return [
    isNewEnough ? ok('api-server', gitVersion) : error('api-server', `${gitVersion} is older than 1.${leastMinor}`),
    ...checkStatedVersion(survey, { major, minor }),
  ]
}

/** The configuration may state the cluster's version; without it there is nothing to compare. */
function checkStatedVersion(survey: Survey, { major, minor }: { major: number; minor: number }): readonly Finding[] {
  const stated = configOf(survey).cluster?.version
  const parsed = parseClusterVersion(stated ?? '')
  if (stated === undefined || !parsed.ok) return []
  const what = `the configuration says ${stated}, and the API server is ${major}.${minor}`
  const difference = compareClusterVersions(parsed.value, { major, minor })
  if (difference === 0) return [ok('cluster-version', what)]
  return [difference > 0 ? error('cluster-version', what) : warning('cluster-version', what)]
}
