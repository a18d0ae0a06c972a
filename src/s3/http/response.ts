/** Parses the head of a response so strictly that two parsers can never disagree about the end of the body (request smuggling). */
import { quote } from '../../values/print/printable.ts'

export interface Head {
  readonly status: number
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  /** Undefined where the end of the body is not given by a Content-Length. */
  readonly bodyLength: number | undefined
  /** True for a body in chunks. */
  readonly isChunked: boolean
  readonly keepAlive: boolean
}

/** A response that is not HTTP/1.1 as S3 speaks it. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
  /** True for the first bytes of a TLS record (RFC 8446, 5.1), as a TLS server answers to plain HTTP. */
  readonly isTls: boolean

  constructor(message: string, isTls = false) {
    super(message)
    this.isTls = isTls
  }
}

/** RFC 9110 token, optional white space, any visible text. */
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/
const controlCharacter = /[\x00-\x08\x0a-\x1f\x7f]/

/** Parses the text before the empty line. */
export function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split('\r\n')
  // Some servers refuse in HTTP/1.0, as those of Go do plain HTTP at a port for TLS.
  const status = /^HTTP\/1\.(?:1 (?=[2-5])|0 (?=[45]))([2-5][0-9][0-9])(?: |$)/.exec(statusLine)?.[1]
  // A lone line feed in it would be the end of the line to another parser.
  if (status === undefined || controlCharacter.test(statusLine)) throw noAnswer(statusLine)
  const headers = new Map<string, string>()
  for (const line of lines) addHeader(headers, line)
  return {
    status: Number(status),
    headers,
    bodyLength: bodyLength(headers),
    isChunked: isChunked(headers),
    keepAlive: staysOpen(statusLine, headers),
  }
}

/** For bytes that do not begin with a status line. */
export function noAnswer(begin: string): MalformedAnswer {
  return new MalformedAnswer(
    `not the status line of an answer: ${quote(begin.slice(0, 80))}`,
    /^[\x14-\x17]\x03/.test(begin),
  )
}

function addHeader(headers: Map<string, string>, line: string): void {
  const match = headerLine.exec(line)
  if (match === null || controlCharacter.test(line)) {
    throw new MalformedAnswer(`not a header: ${quote(line.slice(0, 80))}`)
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
  if (text === undefined) return undefined
  if (!/^[0-9]{1,15}$/.test(text)) throw new MalformedAnswer(`not a length: ${quote(text.slice(0, 40))}`)
  return Number(text)
}

function isChunked(headers: ReadonlyMap<string, string>): boolean {
  const encoding = headers.get('transfer-encoding')
  if (encoding === undefined) return false
  if (headers.has('content-length')) throw new MalformedAnswer('a body that is framed in two ways')
  if (encoding.toLowerCase() !== 'chunked') throw new MalformedAnswer(`the transfer encoding ${quote(encoding)}`)
  return true
}

function staysOpen(statusLine: string, headers: ReadonlyMap<string, string>): boolean {
  return statusLine.startsWith('HTTP/1.1') && !/\bclose\b/i.test(headers.get('connection') ?? '')
}
