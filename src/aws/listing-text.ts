/** Whether what came for a page of a listing is one, by its text: the SDK reads other texts as pages without objects. */
import { quote } from '../values/printable.ts'
import { S3Error, unbelievable } from './s3-api.ts'

/** As the SDK hands it from the wire. */
export interface ListingResponse {
  statusCode: number
  readonly headers: Readonly<Record<string, string>>
  body: AsyncIterable<Uint8Array> | Uint8Array | undefined
}

/** A page of 1000 keys of 1024 bytes, each byte written as three, is less than 4 MiB. */
const longestPageBytes = 16 * 2 ** 20
/** S3 may have sent 200 before it failed. Others than these may heal. */
const statusOfErrors: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  ExpiredToken: 400,
  NoSuchBucket: 404,
}
const otherErrors = 503

/** `instead` is what the server answered, for a sentence. */
export function notAPage(instead: string): S3Error {
  return new S3Error(
    { status: 200, code: unbelievable, message: `the server answered with ${instead}`, region: undefined },
    undefined,
  )
}

/** Reads the body. An error that came with status 200 gets the status of one; what is neither is thrown as an S3Error. */
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

/** What the SDK would read as 0, and what it would read as false. S3 always says how large an object is, and whether there is more. */
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
  // A body that was packed has other first bytes than any text.
  if (/^[\u0000-\u0008\uFFFD]|^.\uFFFD/.test(begin)) return `bytes (content-encoding ${quote(encoding ?? 'none')})`
  return `${kindOf(begin, root)}: ${quote(begin)}`
}

function kindOf(begin: string, root: string | undefined): string {
  if (/^<!doctype html|^<html/i.test(begin) || root?.toLowerCase() === 'html') return 'a web page'
  if (root !== undefined) return `XML of another kind (${root})`
  return /^[{[]/.test(begin) ? 'JSON' : 'text'
}
