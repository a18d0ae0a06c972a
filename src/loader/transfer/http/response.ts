/** Parses the head of a response so strictly that two parsers can never disagree about the end of the body (request smuggling). */
import { TransferError, type TransferErrorKind } from '../transfer-error.ts'
import { quoteEtag, type GetTarget } from './request.ts'

export interface Head {
  readonly status: number
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  /** Undefined where the end of the body is not given by a Content-Length. */
  readonly bodyLength: number | undefined
  readonly keepAlive: boolean
}

/** A response that is not HTTP/1.1 as S3 speaks it. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
}

/** RFC 9110 token, optional white space, any visible text. */
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/
const controlCharacter = /[\x00-\x08\x0a-\x1f\x7f]/

/** Parses the text before the empty line. */
export function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.1 ([2-5][0-9][0-9])(?: |$)/.exec(statusLine)?.[1]
  if (status === undefined) {
    throw new MalformedAnswer(`not the status line of an answer: ${JSON.stringify(statusLine.slice(0, 80))}`)
  }
  const headers = new Map<string, string>()
  for (const line of lines) addHeader(headers, line)
  return headOf(Number(status), headers)
}

export function headOf(status: number, headers: ReadonlyMap<string, string>): Head {
  return {
    status,
    headers,
    bodyLength: bodyLength(headers),
    keepAlive: !/\bclose\b/i.test(headers.get('connection') ?? ''),
  }
}

function addHeader(headers: Map<string, string>, line: string): void {
  const match = headerLine.exec(line)
  if (match === null || controlCharacter.test(line)) {
    throw new MalformedAnswer(`not a header: ${JSON.stringify(line.slice(0, 80))}`)
  }
  const [, name = '', value = ''] = match
  const key = name.toLowerCase()
  const before = headers.get(key)
  if (before !== undefined && key === 'content-length' && before !== value) {
    throw new MalformedAnswer('two lengths of one body')
  }
  headers.set(key, before === undefined || key === 'content-length' ? value : `${before}, ${value}`)
}

function bodyLength(headers: ReadonlyMap<string, string>): number | undefined {
  const text = headers.get('content-length')
  if (headers.has('transfer-encoding') || text === undefined) return undefined
  if (!/^[0-9]{1,15}$/.test(text)) throw new MalformedAnswer(`not a length: ${JSON.stringify(text.slice(0, 40))}`)
  return Number(text)
}

/** True for the expected success, false for an error response; throws on any other success. */
export function acceptAnswer(head: Head, target: GetTarget, objectSize: number): boolean {
  if (head.status < 200 || head.status > 299) return false
  refuseOtherEtag(head, target)
  const { range } = target
  const expectedStatus = range === undefined ? 200 : 206
  if (head.status !== expectedStatus) refuse(head, target, `answered ${head.status} instead of ${expectedStatus}`)
  const length = range === undefined ? objectSize : range.last - range.first + 1
  if (head.bodyLength !== undefined && head.bodyLength !== length) {
    refuse(head, target, `sends ${head.bodyLength} bytes instead of ${length}`)
  }
  if (range !== undefined) refuseOtherRange(head, target, `bytes ${range.first}-${range.last}/${objectSize}`)
  return true
}

/** x-amz-checksum-* */
export function checksumHeaders(head: Head): Readonly<Record<string, string>> {
  return Object.fromEntries([...head.headers].filter(([name]) => name.startsWith('x-amz-checksum-')))
}

function refuseOtherEtag(head: Head, target: GetTarget): void {
  const etag = head.headers.get('etag')
  if (etag === undefined) refuse(head, target, 'does not say the ETag')
  if (quoteEtag(etag) !== quoteEtag(target.etag)) refuse(head, target, `is ${etag} now, not ${target.etag}`, 'changed')
}

function refuseOtherRange(head: Head, target: GetTarget, expected: string): void {
  const range = head.headers.get('content-range')
  if (range !== expected) {
    refuse(head, target, `sends the range ${JSON.stringify(range ?? '')} instead of "${expected}"`)
  }
}

function refuse(head: Head, { key }: GetTarget, problem: string, kind: TransferErrorKind = 'protocol'): never {
  throw new TransferError(`${key}: ${problem}`, { kind, key, status: head.status })
}
