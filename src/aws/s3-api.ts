/** What the loader asks of S3 and how it is answered, without the SDK, which only the thread that asks has to load. */

export interface S3Options {
  readonly region: string
  /** Origin of an S3-compatible server, addressed by path; undefined for AWS. */
  readonly endpoint: string | undefined
  /** Undefined for anonymous access: then requests are not signed. */
  readonly credentials: ((refresh: boolean) => Promise<S3Credentials>) | undefined
  readonly signal: AbortSignal
  /** For all pages of one listing together; without it they are bounded by the signal alone. */
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
  /** With its quotes, as If-Match wants it. */
  readonly etag: string
  /** In a storage class that has to be restored before it can be read. */
  readonly archived: boolean
}

export interface ObjectHead extends Omit<ListedObject, 'size'> {
  /** Undefined where the server does not say, which a listing may. */
  readonly size: number | undefined
  /** Checksums of the whole object by algorithm, base64; empty where S3 has none or only one composed of parts. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
  readonly composite: boolean
}

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

/** Codes of our own: an answer that is no page of a listing or none of this one, and a listing that does not come to its end. */
export const unbelievable = 'UnbelievableListing'
export const endless = 'EndlessListing'

/** An answer of S3 that is an error, or no answer at all. */
export interface S3Problem {
  readonly status: number
  /** S3's code, as NoSuchBucket, the name of a network error, as ENOTFOUND, or one of our own. */
  readonly code: string
  readonly message: string
  /** Where the bucket is, if S3 said so. */
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
  /** The whole of a small object; a RangeError where it is larger. */
  readonly read: (bucket: string, key: string, etag: string, mostBytes: number) => Promise<Uint8Array>
}

export interface Page {
  readonly objects: readonly ListedObject[]
  readonly hasMore: boolean
  /** Of the next page. */
  readonly token: string | undefined
}

export interface S3 extends Omit<S3Calls, 'page'> {
  /** All objects below a prefix, page by page. */
  list(bucket: string, prefix: string): AsyncGenerator<readonly ListedObject[]>
  /** One page of at most `count` keys, for a hint. */
  peek(bucket: string, prefix: string, count: number): Promise<readonly ListedObject[]>
  close(): void
}
