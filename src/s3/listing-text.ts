/** Checks that a text is a page of a listing: a reader that looks for keys finds none in other texts, and half a model looks whole. */
import { quote } from '../values/print/printable.ts'
import { describeBody, rootOf } from './body-kind.ts'
import { problemOf, S3Error } from './s3-error.ts'

/** A page of 1000 keys of 1024 bytes, each byte written as three, is less than 4 MiB. */
export const longestPageBytes = 16 * 2 ** 20

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
  return new S3Error(problemOf('unbelievable', `the server answered with ${instead}`))
}

/** The status of an error that came with a success; throws an S3Error for a text that is neither an error nor a listing. */
export function errorStatusOf(text: string, contentEncoding: string | undefined): number | undefined {
  const root = rootOf(text)
  if (root === 'Error') return statusOfErrors[/<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''] ?? otherErrors
  if (root !== 'ListBucketResult') throw notAPage(`${describeBody(text, contentEncoding)}, not with a listing`)
  checkListing(text)
  return undefined
}

/** Refuses missing sizes and flags, which read like 0 and false. S3 always sends Size and IsTruncated. */
function checkListing(text: string): void {
  const size = /<Size\b(?!>\d{1,16}<\/Size>).{0,40}/s.exec(text)?.[0]
  if (size !== undefined) throw notAPage(`a listing that has a size which is no number of bytes: ${quote(size)}`)
  const ends = text.match(/<IsTruncated\b/g)?.length ?? 0
  if (ends !== 1 || !/<IsTruncated>(?:true|false)<\/IsTruncated>/i.test(text)) {
    throw notAPage('a listing that does not say whether it is the last page (IsTruncated: true or false)')
  }
}
