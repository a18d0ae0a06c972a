/** The S3 calls of the loader and their results, without the SDK, which only the thread that makes the calls loads. */

export interface S3Options {
  readonly region: string
  /** Origin of an S3-compatible server, addressed by path; undefined for AWS. */
  readonly endpoint: string | undefined
  /** Undefined for anonymous access: requests are not signed. */
  readonly credentials: ((refresh: boolean) => Promise<S3Credentials>) | undefined
  readonly signal: AbortSignal
  /** Limit for all pages of one listing together; without it only the signal bounds them. */
  readonly longestListingMs?: number | undefined
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface ListedObject {
  readonly key: string
  readonly size: number
  /** ETag with its quotes, as If-Match needs it. */
  readonly etag: string
  /** True in a storage class that has to be restored before reading. */
  readonly archived: boolean
}

export interface ObjectHead extends Omit<ListedObject, 'size'> {
  /** Undefined where the server sends no size. */
  readonly size: number | undefined
  /** Checksums of the whole object by algorithm, base64; empty where S3 has none or only one composed of parts. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
  readonly composite: boolean
}

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

/** Codes of our own: a response that is no page of this listing, and a listing that does not end. */
export const unbelievable = 'UnbelievableListing'
export const endless = 'EndlessListing'

/** An error response of S3, or a failure to get a response. */
export interface S3Problem {
  readonly status: number
  /** Code of S3 (NoSuchBucket), of a network error (ENOTFOUND), or of our own. */
  readonly code: string
  readonly message: string
  /** Region of the bucket, if S3 reported it. */
  readonly region: string | undefined
}

export class S3Error extends Error {
  readonly problem: S3Problem

  constructor(problem: S3Problem, cause: unknown) {
    super(`${problem.code}: ${problem.message}`, { cause })
    this.name = 'S3Error'
    this.problem = problem
  }
}

/** Plain data in and out, because it crosses threads. */
export interface S3Calls {
  readonly page: (
    bucket: string,
    prefix: string,
    more: { readonly token?: string; readonly count?: number },
  ) => Promise<Page>
  readonly head: (bucket: string, key: string) => Promise<ObjectHead>
  /** Reads a small object as a whole; throws a RangeError where it is larger. */
  readonly read: (bucket: string, key: string, etag: string, mostBytes: number) => Promise<Uint8Array>
}

export interface Page {
  readonly objects: readonly ListedObject[]
  readonly hasMore: boolean
  /** Token of the next page. */
  readonly token: string | undefined
}

export interface S3 extends Omit<S3Calls, 'page'> {
  /** Lists all objects below a prefix, page by page. */
  list(bucket: string, prefix: string): AsyncGenerator<readonly ListedObject[]>
  /** Lists one page of at most `count` keys, for a hint. */
  peek(bucket: string, prefix: string, count: number): Promise<readonly ListedObject[]>
  close(): void
}
