/** Since when Kubernetes has image volumes: alpha in 1.31, with subPath in 1.33, on as it comes since 1.35, stable in 1.36. */
import { firstClusterVersionWithImageVolumes } from './inject.ts'
import { compareClusterVersions, parseClusterVersion, type ClusterVersion } from '../../values/cluster-version.ts'

/** Earlier ones do not know the field. */
export const firstWithGate: ClusterVersion = { major: 1, minor: 31 }

/** Of API servers and kubelets alike. */
export function hasByDefault(version: ClusterVersion): boolean {
  const first = parseClusterVersion(firstClusterVersionWithImageVolumes)
  return first.ok && compareClusterVersions(version, first.value) >= 0
}
