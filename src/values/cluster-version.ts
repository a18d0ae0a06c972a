/** Parses the version of a cluster as `kubectl version` and EKS write it: 1.36, v1.36.2, v1.36.2-eks-1a2b3c4. */
import { parsed, unreadable, type Parsed } from './parsed.ts'

export interface ClusterVersion {
  readonly major: number
  readonly minor: number
}

/** Anything after the minor version makes no difference to the API. */
export function parseClusterVersion(text: string): Parsed<ClusterVersion> {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:[.+-][0-9A-Za-z.+-]{0,60})?$/.exec(text)
  return match === null
    ? unreadable('is not the version of a cluster')
    : parsed({ major: Number(match[1]), minor: Number(match[2]) })
}

/** Below zero where the first is older, above where it is newer. */
export function compareClusterVersions(one: ClusterVersion, other: ClusterVersion): number {
  return one.major - other.major || one.minor - other.minor
}
