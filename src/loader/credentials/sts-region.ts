/** The region whose STS is asked for a role. */
import type { LoadTask } from '../environment.ts'

const awsRegion = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/

/** A region of each partition that every role of it can use. */
const regionOfPartition: Readonly<Record<string, string>> = { 'aws-cn': 'cn-north-1', 'aws-us-gov': 'us-gov-west-1' }

/**
 * The cluster's: the network of a private cluster has a way to its own STS, perhaps to no other. The bucket's is the next
 * best, unless it is at an endpoint, whose regions (`auto`, `garage`) are none of AWS.
 */
export function stsRegionOf(
  { clusterRegion, region, endpoint }: Pick<LoadTask, 'clusterRegion' | 'region' | 'endpoint'>,
  roleArn: string,
): string {
  const candidates = [clusterRegion, endpoint === undefined ? region : undefined]
  const found = candidates.find((candidate) => candidate !== undefined && awsRegion.test(candidate))
  return found ?? regionOfPartition[roleArn.split(':')[1] ?? ''] ?? 'us-east-1'
}
