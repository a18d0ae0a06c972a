/** Builds the only request of the transfer: a signed GET of an object or a range of it, pinned to an ETag. */
import type { Origin, TransferCredentials } from '../part-job.ts'
import { signHeaders, type Headers } from './sign.ts'

export interface GetRequest {
  readonly path: string
  readonly headers: Headers
}

export interface GetTarget {
  readonly key: string
  readonly etag: string
  /** Undefined for the whole object, with its checksums. */
  readonly range: { readonly first: number; readonly last: number } | undefined
}

export function buildRequest(
  target: GetTarget,
  origin: Origin,
  region: string,
  credentials: TransferCredentials | undefined,
): GetRequest {
  const path = `${origin.pathPrefix}/${encodeKey(target.key)}`
  const headers = targetHeaders(target, hostHeader(origin))
  if (credentials === undefined) return { path, headers }
  return { path, headers: signHeaders(path, headers, { region, credentials, now: new Date() }) }
}

/** Header values come from encoders or from S3 itself; a line break in an ETag would smuggle a header, so it is refused. */
export function writeRequest({ path, headers }: GetRequest): string {
  let text = `GET ${path} HTTP/1.1\r\n`
  for (const name of Object.keys(headers)) {
    const value = headers[name] ?? ''
    if (/[\x00-\x1f\x7f-\uffff]/.test(value)) throw new Error(`the header ${name} would hold a control character`)
    text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}

/** Escapes every byte except the unreserved ones of RFC 3986 and the slash, once, as S3 reads a path and SigV4 signs it. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()*]/g, hexEscape)
    .replaceAll('%2F', '/')
}

/** Quotes an ETag as HTTP does; in a listing it is quoted already. */
export function quoteEtag(etag: string): string {
  return etag.endsWith('"') ? etag : `"${etag}"`
}

function targetHeaders({ etag, range }: GetTarget, host: string): Headers {
  const pinned = quoteEtag(etag)
  if (range === undefined) return { host, 'if-match': pinned, 'x-amz-checksum-mode': 'ENABLED' }
  return { host, 'if-match': pinned, range: `bytes=${range.first}-${range.last}` }
}

function hostHeader({ protocol, host, port }: Origin): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (protocol === 'https:' ? 443 : 80) ? name : `${name}:${port}`
}

function hexEscape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
