/** The calls of S3 and their results. */

export interface ListedObject {
  readonly key: string
  readonly size: number
  /** ETag with its quotes, as If-Match needs it. */
  readonly etag: string
  /** True in a storage class that has to be restored before reading. */
  readonly archived: boolean
  /** Algorithm of the checksum that S3 keeps, where the listing says it. */
  readonly checksumAlgorithm?: ChecksumAlgorithm
}

export interface ObjectHead extends Omit<ListedObject, 'size' | 'checksumAlgorithm'> {
  /** Undefined where the server sends no size. */
  readonly size: number | undefined
  /** Checksums of the whole object by algorithm, base64; empty where S3 has none or only one composed of parts. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
  readonly composite: boolean
}

export const checksumAlgorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number]

export interface DatedObject {
  /** ETag with its quotes, as If-Match needs it. */
  readonly etag: string
  readonly size: number
  readonly lastModified: Date
}

/** Every failure is an S3Error, an error of the credentials, or the reason of the signal. */
export interface S3 {
  /** Lists all objects below a prefix, page by page. */
  list(bucket: string, prefix: string): AsyncGenerator<readonly ListedObject[]>
  /** Lists one page of at most `count` keys. */
  peek(bucket: string, prefix: string, count: number): Promise<readonly ListedObject[]>
  /** Lists the names between the prefix and the next slash, page by page, without the objects below them. */
  directories(bucket: string, prefix: string): AsyncGenerator<readonly string[]>
  /** Lists one page of at most `count` of these names. */
  peekDirectories(bucket: string, prefix: string, count: number): Promise<readonly string[]>
  /**
   * Undefined where there is no such object. Uses a listing: with permission to list only a prefix, S3 answers the HEAD of a
   * missing key with 403, because it reveals absence only to those who may list the whole bucket.
   */
  find(bucket: string, key: string): Promise<DatedObject | undefined>
  head(bucket: string, key: string): Promise<ObjectHead>
  /** Reads a small object as a whole; throws a RangeError where it is larger. */
  read(bucket: string, key: string, etag: string, mostBytes: number): Promise<Buffer>
  /** Reads one byte: unlike a HEAD, a refused GET has a reason. An empty object, which has no first byte, gives status 416. */
  readFirstByte(bucket: string, key: string): Promise<void>
  tags(bucket: string, key: string): Promise<ReadonlyMap<string, string>>
  close(): void
}
