/** What the publisher asks of S3 beside what loaders ask: which directories there are, and what is known of one object. */
import { GetObjectCommand, GetObjectTaggingCommand, S3Client } from '@aws-sdk/client-s3'
import { trustAlso } from '../network/trust.ts'
import { followPages } from './follow-pages.ts'
import { askPage, type ListingPage } from './listing-page.ts'
import { clientConfig, sendOnce } from './s3.ts'
import type { S3Options } from './s3-api.ts'

export interface DatedObject {
  /** With its quotes, as If-Match wants it. */
  readonly etag: string
  readonly size: number
  readonly lastModified: Date
}

export interface PublishedCalls {
  /** What stands between the prefix and the next slash, page by page. Prefixes are listed, not the objects below them. */
  directories(bucket: string, prefix: string): AsyncGenerator<readonly string[]>
  /**
   * Undefined where there is no such object. By a listing: whoever may list a prefix only gets a 403 for the HEAD of a key that
   * is not there, as S3 tells its absence to nobody who may not list the whole bucket.
   */
  find(bucket: string, key: string): Promise<DatedObject | undefined>
  tags(bucket: string, key: string): Promise<ReadonlyMap<string, string>>
  /** The whole of a small object. */
  read(bucket: string, key: string, etag: string): Promise<Buffer>
  close(): void
}

/** Every failure is an S3Error, or the reason of the signal. `alsoTrusted`: PEM of the operator's own authorities. */
export function publishedCalls(options: S3Options, alsoTrusted?: string): PublishedCalls {
  trustAlso(alsoTrusted)
  const client = new S3Client(clientConfig(options))
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
        // The key itself comes before every other that begins with it. A page may have none although there is more.
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
