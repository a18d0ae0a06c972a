/** The server that requests go to, and the credentials that they are signed with: plain data, because it crosses threads. */
import type { BucketLocation } from './location.ts'

export interface Origin extends Pick<BucketLocation, 'protocol' | 'host' | 'port' | 'pathPrefix'> {
  /** PEM of authorities that replace those of Node. */
  readonly ca?: string
  /** PEM of authorities trusted in addition to those of Node. */
  readonly alsoTrusted?: string
  /** URL of an HTTP proxy. */
  readonly proxy?: string
  /** True where the requester pays for a request, and says so. */
  readonly requesterPays?: boolean
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** `alsoTrusted` are PEM. */
export function originOf(location: BucketLocation, alsoTrusted?: string): Origin {
  const { protocol, host, port, pathPrefix, requesterPays, proxy } = location
  return {
    protocol,
    host,
    port,
    pathPrefix,
    requesterPays,
    ...(proxy !== undefined && { proxy }),
    ...(alsoTrusted !== undefined && { alsoTrusted }),
  }
}
