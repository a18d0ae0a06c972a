/** The region whose STS is asked for a role. */
import type { LoadTask } from '../environment.ts'
import { parseObject } from './session.ts'

const awsRegion = /^[a-z]{2,}(?:-[a-z]+)+-\d+$/

/** A region of each partition that every role of it can use. */
const regionOfPartition: Readonly<Record<string, string>> = { 'aws-cn': 'cn-north-1', 'aws-us-gov': 'us-gov-west-1' }

/**
 * The cluster's: the network of a private cluster has a way to its own STS, perhaps to no other. The identity webhook of EKS
 * injects it; else the issuer of the pod's token names it. The bucket's is the next best, unless it is at an endpoint, whose
 * regions (`auto`, `garage`) are none of AWS.
 */
export function stsRegionOf(
  { clusterRegion, region, endpoint }: Pick<LoadTask, 'clusterRegion' | 'region' | 'endpoint'>,
  roleArn: string,
  token: string,
): string {
  const candidates = [clusterRegion, regionOfIssuer(token), endpoint === undefined ? region : undefined]
  const found = candidates.find((candidate) => candidate !== undefined && awsRegion.test(candidate))
  return found ?? regionOfPartition[roleArn.split(':')[1] ?? ''] ?? 'us-east-1'
}

/** From the claims, which are not verified: a wrong one leads to an STS that does not know the token. */
function regionOfIssuer(token: string): string | undefined {
  const { iss: issuer } = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return /^https:\/\/oidc[.-]eks\.([a-z0-9-]+)\./.exec(typeof issuer === 'string' ? issuer : '')?.[1]
}
