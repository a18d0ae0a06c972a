/** Checks that a text is a page of a listing: the SDK parses other texts as pages without objects. */
import { quote } from '../values/printable.ts'
import { S3Error, unbelievable } from './s3-api.ts'

/** Response as the SDK receives it. */
export interface ListingResponse {
  statusCode: number
  readonly headers: Readonly<Record<string, string>>
  body: AsyncIterable<Uint8Array> | Uint8Array | undefined
}

/** A page of 1000 keys of 1024 bytes, each byte written as three, is less than 4 MiB. */
const longestPageBytes = 16 * 2 ** 20
/** Status by error code, because S3 may send 200 before it fails. Other codes may be temporary. */
const statusOfErrors: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  ExpiredToken: 400,
  NoSuchBucket: 404,
}
const otherErrors = 503

/** `instead` describes the response, as part of a sentence. */
export function notAPage(instead: string): S3Error {
  return new S3Error(
    { status: 200, code: unbelievable, message: `the server answered with ${instead}`, region: undefined },
    undefined,
  )
}

/** Reads the body. An error with status 200 gets an error status; throws an S3Error for anything but an error or a listing. */
export async function checkResponse(response: ListingResponse): Promise<void> {
  if (response.statusCode < 200 || response.statusCode > 299) return
  const body = await readBody(response)
  response.body = body
  const text = body.toString()
  const root = rootOf(text)
  if (root === 'Error') {
    response.statusCode = statusOfErrors[/<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''] ?? otherErrors
  } else if (root === 'ListBucketResult') checkListing(text)
  else throw notAPage(`${describe(text, root, response.headers)}, not with a listing`)
}

async function readBody({ body }: ListingResponse): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (body instanceof Uint8Array) return Buffer.from(body)
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    length += piece.length
    if (length > longestPageBytes) throw notAPage(`more than ${longestPageBytes} bytes, which is no page of a listing`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** The name of the first element; undefined where the text is no XML. */
function rootOf(text: string): string | undefined {
  return /^\s*(?:<\?[^>]*\?>\s*|<!--(?:(?!-->)[^])*-->\s*)*<([A-Za-z_][\w.:-]*)/.exec(text)?.[1]
}

/** Refuses missing sizes and flags, which the SDK would parse as 0 and false. S3 always sends Size and IsTruncated. */
function checkListing(text: string): void {
  const size = /<Size\b(?!>\d{1,16}<\/Size>).{0,40}/s.exec(text)?.[0]
  if (size !== undefined) throw notAPage(`a listing that has a size which is no number of bytes: ${quote(size)}`)
  const ends = text.match(/<IsTruncated\b/g)?.length ?? 0
  if (ends !== 1 || !/<IsTruncated>(?:true|false)<\/IsTruncated>/i.test(text)) {
    throw notAPage('a listing that does not say whether it is the last page (IsTruncated: true or false)')
  }
}

function describe(text: string, root: string | undefined, headers: ListingResponse['headers']): string {
  const begin = text.trim().slice(0, 200)
  if (begin === '') return 'an empty body'
  const encoding = headers['content-encoding']
  // A compressed body starts with bytes that no text has.
  if (/^[\u0000-\u0008\uFFFD]|^.\uFFFD/.test(begin)) return `bytes (content-encoding ${quote(encoding ?? 'none')})`
  return `${kindOf(begin, root)}: ${quote(begin)}`
}

function kindOf(begin: string, root: string | undefined): string {
  if (/^<!doctype html|^<html/i.test(begin) || root?.toLowerCase() === 'html') return 'a web page'
  if (root !== undefined) return `XML of another kind (${root})`
  return /^[{[]/.test(begin) ? 'JSON' : 'text'
}
