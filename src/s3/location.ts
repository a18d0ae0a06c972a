/**
 * Resolves where a bucket is: once, for listing, bytes, publish, check and every engine. Follows the endpoint rules of the AWS SDK,
 * to which a test compares it.
 */
import { isIP } from 'node:net'
import { proxyFor } from '../network/proxy.ts'
import { unsupportedBucket } from '../values/s3/bucket.ts'
import type { Addressing } from '../values/s3/endpoint.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { partitionOf } from '../values/s3/partition.ts'

export interface LocationSettings {
  /** us-east-1 by default. */
  readonly region: string | undefined
  /** URL of an S3-compatible server, before those of the environment; undefined for AWS. */
  readonly endpoint: string | undefined
  /** By default `virtual` at AWS and `path` at an endpoint. */
  readonly addressing?: Addressing | undefined
  /** True where the requester pays for a request, and says so. */
  readonly requesterPays?: boolean | undefined
}

export interface BucketLocation {
  readonly bucket: string
  /** Region that requests are signed for. */
  readonly region: string
  readonly protocol: 'https:' | 'http:'
  /** Host that is spoken to; an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** Path before the key, percent-encoded, without a slash at its end: '' or '/bucket', after the path of the endpoint. */
  readonly pathPrefix: string
  /** As it came out: a name that no host can have is addressed by path. */
  readonly addressing: Addressing
  /** URL of the service without the bucket, as other programs want it. */
  readonly serviceUrl: string
  /** URL of an HTTP proxy. */
  readonly proxy: string | undefined
  readonly requesterPays: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** A problem is a sentence about the configuration that names the variable or the bucket. */
export function locateBucket(bucket: string, settings: LocationSettings, env: Environment): Parsed<BucketLocation> {
  const unsupported = unsupportedBucket(bucket)
  if (unsupported !== undefined) return unreadable(`the bucket ${bucket} ${unsupported}`)
  const region = regionOf(settings.region)
  if (!region.ok) return region
  const service = serviceOf(region.value, settings, env)
  if (!service.ok) return service
  const { url, isOwn } = service.value
  const asked = settings.addressing ?? (isOwn ? 'virtual' : 'path')
  const addressing = asked === 'virtual' && isHostable(bucket, url) ? 'virtual' : 'path'
  const { requesterPays = false } = settings
  const address = addressOf(bucket, url, { addressing, env })
  return parsed({ bucket, region: region.value, addressing, requesterPays, ...address })
}

function addressOf(
  bucket: string,
  url: URL,
  { addressing, env }: { readonly addressing: Addressing; readonly env: Environment },
): Omit<BucketLocation, 'bucket' | 'region' | 'addressing' | 'requesterPays'> {
  const [inHost, inPath] = addressing === 'virtual' ? [`${bucket}.`, ''] : ['', `/${encodeURIComponent(bucket)}`]
  const path = url.pathname.replace(/\/+$/, '')
  return {
    protocol: url.protocol === 'http:' ? 'http:' : 'https:',
    host: inHost + url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: portOf(url),
    pathPrefix: path + inPath,
    serviceUrl: url.origin + path,
    proxy: proxyFor(`${url.protocol}//${inHost}${url.host}`, env),
  }
}

/** Names of a region that some SDKs translate and no server knows. */
function regionOf(region = 'us-east-1'): Parsed<string> {
  if (/^fips-|-fips$|^aws-fips$/.test(region)) {
    return unreadable(`the region ${region} is no region: set that of the bucket, and AWS_USE_FIPS_ENDPOINT to true`)
  }
  return /^aws-(?:[a-z-]+-)?global$/.test(region)
    ? unreadable(`the region ${region} is no region of a bucket: set that of the bucket`)
    : parsed(region)
}

interface Service {
  readonly url: URL
  /** True for AWS itself. */
  readonly isOwn: boolean
}

function serviceOf(region: string, settings: LocationSettings, env: Environment): Parsed<Service> {
  const fips = readSwitch('AWS_USE_FIPS_ENDPOINT', env)
  const dualstack = readSwitch('AWS_USE_DUALSTACK_ENDPOINT', env)
  const endpoint = endpointOf(settings, env)
  if (!fips.ok) return fips
  if (!dualstack.ok) return dualstack
  if (!endpoint.ok) return endpoint
  if (endpoint.value === undefined) return ownService(region, fips.value, dualstack.value)
  const { name, url } = endpoint.value
  if (fips.value) return unreadable(`AWS_USE_FIPS_ENDPOINT is true, but ${name} names a server: unset one of them`)
  if (dualstack.value) {
    return unreadable(`AWS_USE_DUALSTACK_ENDPOINT is true, but ${name} names a server: unset one of them`)
  }
  return parsed({ url, isOwn: false })
}

function ownService(region: string, fips: boolean, dualstack: boolean): Parsed<Service> {
  const { domain, hasS3Fips } = partitionOf(region)
  if (fips && !hasS3Fips) return unreadable(`AWS_USE_FIPS_ENDPOINT is true, but S3 in ${region} has no FIPS endpoint`)
  const host = `s3${fips ? '-fips' : ''}${dualstack ? '.dualstack' : ''}.${region}.${domain}`
  return parsed({ url: new URL(`https://${host}`), isOwn: true })
}

interface NamedEndpoint {
  readonly name: string
  readonly url: URL
}

/** The endpoint of the settings, else that of the environment, as the SDKs read it. */
function endpointOf({ endpoint }: LocationSettings, env: Environment): Parsed<NamedEndpoint | undefined> {
  const ignored = readSwitch('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', env)
  if (!ignored.ok) return ignored
  const candidates: Readonly<Record<string, string | undefined>> = {
    'the endpoint': endpoint,
    ...(!ignored.value && { AWS_ENDPOINT_URL_S3: env.AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL: env.AWS_ENDPOINT_URL }),
  }
  for (const [name, text = ''] of Object.entries(candidates)) if (text !== '') return readEndpoint(name, text)
  return parsed(undefined)
}

function readEndpoint(name: string, text: string): Parsed<NamedEndpoint> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) return unreadable(`${name} is no http:// or https:// URL`)
  return [url.username, url.password, url.search, url.hash].every((part) => part === '')
    ? parsed({ name, url })
    : unreadable(`${name} has a user name, a query or a fragment`)
}

function readSwitch(name: string, env: Environment): Parsed<boolean> {
  const text = (env[name] ?? '').toLowerCase()
  if (text === '' || text === 'false') return parsed(false)
  return text === 'true' ? parsed(true) : unreadable(`${name} is neither true nor false`)
}

function portOf({ protocol, port }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

/** False where the bucket's name cannot stand before the host's: a dot in it does not match the certificate for `*.HOST`. */
function isHostable(bucket: string, { protocol, hostname }: URL): boolean {
  if (isIP(hostname) !== 0 || hostname.startsWith('[') || isIP(bucket) !== 0) return false
  const labels = protocol === 'http:' ? bucket.split('.') : [bucket]
  return labels.every((label) => /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(label))
}
