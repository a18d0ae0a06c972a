/** The sender of a request, by its Signature Version 4, and the answers of S3 to a wrong one. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { S3ErrorAnswer } from './s3-answers.ts'

export interface SigningIdentity {
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiresAt?: Date
  /** BUCKET/PREFIX, as policies say it; everything without them. */
  readonly allowedPrefixes?: readonly string[]
  /** The refusal by evaluated policies; undefined if they allow it. */
  readonly refuse?: (request: ReadRequest) => Promise<S3ErrorAnswer | undefined>
}

/** A request for a key, or a listing of a prefix. */
export type ReadRequest = { readonly bucket: string } & ({ readonly key: string } | { readonly prefix: string })

/** By access key id; what hands out credentials and what checks them share it. */
export type CredentialsTable = Map<string, SigningIdentity>

export interface SignedRequest {
  readonly method: string
  /** As it came, with the query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Body hash for services whose clients do not send it in a header. */
  readonly bodySha256?: string
}

export type SignedCaller =
  | { readonly ok: true; readonly accessKeyId: string; readonly identity: SigningIdentity }
  | { readonly ok: true; readonly accessKeyId: undefined }
  | { readonly ok: false; readonly accessKeyId: string | undefined; readonly error: S3ErrorAnswer }

export interface SignatureRules {
  readonly credentials: CredentialsTable
  readonly region: string
  readonly anonymous: boolean
}

export interface Authorization {
  readonly service: string
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

const MAX_SKEW_MILLISECONDS = 15 * 60 * 1000

export const accessDenied: S3ErrorAnswer = { status: 403, code: 'AccessDenied', message: 'Access Denied' }

export function identify(request: SignedRequest, rules: SignatureRules): SignedCaller {
  const header = request.headers.authorization
  if (header === undefined) {
    return rules.anonymous
      ? { ok: true, accessKeyId: undefined }
      : { ok: false, accessKeyId: undefined, error: accessDenied }
  }
  const authorization = parseAuthorization(header)
  if (authorization?.service !== 's3') {
    return { ok: false, accessKeyId: undefined, error: malformed('The authorization header is malformed.') }
  }
  const identity = rules.credentials.get(authorization.accessKeyId)
  const error = problemOf(request, authorization, identity, rules.region)
  if (error !== undefined || identity === undefined) {
    return { ok: false, accessKeyId: authorization.accessKeyId, error: error ?? unknownKey }
  }
  return { ok: true, accessKeyId: authorization.accessKeyId, identity }
}

/** Limits by prefixes, or by policies; a caller without either may read everything. */
export async function refuseReading(caller: SignedCaller, request: ReadRequest): Promise<S3ErrorAnswer | undefined> {
  if (!caller.ok) return caller.error
  if (caller.accessKeyId === undefined) return undefined
  const { allowedPrefixes, refuse } = caller.identity
  const place = `${request.bucket}/${'key' in request ? request.key : request.prefix}`
  if (allowedPrefixes?.some((prefix) => place.startsWith(prefix)) === false) return accessDenied
  return refuse?.(request)
}

export function parseAuthorization(header: string): Authorization | undefined {
  const fields =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    )
  const [, accessKeyId, date, region, service, signedHeaders, signature] = fields ?? []
  if (
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    signedHeaders === undefined ||
    signature === undefined
  ) {
    return undefined
  }
  return { service, accessKeyId, date, region, signedHeaders: signedHeaders.split(';'), signature }
}

const unknownKey: S3ErrorAnswer = {
  status: 403,
  code: 'InvalidAccessKeyId',
  message: 'The AWS Access Key Id you provided does not exist in our records.',
}

function problemOf(
  request: SignedRequest,
  authorization: Authorization,
  identity: SigningIdentity | undefined,
  region: string,
): S3ErrorAnswer | undefined {
  if (authorization.region !== region) return wrongRegion(authorization.region, region)
  if (identity === undefined) return unknownKey
  return tokenProblem(request, identity) ?? timeProblem(request) ?? signatureProblem(request, authorization, identity)
}

function tokenProblem(
  { headers }: SignedRequest,
  { sessionToken, expiresAt }: SigningIdentity,
): S3ErrorAnswer | undefined {
  const given = headers['x-amz-security-token']
  // A temporary key without its token is as unknown as any other.
  if (sessionToken !== undefined && given === undefined) return unknownKey
  if (given !== sessionToken) {
    return { status: 400, code: 'InvalidToken', message: 'The provided token is malformed or otherwise invalid.' }
  }
  if (expiresAt !== undefined && expiresAt.getTime() <= Date.now()) {
    return { status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' }
  }
  return undefined
}

function timeProblem(request: SignedRequest): S3ErrorAnswer | undefined {
  const [, year, month, day, hours, minutes, seconds] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amzDate(request)) ?? []
  if (seconds === undefined) {
    return {
      status: 403,
      code: 'AccessDenied',
      message: 'AWS authentication requires a valid Date or x-amz-date header',
    }
  }
  const sent = Date.parse(`${year ?? ''}-${month ?? ''}-${day ?? ''}T${hours ?? ''}:${minutes ?? ''}:${seconds}Z`)
  return Math.abs(Date.now() - sent) > MAX_SKEW_MILLISECONDS ? timeTooSkewed : undefined
}

const timeTooSkewed: S3ErrorAnswer = {
  status: 403,
  code: 'RequestTimeTooSkewed',
  message: 'The difference between the request time and the current time is too large.',
}

function signatureProblem(
  request: SignedRequest,
  authorization: Authorization,
  { secretAccessKey }: SigningIdentity,
): S3ErrorAnswer | undefined {
  if (!authorization.signedHeaders.includes('host')) return malformed('The host header is not signed.')
  const stringToSign = stringToSignOf(request, authorization)
  if (isSignedWith(secretAccessKey, stringToSign, authorization)) return undefined
  return {
    status: 403,
    code: 'SignatureDoesNotMatch',
    message:
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    details: { AWSAccessKeyId: authorization.accessKeyId, StringToSign: stringToSign },
  }
}

export function stringToSignOf(
  request: SignedRequest,
  { date, region, service, signedHeaders }: Authorization,
): string {
  return [
    'AWS4-HMAC-SHA256',
    amzDate(request),
    `${date}/${region}/${service}/aws4_request`,
    sha256(canonicalRequest(request, signedHeaders)),
  ].join('\n')
}

export function isSignedWith(
  secretAccessKey: string,
  stringToSign: string,
  { date, region, service, signature }: Authorization,
): boolean {
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`)
  return timingSafeEqual(hmac(key, stringToSign), Buffer.from(signature, 'hex'))
}

function canonicalRequest(
  { method, url, headers, bodySha256 }: SignedRequest,
  signedHeaders: readonly string[],
): string {
  const [path = '', query = ''] = splitOnce(url, '?')
  const lines = signedHeaders.map((name) => `${name}:${headerText(headers[name])}\n`)
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    lines.join(''),
    signedHeaders.join(';'),
    bodySha256 ?? headerText(headers['x-amz-content-sha256']),
  ].join('\n')
}

function canonicalPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeRfc3986(decodeURIComponent(segment)))
    .join('/')
}

function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .map((pair) => splitOnce(pair, '=').map((part) => encodeRfc3986(decodeURIComponent(part))))
    .map(([name = '', value = '']) => `${name}=${value}`)
    .sort()
    .join('&')
}

export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

export function splitOnce(text: string, separator: string): string[] {
  const index = text.indexOf(separator)
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + separator.length)]
}

function amzDate({ headers }: SignedRequest): string {
  return headerText(headers['x-amz-date'])
}

function headerText(value: string | string[] | undefined): string {
  return String(value ?? '')
    .trim()
    .replace(/ +/g, ' ')
}

function malformed(message: string): S3ErrorAnswer {
  return { status: 400, code: 'AuthorizationHeaderMalformed', message }
}

function wrongRegion(given: string, region: string): S3ErrorAnswer {
  return {
    ...malformed(`The authorization header is malformed; the region '${given}' is wrong; expecting '${region}'`),
    headers: { 'x-amz-bucket-region': region },
    details: { Region: region },
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
