/** Maps an error response of S3 to the problem that it means. */
import { singleLine, quote, shorten } from '../values/print/printable.ts'
import { describeBody } from './body-kind.ts'
import type { Head } from './http/response.ts'
import type { ProblemKind } from './meaning.ts'
import type { S3Problem } from './s3-error.ts'

export interface ErrorAnswer {
  readonly head: Head
  readonly text: string
}

const byCode: Readonly<Record<string, ProblemKind>> = {
  ExpiredToken: 'expired',
  ExpiredTokenException: 'expired',
  TokenRefreshRequired: 'expired',
  InvalidToken: 'expired',
  AccessDenied: 'denied',
  InvalidAccessKeyId: 'denied',
  SignatureDoesNotMatch: 'denied',
  RequestTimeTooSkewed: 'skewed',
  InvalidObjectState: 'archived',
  NoSuchBucket: 'noSuchBucket',
  NoSuchKey: 'notFound',
  NoSuchVersion: 'notFound',
  PreconditionFailed: 'changed',
  InvalidRange: 'changed',
  PermanentRedirect: 'wrongRegion',
  IllegalLocationConstraintException: 'wrongRegion',
  AuthorizationHeaderMalformed: 'wrongRegion',
  SlowDown: 'throttled',
  TooManyRequests: 'throttled',
  RequestLimitExceeded: 'throttled',
  RequestTimeout: 'unavailable',
  InternalError: 'unavailable',
  ServiceUnavailable: 'throttled',
  OperationAborted: 'unavailable',
  // A bucket so new that its name does not resolve to its region yet.
  TemporaryRedirect: 'unavailable',
}

const byStatus: Readonly<Record<number, ProblemKind>> = {
  403: 'denied',
  404: 'notFound',
  408: 'unavailable',
  412: 'changed',
  416: 'changed',
  429: 'throttled',
  501: 'refused',
  503: 'throttled',
}

/** The answers of nginx and of Go's servers to plain HTTP at a port for TLS. */
const wantsTls = /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server/
const redirects = [301, 302, 303, 307, 308]

/** `region` is the one that the request was signed for. */
export function problemOfAnswer({ head, text }: ErrorAnswer, region: string): S3Problem {
  const { status } = head
  const error = readError(text)
  const answered = regionOf(head, error)
  const elsewhere = answered === undefined || answered === region ? undefined : answered
  const kind = kindOf({ head, text, error, elsewhere })
  return {
    kind,
    status,
    code: error?.code ?? '',
    message: describe(kind, head, { text, error }),
    ...(error?.message !== undefined && { reason: error.message }),
    region: answered,
  }
}

interface ErrorBody {
  readonly code: string
  readonly message: string | undefined
  readonly region: string | undefined
}

interface Evidence {
  readonly head: Head
  readonly text: string
  readonly error: ErrorBody | undefined
  /** Region of the bucket, where it is another one than was asked. */
  readonly elsewhere: string | undefined
}

function kindOf(evidence: Evidence): ProblemKind {
  const { head, error, elsewhere } = evidence
  const { status } = head
  if (elsewhere !== undefined && (redirects.includes(status) || status === 400)) return 'wrongRegion'
  if (error !== undefined && isKnown(error.code)) return kindOfError(error, evidence)
  if (redirects.includes(status)) return head.headers.has('location') ? 'redirected' : 'wrongRegion'
  return error === undefined ? kindOfOther(evidence) : kindOfStatus(status)
}

/** For an answer that is no error of S3. */
function kindOfOther({ head: { status }, text }: Evidence): ProblemKind {
  if (status === 400 && wantsTls.test(text)) return 'plainTls'
  return text.trim() !== '' && status < 500 && status !== 429 ? 'notS3' : kindOfStatus(status)
}

function kindOfError({ code, message = '' }: ErrorBody, { head: { status } }: Evidence): ProblemKind {
  if (code === 'AccessDenied' && /\bkms:|\bKMS\b/.test(message)) return 'kmsDenied'
  // A malformed header that is not about the region is the fault of the credentials.
  if (code === 'AuthorizationHeaderMalformed') return 'denied'
  return kindOfCode(code, status)
}

/** For an answer of which there is no more than this. */
export function kindOfCode(code: string | undefined, status: number): ProblemKind {
  if (code?.startsWith('KMS.') === true) return code === 'KMS.AccessDeniedException' ? 'kmsDenied' : 'kmsUnusable'
  return (code === undefined ? undefined : byCode[code]) ?? kindOfStatus(status)
}

function isKnown(code: string): boolean {
  return code.startsWith('KMS.') || Object.hasOwn(byCode, code)
}

function kindOfStatus(status: number): ProblemKind {
  return byStatus[status] ?? (status >= 500 ? 'unavailable' : 'refused')
}

/** The same words as for bytes of TLS. */
export const plainTls = 'the endpoint speaks TLS, not plain http'

function describe(kind: ProblemKind, head: Head, { text, error }: Pick<Evidence, 'text' | 'error'>): string {
  const { status, headers } = head
  if (kind === 'plainTls') return plainTls
  if (kind === 'redirected') return `the endpoint answers ${status} to ${quote(headers.get('location') ?? '')}`
  if (error !== undefined) return [`${status} ${error.code}`, error.message ?? []].flat().join(': ')
  const body = text.trim() === '' ? '' : ` with ${describeBody(text, headers.get('content-encoding'))}`
  if (kind === 'notS3') return `not S3: the endpoint answers ${status}${body}`
  return `status ${status}${body}`
}

function regionOf({ headers }: Head, error: ErrorBody | undefined): string | undefined {
  const region = headers.get('x-amz-bucket-region') ?? error?.region ?? ''
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(region) ? region : undefined
}

/** Undefined where the text is no error of S3. */
function readError(text: string): ErrorBody | undefined {
  const code = element(text, 'Code')
  if (code === undefined || !/^[\w.]{1,100}$/.test(code)) return undefined
  return { code, message: element(text, 'Message'), region: element(text, 'Region') }
}

/**
 * Reads an element of an S3 error, which is flat. A regular expression cannot be attacked by entities or nesting: text that
 * does not match is no S3 error. The text ends up in messages, so it is bounded and has no control characters.
 */
function element(body: string, name: string): string | undefined {
  if (!/^\s*(?:<\?xml[^>]*\?>)?\s*<Error[\s>]/.test(body)) return undefined
  const text = new RegExp(`<${name}>([^<>]{1,2000})</${name}>`).exec(body)?.[1]
  return text === undefined ? undefined : shorten(singleLine(unescapeXml(text)), 500)
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

/** Characters by number too: the text is sanitised afterwards. */
function unescapeXml(text: string): string {
  return text.replace(/&(?:(lt|gt|quot|apos|amp)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g, (_, name, decimal, hex) => {
    if (typeof name === 'string') return entities[name] ?? ''
    const point = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD'
  })
}
