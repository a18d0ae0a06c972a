/** Amazon resource names, in the partition of the region. */

import { partitionOf } from '../values/s3/partition.ts'

/** Account and region of an EKS cluster. */
export interface EksCluster {
  readonly name: string
  readonly accountId: string
  readonly region: string
}

export function clusterArn({ name, accountId, region }: EksCluster): string {
  return `arn:${partitionOf(region).name}:eks:${region}:${accountId}:cluster/${name}`
}

export function roleArn({ accountId, region }: EksCluster, role: string): string {
  return `arn:${partitionOf(region).name}:iam::${accountId}:role/${role}`
}

export function bucketArn(bucket: string, region: string): string {
  return `arn:${partitionOf(region).name}:s3:::${bucket}`
}
