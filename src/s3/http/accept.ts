/** Judges if a success is the answer to the GET of an object or a range of it. */
import type { ProblemKind } from '../meaning.ts'
import { problemOf, S3Error } from '../s3-error.ts'
import { quoteEtag, type GetTarget } from './request.ts'
import type { Head } from './response.ts'

/** True for the expected success, false for an error response; throws an S3Error on any other success. */
export function acceptAnswer(head: Head, target: GetTarget, objectSize: number): boolean {
  if (head.status < 200 || head.status > 299) return false
  refuseOtherEtag(head, target)
  const { range } = target
  const expectedStatus = range === undefined ? 200 : 206
  if (head.status !== expectedStatus) refuse(head, `answered ${head.status} instead of ${expectedStatus}`)
  const length = range === undefined ? objectSize : range.last - range.first + 1
  if (head.bodyLength !== undefined && head.bodyLength !== length) {
    if (range === undefined) throw otherLength(objectSize, `${head.bodyLength} arrive`)
    refuse(head, `sends ${head.bodyLength} bytes instead of ${length}`)
  }
  if (range !== undefined) refuseOtherRange(head, `bytes ${range.first}-${range.last}/${objectSize}`)
  return true
}

/** `found` is the number of bytes and a verb, as `7 arrive`. */
export function otherLength(listedBytes: number, found: string): S3Error {
  return new S3Error(problemOf('otherLength', `it has ${listedBytes} bytes in the listing, and ${found}`))
}

/** x-amz-checksum-* */
export function checksumHeaders(head: Head): Readonly<Record<string, string>> {
  return Object.fromEntries([...head.headers].filter(([name]) => name.startsWith('x-amz-checksum-')))
}

function refuseOtherEtag(head: Head, target: GetTarget): void {
  const etag = head.headers.get('etag')
  if (etag === undefined) refuse(head, 'does not say the ETag')
  if (quoteEtag(etag) !== quoteEtag(target.etag)) refuse(head, `is ${etag} now, not ${target.etag}`, 'changed')
}

function refuseOtherRange(head: Head, expected: string): void {
  const range = head.headers.get('content-range')
  if (range !== expected) {
    refuse(head, `sends the range ${JSON.stringify(range ?? '')} instead of "${expected}"`)
  }
}

function refuse({ status }: Head, problem: string, kind: ProblemKind = 'protocol'): never {
  throw new S3Error(problemOf(kind, problem, status))
}
