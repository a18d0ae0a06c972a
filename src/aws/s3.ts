/** The calls to S3 that list and look; the bytes of models do not come this way (src/loader/transfer does that). */
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

export interface S3Options {
  readonly region: string
  /** Origin of an S3-compatible server, addressed by path; undefined for AWS. */
  readonly endpoint: string | undefined
  /** Undefined for anonymous access: then requests are not signed. */
  readonly credentials: ((refresh: boolean) => Promise<S3Credentials>) | undefined
  readonly signal: AbortSignal
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

export interface ObjectHead extends ListedObject {
  /** Checksums of the whole object by algorithm, base64; empty where S3 has none or only one composed of parts. */
  readonly checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>
  readonly composite: boolean
}

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

/** An answer of S3 that is an error, or no answer at all. */
export interface S3Problem {
  readonly status: number
  /** S3's code, as NoSuchBucket, or the name of a network error, as ENOTFOUND. */
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

export interface S3 {
  /** All objects below a prefix, page by page. */
  list(bucket: string, prefix: string): AsyncGenerator<readonly ListedObject[]>
  /** One page of at most `count` keys, for a hint. */
  peek(bucket: string, prefix: string, count: number): Promise<readonly ListedObject[]>
  head(bucket: string, key: string): Promise<ObjectHead>
  /** The whole of a small object. */
  read(bucket: string, key: string, etag: string, mostBytes: number): Promise<Buffer>
  close(): void
}

const archivedClasses = ['GLACIER', 'DEEP_ARCHIVE']
const algorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const

export function s3Client(options: S3Options): S3 {
  const client = new S3Client(clientConfig(options))
  const send = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await call()
    } catch (error) {
      options.signal.throwIfAborted()
      const problem = problemOf(error)
      // Credentials can end between the check of their expiry and the answer.
      if (problem.code !== 'ExpiredToken' && problem.code !== 'ExpiredTokenException') throw new S3Error(problem, error)
      await options.credentials?.(true)
      return call().catch((again: unknown) => { throw new S3Error(problemOf(again), again) })
    }
  }
  const request = { abortSignal: options.signal }

  async function page(bucket: string, prefix: string, more: { token?: string | undefined; count?: number }): Promise<{ objects: ListedObject[]; next: string | undefined }> {
    // Encoded, because XML has no way to write some characters that keys may have.
    const command = new ListObjectsV2Command({
      Bucket: bucket, Prefix: prefix, EncodingType: 'url', ContinuationToken: more.token, MaxKeys: more.count, OptionalObjectAttributes: ['RestoreStatus'],
    })
    const answer = await send(() => client.send(command, request))
    const objects = (answer.Contents ?? []).map(({ Key = '', Size = 0, ETag = '', StorageClass = '', RestoreStatus: restored }) => ({
      key: answer.EncodingType === 'url' ? decodeKey(Key) : Key, size: Size, etag: ETag, archived: archivedClasses.includes(StorageClass) && restored?.RestoreExpiryDate === undefined,
    }))
    return { objects, next: answer.IsTruncated === true ? answer.NextContinuationToken : undefined }
  }

  return {
    async * list(bucket, prefix) {
      let token: string | undefined
      do {
        const { objects, next } = await page(bucket, prefix, { token })
        yield objects
        token = next
      } while (token !== undefined)
    },
    peek: async (bucket, prefix, count) => (await page(bucket, prefix, { count })).objects,
    head: async (bucket, key) => {
      const answer = await send(() => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }), request))
      const composite = answer.ChecksumType === 'COMPOSITE'
      const checksums = algorithms.flatMap((algorithm) => {
        const value = answer[`Checksum${algorithm}`]
        return value === undefined || composite || value.includes('-') ? [] : [[algorithm, value] as const]
      })
      return {
        key, size: answer.ContentLength ?? 0, etag: answer.ETag ?? '', composite, checksums: Object.fromEntries(checksums),
        archived: archivedClasses.includes(answer.StorageClass ?? '') && !(answer.Restore ?? '').includes('ongoing-request="false"'),
      }
    },
    read: async (bucket, key, etag, mostBytes) => {
      const answer = await send(() => client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), request))
      if ((answer.ContentLength ?? 0) > mostBytes) throw new RangeError(`${key} has more than ${mostBytes} bytes`)
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
    },
    close: () => { client.destroy() },
  }
}

function clientConfig({ region, endpoint, credentials }: S3Options): S3ClientConfig {
  return {
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    maxAttempts: 8,
    retryMode: 'standard',
    ...(credentials === undefined ? unsigned : {
      // The SDK asks again a minute later; what it gets then is kept by its source, not by the SDK.
      credentials: async () => ({ ...(await credentials(false)), expiration: new Date(Date.now() + 60_000) }),
    }),
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 30_000 },
  }
}

/** The SDK has no word for anonymous access: a signer that signs nothing is its way. */
const unsigned: Partial<S3ClientConfig> = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: (request) => Promise.resolve(request) },
}

/** Not every S3-compatible server encodes; those that do say so. */
function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}

function problemOf(error: unknown): S3Problem {
  const { name, message, code, $metadata, $response } = error as Error & {
    code?: string; $metadata?: { httpStatusCode?: number }; $response?: { headers?: Record<string, string> }
  }
  return {
    status: $metadata?.httpStatusCode ?? 0,
    code: code ?? name,
    message: message === '' ? name : message,
    region: $response?.headers?.['x-amz-bucket-region'],
  }
}
