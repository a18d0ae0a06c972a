/** The options and the environment that send s5cmd to the host that the loader itself would ask, and to no other. */
import { LoaderFailure } from '../exit-codes.ts'
import type { Origin } from '../../s3/origin.ts'

export interface ProgramPlace {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const requesterPays = ['--request-payer', 'requester']

/** Throws a LoaderFailure where s5cmd knows no way to address the bucket as the loader does. */
export function placeOf(origin: Origin, bucket: string, region: string): ProgramPlace {
  const args = [...endpointArgs(origin, bucket, region), ...(origin.requesterPays === true ? requesterPays : [])]
  return { args, env: { ...regionEnv(region), ...proxyEnv(origin) } }
}

/** s5cmd has the bucket in the name of the host for AWS itself, and in the path for every `--endpoint-url`. */
function endpointArgs({ protocol, host, port, pathPrefix }: Origin, bucket: string, region: string): readonly string[] {
  const isUsual = port === (protocol === 'https:' ? 443 : 80)
  const endpoint = (name: string): string => `${protocol}//${bracketed(name)}${isUsual ? '' : `:${port}`}`
  const inPath = `/${encodeURIComponent(bucket)}`
  if (pathPrefix.endsWith(inPath)) {
    return ['--endpoint-url', endpoint(host) + pathPrefix.slice(0, -inPath.length)]
  }
  const domain = host.startsWith(`${bucket}.`) && pathPrefix === '' && isUsual ? host.slice(bucket.length + 1) : ''
  if (domain === `s3.${region}.amazonaws.com` || domain === `s3.${region}.amazonaws.com.cn`) return []
  // Other hosts of AWS (FIPS, dual stack) take the bucket in the path as well.
  if (/^s3[\w.-]*\.amazonaws\.com(?:\.cn)?$/.test(domain)) return ['--endpoint-url', endpoint(domain)]
  throw new LoaderFailure('InvalidEnvironment', `the engine s5cmd cannot address ${bucket} at ${host}${pathPrefix}`, {
    remedy: 'address it by path, or use the engine native',
  })
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A region keeps s5cmd from asking for that of the bucket; us-east-1 has another host in SDKs of that age by default. */
function regionEnv(region: string): Readonly<Record<string, string>> {
  return { AWS_REGION: region, AWS_S3_US_EAST_1_REGIONAL_ENDPOINT: 'regional' }
}

/** Go sends nothing to loopback through a proxy, so that credentials do not go there. */
function proxyEnv({ proxy }: Origin): Readonly<Record<string, string>> {
  return proxy === undefined ? {} : { HTTPS_PROXY: proxy }
}
