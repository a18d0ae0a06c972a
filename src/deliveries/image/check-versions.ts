/**
 * Versions of Kubernetes with image volumes: alpha in 1.31, with subPath in 1.33, on by default since 1.35, stable in 1.36.
 */
import { firstClusterVersionWithImageVolumes } from './inject.ts'
import { compareClusterVersions, parseClusterVersion, type ClusterVersion } from '../../values/cluster-version.ts'

/** The first version that knows the field. */
export const firstWithGate: ClusterVersion = { major: 1, minor: 31 }

/** True for API servers and kubelets that have image volumes on by default. */
export function hasByDefault(version: ClusterVersion): boolean {
  const first = parseClusterVersion(firstClusterVersionWithImageVolumes)
  return first.ok && compareClusterVersions(version, first.value) >= 0
}
