/** Maps an error response to an error and a remedy. */
import type { Head } from './response.ts'
import { TransferError, type TransferErrorKind } from '../transfer-error.ts'

/** `slow`: retry with fewer connections. `refresh`: retry with new credentials. */
export type Remedy = 'giveUp' | 'retry' | 'slow' | 'refresh'

export interface Fault {
  readonly error: TransferError
  readonly remedy: Remedy
}

interface Rule {
  readonly kind: TransferErrorKind
  readonly remedy: Remedy
}

const byCode: Readonly<Record<string, Rule>> = {
  ExpiredToken: { kind: 'denied', remedy: 'refresh' },
  ExpiredTokenException: { kind: 'denied', remedy: 'refresh' },
  TokenRefreshRequired: { kind: 'denied', remedy: 'refresh' },
  InvalidToken: { kind: 'denied', remedy: 'giveUp' },
  RequestTimeTooSkewed: { kind: 'skewed', remedy: 'giveUp' },
  InvalidObjectState: { kind: 'archived', remedy: 'giveUp' },
  NoSuchBucket: { kind: 'noSuchBucket', remedy: 'giveUp' },
  PermanentRedirect: { kind: 'wrongRegion', remedy: 'giveUp' },
  IllegalLocationConstraintException: { kind: 'wrongRegion', remedy: 'giveUp' },
  AuthorizationHeaderMalformed: { kind: 'wrongRegion', remedy: 'giveUp' },
  SlowDown: { kind: 'http', remedy: 'slow' },
  RequestTimeout: { kind: 'http', remedy: 'retry' },
  OperationAborted: { kind: 'http', remedy: 'retry' },
  // A bucket so new that its name does not resolve to its region yet.
  TemporaryRedirect: { kind: 'http', remedy: 'retry' },
}

const byStatus: Readonly<Record<number, Rule>> = {
  301: { kind: 'wrongRegion', remedy: 'giveUp' },
  403: { kind: 'denied', remedy: 'giveUp' },
  404: { kind: 'notFound', remedy: 'giveUp' },
  408: { kind: 'http', remedy: 'retry' },
  412: { kind: 'changed', remedy: 'giveUp' },
  416: { kind: 'changed', remedy: 'giveUp' },
  429: { kind: 'http', remedy: 'slow' },
  501: { kind: 'http', remedy: 'giveUp' },
  503: { kind: 'http', remedy: 'slow' },
}

export function faultOfAnswer(head: Head, body: string, key: string, ownRegion: string): Fault {
  const code = element(body, 'Code')
  const { kind, remedy } = ruleFor(head.status, code)
  const region = head.headers.get('x-amz-bucket-region') ?? element(body, 'Region')
  const error = new TransferError(`${key}: ${describe(head.status, code, element(body, 'Message'))}`, {
    // A malformed header that is not about the region is our credentials' fault.
    kind:
      kind === 'wrongRegion' &&
      code === 'AuthorizationHeaderMalformed' &&
      (region === undefined || region === ownRegion)
        ? 'denied'
        : kind,
    key,
    status: head.status,
    ...(code !== undefined && { code }),
    ...(region !== undefined && { region }),
  })
  return { error, remedy }
}

/** The meaning of an answer, by the code in its body before its status. */
export function ruleFor(status: number, code: string | undefined): Rule {
  const rule = (code === undefined ? undefined : byCode[code]) ?? byStatus[status]
  return rule ?? { kind: 'http', remedy: status >= 500 ? 'retry' : 'giveUp' }
}

function describe(status: number, code: string | undefined, message: string | undefined): string {
  const text = message === undefined ? '' : `: ${message}`
  return `${status}${code === undefined ? '' : ` ${code}`}${text}`
}

/**
 * Reads an element of an S3 error, which is flat. A regular expression cannot be attacked by entities or nesting: text that
 * does not match is no S3 error. The text ends up in messages, so it is bounded and has no control characters.
 */
function element(body: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<>]{1,500})</${name}>`).exec(body)?.[1]
  return text === undefined || !/^\s*(?:<\?xml[^>]*\?>)?\s*<Error/.test(body)
    ? undefined
    : unescapeXml(text).replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')
}

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&#39;': "'",
  '&#34;': '"',
  '&amp;': '&',
}

function unescapeXml(text: string): string {
  return text.replace(/&(?:lt|gt|quot|apos|amp|#3[49]);/g, (entity) => entities[entity] ?? entity)
}
