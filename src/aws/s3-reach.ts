/** Whether somebody may list a prefix and read an object, asked of S3 with as few bytes as can be. */
import { GetObjectCommand, ListObjectsV2Command, S3Client, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { attempt, type Attempt } from './refusal.ts'
import { clientConfig, decodeKey, sendOnce } from './s3.ts'
import type { S3Credentials, S3Options } from './s3-api.ts'

export interface ReachCalls {
  /** The first few keys that begin with the prefix. */
  list(bucket: string, prefix: string): Promise<Attempt<readonly ReachedObject[]>>
  /** The first few names between the prefix and the next slash. */
  directories(bucket: string, prefix: string): Promise<Attempt<readonly string[]>>
  /** One byte: unlike the answer to a HEAD, a refusal of it says why. That an object is empty, and has no first byte, is status 416. */
  read(bucket: string, key: string): Promise<Attempt<void>>
  close(): void
}

export interface ReachedObject {
  readonly key: string
  readonly size: number
  readonly archived: boolean
}

const archivedClasses = ['GLACIER', 'DEEP_ARCHIVE']
const fewKeys = 10
const mostAttempts = 3

export function reachCalls(region: string, credentials: S3Credentials, signal: AbortSignal): ReachCalls {
  const options: S3Options = {
    region,
    endpoint: endpointOfEnvironment(),
    credentials: () => Promise.resolve(credentials),
    signal,
  }
  const client = new S3Client({ ...clientConfig(options), maxAttempts: mostAttempts })
  const send = <Answer>(call: () => Promise<Answer>): Promise<Attempt<Answer>> => attempt(() => sendOnce(call, options))
  const page = (bucket: string, prefix: string, delimiter?: '/'): Promise<ListObjectsV2CommandOutput> =>
    client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        Delimiter: delimiter,
        EncodingType: 'url',
        MaxKeys: fewKeys,
      }),
      { abortSignal: signal },
    )
  return {
    list: (bucket, prefix) =>
      send(async () => {
        const answer = await page(bucket, prefix)
        return (answer.Contents ?? []).map(({ Key = '', Size: size = 0, StorageClass = '' }) => ({
          key: decoded(answer, Key),
          size,
          archived: archivedClasses.includes(StorageClass),
        }))
      }),
    directories: (bucket, prefix) =>
      send(async () => {
        const answer = await page(bucket, prefix, '/')
        return (answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => decoded(answer, Prefix).slice(prefix.length, -1))
      }),
    read: (bucket, key) =>
      send(async () => {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: 'bytes=0-0' }), {
          abortSignal: signal,
        })
        await answer.Body?.transformToByteArray()
      }),
    close: () => {
      client.destroy()
    },
  }
}

function decoded({ EncodingType }: ListObjectsV2CommandOutput, key: string): string {
  return EncodingType === 'url' ? decodeKey(key) : key
}

/** As the SDK reads it. Given to it, since only so does it address buckets by path, as servers other than AWS want it. */
function endpointOfEnvironment(): string | undefined {
  const {
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignored,
    AWS_ENDPOINT_URL_S3: ofS3 = '',
    AWS_ENDPOINT_URL: ofAll = '',
  } = process.env
  if (ignored === 'true') return undefined
  return [ofS3, ofAll].find((url) => url !== '')
}
