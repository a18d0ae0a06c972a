/** What the publisher asks of S3 beside what loaders ask: which directories there are, and what is known of one object. */
import { GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { clientConfig, decodeKey, sendOnce } from './s3.ts'
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
  describe(bucket: string, key: string): Promise<DatedObject>
  tags(bucket: string, key: string): Promise<ReadonlyMap<string, string>>
  /** The whole of a small object. */
  read(bucket: string, key: string, etag: string): Promise<Buffer>
  close(): void
}

/** Every failure is an S3Error, or the reason of the signal. */
export function publishedCalls(options: S3Options): PublishedCalls {
  const client = new S3Client(clientConfig(options))
  const request = { abortSignal: options.signal }
  const send = <Answer>(call: () => Promise<Answer>): Promise<Answer> => sendOnce(call, options)
  return {
    async* directories(bucket, prefix) {
      for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
        const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/', EncodingType: 'url', ContinuationToken: token })
        const answer = await send(() => client.send(command, request))
        const decode = answer.EncodingType === 'url' ? decodeKey : (key: string): string => key
        yield (answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => decode(Prefix).slice(prefix.length, -1))
        token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
      }
    },
    describe: async (bucket, key) => {
      const { ETag: etag = '', ContentLength: size = 0, LastModified: lastModified = new Date(0) } =
        await send(() => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), request))
      return { etag, size, lastModified }
    },
    tags: async (bucket, key) => {
      const { TagSet = [] } = await send(() => client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key }), request))
      return new Map(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]))
    },
    read: (bucket, key, etag) => send(async () => {
      const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), request)
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
    }),
    close: () => { client.destroy() },
  }
}
