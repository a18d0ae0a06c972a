/** S3 calls for listing and metadata, by the SDK; models are downloaded by src/loader/transfer. */
import { GetObjectCommand, HeadObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { agentThrough } from '../network/proxy-agent.ts'
import { proxyFor } from '../network/proxy.ts'
import { askPage } from './listing-page.ts'
import { S3Error, type S3Calls, type S3Options, type S3Problem } from './s3-api.ts'

const archivedClasses = ['GLACIER', 'DEEP_ARCHIVE']
const expiredCodes = ['ExpiredToken', 'ExpiredTokenException']
const algorithms = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const

export function s3Client(options: S3Options): S3Calls {
  const client = new S3Client(s3ClientConfig(options))
  // The SDK's logger copies each response for an unused log, which is a tenth of the CPU of a listing.
  client.middlewareStack.remove('loggerMiddleware')
  const request = { abortSignal: options.signal }
  const send = <Answer>(call: () => Promise<Answer>): Promise<Answer> => sendOnce(call, options)
  return {
    page: async (bucket, prefix, { token, count }) => {
      const query = {
        Bucket: bucket,
        Prefix: prefix,
        ContinuationToken: token,
        MaxKeys: count,
        OptionalObjectAttributes: ['RestoreStatus' as const],
      }
      const { objects, hasMore, token: next } = await send(() => askPage(client, query, request))
      return {
        objects: objects.map(({ key, size, etag, archived }) => ({ key, size, etag, archived })),
        hasMore,
        token: next,
      }
    },
    head: async (bucket, key) => {
      const answer = await send(() =>
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }), request),
      )
      const composite = answer.ChecksumType === 'COMPOSITE'
      const checksums = algorithms.flatMap((algorithm) => {
        const value = answer[`Checksum${algorithm}`]
        return value === undefined || composite || value.includes('-') ? [] : [[algorithm, value] as const]
      })
      return {
        key,
        size: answer.ContentLength,
        etag: answer.ETag ?? '',
        composite,
        checksums: Object.fromEntries(checksums),
        archived:
          archivedClasses.includes(answer.StorageClass ?? '') &&
          !(answer.Restore ?? '').includes('ongoing-request="false"'),
      }
    },
    read: async (bucket, key, etag, mostBytes) => {
      const answer = await send(() =>
        client.send(new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }), request),
      )
      if ((answer.ContentLength ?? 0) > mostBytes) throw new RangeError(`${key} has more than ${mostBytes} bytes`)
      return (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
    },
  }
}

/** Retries once with new credentials if those have expired. Throws an S3Error. */
export async function sendOnce<Answer>(
  call: () => Promise<Answer>,
  { signal, credentials }: S3Options,
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof S3Error) throw error
    const problem = problemOf(error)
    // Credentials can end between the check of their expiry and the answer.
    if (!expiredCodes.includes(problem.code)) throw new S3Error(problem, error)
    await credentials?.(true)
    return call().catch((again: unknown) => {
      throw new S3Error(problemOf(again), again)
    })
  }
}

export function s3ClientConfig({ region, endpoint, credentials }: S3Options): S3ClientConfig {
  const proxy = proxyFor(endpoint ?? `https://s3.${region}.amazonaws.com`)
  return {
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    maxAttempts: 8,
    retryMode: 'standard',
    ...(credentials === undefined
      ? unsigned
      : {
          // Expires in a minute, so that the SDK does not cache credentials: their source does.
          credentials: async () => ({ ...(await credentials(false)), expiration: new Date(Date.now() + 60_000) }),
        }),
    requestHandler: {
      connectionTimeout: 10_000,
      requestTimeout: 30_000,
      ...(proxy !== undefined && { httpsAgent: agentThrough(proxy) }),
    },
  }
}

/** The SDK has no option for anonymous access: a signer that signs nothing replaces it. */
const unsigned: Partial<S3ClientConfig> = {
  credentials: { accessKeyId: '', secretAccessKey: '' },
  signer: { sign: (request) => Promise.resolve(request) },
}

function problemOf(error: unknown): S3Problem {
  const { name, message, code, $metadata, $response } = error as Error & {
    code?: string
    $metadata?: { httpStatusCode?: number }
    $response?: { headers?: Record<string, string> }
  }
  return {
    status: $metadata?.httpStatusCode ?? 0,
    code: code ?? name,
    message: message === '' ? name : message,
    region: $response?.headers?.['x-amz-bucket-region'],
  }
}
