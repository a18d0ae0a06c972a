/** Checks with as few bytes as possible that a role may list a prefix and read an object. */
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { askPage, type ListingPage } from './listing-page.ts'
import { attempt, type Attempt } from './refusal.ts'
import { s3ClientConfig, sendOnce } from './s3.ts'
import type { S3Credentials, S3Options } from './s3-api.ts'

export interface ReachCalls {
  /** Lists the first few keys that begin with the prefix. */
  list(bucket: string, prefix: string): Promise<Attempt<readonly ReachedObject[]>>
  /** Lists the first few names between the prefix and the next slash. */
  directories(bucket: string, prefix: string): Promise<Attempt<readonly string[]>>
  /** Reads one byte: unlike a HEAD, a refused GET has a reason. An empty object, which has no first byte, gives status 416. */
  read(bucket: string, key: string): Promise<Attempt<void>>
  close(): void
}

export interface ReachedObject {
  readonly key: string
  readonly size: number
  readonly archived: boolean
}

const fewKeys = 10
const mostAttempts = 3

export function reachCalls(region: string, credentials: S3Credentials, signal: AbortSignal): ReachCalls {
  const options: S3Options = {
    region,
    endpoint: endpointOfEnvironment(),
    credentials: () => Promise.resolve(credentials),
    signal,
  }
  const client = new S3Client({ ...s3ClientConfig(options), maxAttempts: mostAttempts })
  const send = <Answer>(call: () => Promise<Answer>): Promise<Attempt<Answer>> => attempt(() => sendOnce(call, options))
  const page = (bucket: string, prefix: string, delimiter?: '/'): Promise<ListingPage> =>
    askPage(client, { Bucket: bucket, Prefix: prefix, Delimiter: delimiter, MaxKeys: fewKeys }, { abortSignal: signal })
  return {
    list: (bucket, prefix) =>
      send(async () => {
        const { objects } = await page(bucket, prefix)
        return objects.map(({ key, size, archived }) => ({ key, size, archived }))
      }),
    directories: (bucket, prefix) =>
      send(async () => {
        const { prefixes } = await page(bucket, prefix, '/')
        return prefixes.map((name) => name.slice(prefix.length, -1))
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

/** Reads the endpoint like the SDK. It is passed explicitly for addressing by path, which servers other than AWS need. */
function endpointOfEnvironment(): string | undefined {
  const {
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignored,
    AWS_ENDPOINT_URL_S3: ofS3 = '',
    AWS_ENDPOINT_URL: ofAll = '',
  } = process.env
  if (ignored === 'true') return undefined
  return [ofS3, ofAll].find((url) => url !== '')
}
