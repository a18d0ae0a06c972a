/** S3 calls of the publisher: lists directories, and finds, tags and reads single objects. */
import { GetObjectCommand, GetObjectTaggingCommand, S3Client } from '@aws-sdk/client-s3'
import { trustAlso } from '../network/trust.ts'
import { followPages } from './follow-pages.ts'
import { askPage, type ListingPage } from './listing-page.ts'
import { s3ClientConfig, sendOnce } from './s3.ts'
import type { S3Options } from './s3-api.ts'

export interface DatedObject {
  /** ETag with its quotes, as If-Match needs it. */
  readonly etag: string
  readonly size: number
  readonly lastModified: Date
}

export interface PublishedCalls {
  /** Lists the names between the prefix and the next slash, page by page, without the objects below them. */
  directories(bucket: string, prefix: string): AsyncGenerator<readonly string[]>
  /**
   * Undefined where there is no such object. Uses a listing: with permission to list only a prefix, S3 answers the HEAD of a
   * missing key with 403, because it reveals absence only to those who may list the whole bucket.
   */
  find(bucket: string, key: string): Promise<DatedObject | undefined>
  tags(bucket: string, key: string): Promise<ReadonlyMap<string, string>>
  /** Reads a small object as a whole. */
  read(bucket: string, key: string, etag: string): Promise<Buffer>
  close(): void
}

/** Every failure is an S3Error, or the reason of the signal. `alsoTrusted`: PEM of the operator's own authorities. */
export function publishedCalls(options: S3Options, alsoTrusted?: string): PublishedCalls {
  trustAlso(alsoTrusted)
  const client = new S3Client(s3ClientConfig(options))
  const request = { abortSignal: options.signal }
  const send = <Answer>(call: () => Promise<Answer>): Promise<Answer> => sendOnce(call, options)
  const pages = (query: {
    readonly Bucket: string
    readonly Prefix: string
    readonly Delimiter?: string
    readonly MaxKeys?: number
  }): AsyncGenerator<ListingPage> =>
    followPages(
      (ContinuationToken) => send(() => askPage(client, { ...query, ContinuationToken }, request)),
      options.longestListingMs,
    )
  return {
    async *directories(bucket, prefix) {
      for await (const { prefixes } of pages({ Bucket: bucket, Prefix: prefix, Delimiter: '/' })) {
        yield prefixes.map((name) => name.slice(prefix.length, -1))
      }
    },
    find: async (bucket, key) => {
      for await (const { objects } of pages({ Bucket: bucket, Prefix: key, MaxKeys: 1 })) {
        // The key itself comes before all others that begin with it. A page may be empty although there are more.
        if (objects.length > 0) return objects.find((object) => object.key === key)
      }
      return undefined
    },
    tags: async (bucket, key) => {
      const { TagSet = [] } = await send(() =>
        client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key }), request),
      )
      return new Map(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]))
    },
    read: (bucket, key, etag) =>
      send(async () => {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), request)
        return Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
      }),
    close: () => {
      client.destroy()
    },
  }
}
