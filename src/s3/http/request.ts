/** Builds a signed request of S3 without a body. */
import type { Origin, S3Credentials } from '../origin.ts'
import { signHeaders, type Headers } from './sign.ts'

export interface RequestTarget {
  readonly method: 'GET' | 'HEAD'
  /** Undefined for the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  /** Names in lower case. */
  readonly headers?: Headers
}

export interface S3Request {
  readonly method: RequestTarget['method']
  /** Path and query, percent-encoded. */
  readonly url: string
  readonly headers: Headers
}

export interface GetTarget {
  readonly key: string
  readonly etag: string
  /** Undefined for the whole object. */
  readonly range: { readonly first: number; readonly last: number } | undefined
}

/** A GET of an object, with its checksums if they are asked for, or of a range of it; pinned to an ETag. */
export function pinnedGet({ key, etag, range }: GetTarget, withChecksums = true): RequestTarget {
  const headers: Headers = {
    'if-match': quoteEtag(etag),
    ...(range !== undefined && { range: `bytes=${range.first}-${range.last}` }),
    ...(asksChecksums(range, withChecksums) && checksumMode),
  }
  return { method: 'GET', key, headers }
}

/** S3 sends the checksums of an object only with the whole of it. */
export function asksChecksums(range: GetTarget['range'], withChecksums: boolean): boolean {
  return range === undefined && withChecksums
}

/** Asks for the checksums of the object. Some servers refuse it. */
export const checksumMode: Headers = { 'x-amz-checksum-mode': 'ENABLED' }

export function buildRequest(
  { method, key, query = {}, headers = {} }: RequestTarget,
  origin: Origin,
  { region, credentials }: { readonly region: string; readonly credentials: S3Credentials | undefined },
): S3Request {
  const path = key === undefined ? `${origin.pathPrefix}/` : `${origin.pathPrefix}/${encodeKey(key)}`
  const canonicalQuery = encodeQuery(query)
  const all: Headers = {
    host: hostHeader(origin),
    ...headers,
    ...(origin.requesterPays === true && { 'x-amz-request-payer': 'requester' }),
  }
  const url = canonicalQuery === '' ? path : `${path}?${canonicalQuery}`
  if (credentials === undefined) return { method, url, headers: all }
  const signing = { region, credentials, now: new Date() }
  return { method, url, headers: signHeaders({ method, path, query: canonicalQuery, headers: all }, signing) }
}

/** Header values come from encoders or from S3 itself; a line break in an ETag would smuggle a header, so it is refused. */
export function writeRequest({ method, url, headers }: S3Request): string {
  let text = `${method} ${url} HTTP/1.1\r\n`
  for (const name of Object.keys(headers)) {
    const value = headers[name] ?? ''
    if (/[\x00-\x1f\x7f-\uffff]/.test(value)) throw new Error(`the header ${name} would hold a control character`)
    text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}

/** Escapes every byte except the unreserved ones of RFC 3986 and the slash, once, as S3 reads a path and SigV4 signs it. */
export function encodeKey(key: string): string {
  return encodeStrictly(key).replaceAll('%2F', '/')
}

/** Sorted by name, as SigV4 signs it. */
function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .sort()
    .map((name) => `${encodeStrictly(name)}=${encodeStrictly(query[name] ?? '')}`)
    .join('&')
}

/** Quotes an ETag as HTTP does; in a listing it is quoted already. */
export function quoteEtag(etag: string): string {
  return etag.endsWith('"') ? etag : `"${etag}"`
}

function hostHeader({ protocol, host, port }: Origin): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (protocol === 'https:' ? 443 : 80) ? name : `${name}:${port}`
}

function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, hexEscape)
}

function hexEscape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
