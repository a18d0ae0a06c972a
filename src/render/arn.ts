/** Amazon resource names, in the partition of the region. */

/** Account and region of an EKS cluster. */
export interface EksCluster {
  readonly name: string
  readonly accountId: string
  readonly region: string
}

export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  if (region.startsWith('us-gov-')) return 'aws-us-gov'
  return region.startsWith('eusc-') ? 'aws-eusc' : 'aws'
}

/**
 * Domain of service endpoints; service principals end in amazonaws.com everywhere but in the European Sovereign Cloud.
 */
export function domainOf(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn'
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com'
}

export function clusterArn({ name, accountId, region }: EksCluster): string {
  return `arn:${partitionOf(region)}:eks:${region}:${accountId}:cluster/${name}`
}

export function roleArn({ accountId, region }: EksCluster, role: string): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:role/${role}`
}

export function bucketArn(bucket: string, region: string): string {
  return `arn:${partitionOf(region)}:s3:::${bucket}`
}
