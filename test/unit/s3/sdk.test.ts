/** The same requests and the same answers, written and read by the AWS SDK: an oracle that knows S3 better than a test. */
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import type { IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { clientOf, serve } from './scripted-s3.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }

function sdkOf(t: Test, endpoint: string): S3Client {
  const client = new S3Client({
    region: 'us-east-1',
    endpoint,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  t.teardown(() => {
    client.destroy()
  })
  return client
}

/** A request without its time, its signature and the names of the client. */
function essence({ method, url = '', headers }: IncomingMessage): unknown {
  const { pathname, searchParams } = new URL(url, 'http://s3')
  searchParams.delete('x-id')
  searchParams.sort()
  const names = ['host', 'range', 'if-match', 'x-amz-checksum-mode', 'x-amz-optional-object-attributes']
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? []
  return {
    method,
    pathname,
    query: [...searchParams],
    headers: Object.fromEntries(names.map((name) => [name, headers[name]])),
    scope: /Credential=([^,]+)/.exec(headers.authorization ?? '')?.[1],
    signs: names.filter((name) => signed.includes(name)),
    token: headers['x-amz-security-token'],
  }
}

const keyText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((key) => !/^\.{1,2}$|^\/|\/$/.test(key))
const key = keyText.filter((text) => text.split('/').every((segment) => !['', '.', '..'].includes(segment)))

t.test('requests are those of the SDK, for any key', async (t) => {
  const { endpoint, requests } = await serve(t, (response, { url = '' }) => {
    if (url.includes('list-type')) {
      response.end('<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
    } else response.writeHead(200, { etag: '"e"', 'content-length': 0 }).end()
  })
  const [s3, sdk] = [clientOf(t, endpoint, { credentials: () => Promise.resolve(credentials) }), sdkOf(t, endpoint)]
  await fc.assert(
    fc.asyncProperty(key, async (Key) => {
      requests.length = 0
      await s3.peek('models', Key, 7)
      await sdk.send(
        new ListObjectsV2Command({
          Bucket: 'models',
          Prefix: Key,
          MaxKeys: 7,
          EncodingType: 'url',
          OptionalObjectAttributes: ['RestoreStatus'],
        }),
      )
      await s3.head('models', Key)
      await sdk.send(new HeadObjectCommand({ Bucket: 'models', Key, ChecksumMode: 'ENABLED' }))
      await s3.readFirstByte('models', Key)
      await sdk.send(new GetObjectCommand({ Bucket: 'models', Key, Range: 'bytes=0-0' }))
      const [list, sdkList, head, sdkHead, get, sdkGet] = requests.map(essence)
      t.strictSame([list, head, get], [sdkList, sdkHead, sdkGet])
    }),
    { numRuns: 60 },
  )
})

interface Written {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly storageClass: string
  readonly isRestored: boolean
}

const written = fc.record({
  key: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((text) => `m/${text.toWellFormed()}`),
  // S3's largest object has 50 TB.
  size: fc.maxSafeNat().map((number) => number % 5e13),
  etag: fc.stringMatching(/^[0-9a-f]{8}(-[0-9]{1,4})?$/),
  storageClass: fc.constantFrom('STANDARD', 'GLACIER', 'DEEP_ARCHIVE', 'INTELLIGENT_TIERING', 'GLACIER_IR'),
  isRestored: fc.boolean(),
})

function pageOf(objects: readonly Written[], token: string | undefined, quote: string): string {
  const contents = objects.map(
    ({ key, size, etag, storageClass, isRestored }) =>
      `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>2026-11-30T12:00:00.000Z</LastModified><ETag>${quote}${etag}${quote}</ETag>` +
      `<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>${size}</Size><StorageClass>${storageClass}</StorageClass>${
        isRestored
          ? '<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2027-01-01T00:00:00Z</RestoreExpiryDate></RestoreStatus>'
          : ''
      }</Contents>`,
  )
  const more = token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>models</Name><Prefix>m%2F</Prefix><EncodingType>url</EncodingType><KeyCount>${objects.length}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>${token !== undefined}</IsTruncated>${more}${contents.join('')}</ListBucketResult>`
}

t.test('pages are read as the SDK reads them, whatever their keys', async (t) => {
  const script = { pages: [''] }
  const { endpoint } = await serve(t, (response, { url = '' }) => {
    response.end(script.pages[Number(new URL(url, 'http://s3').searchParams.get('continuation-token') ?? 0)])
  })
  const [s3, sdk] = [clientOf(t, endpoint), sdkOf(t, endpoint)]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(written, { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('"', '&quot;', '&#34;'),
      async (pages, quote) => {
        script.pages = pages.map((objects, i) =>
          pageOf(objects, i + 1 < pages.length ? String(i + 1) : undefined, quote),
        )
        const ours: unknown[] = []
        for await (const page of s3.list('models', 'm/')) ours.push(...page)
        const theirs: unknown[] = []
        for (let token: string | undefined, more = true; more; ) {
          const answer = await sdk.send(
            new ListObjectsV2Command({ Bucket: 'models', Prefix: 'm/', ContinuationToken: token }),
          )
          theirs.push(
            ...(answer.Contents ?? []).map(
              ({ Key = '', Size, ETag, StorageClass = '', RestoreStatus, ChecksumAlgorithm }) => ({
                key: decodeURIComponent(Key),
                size: Size,
                etag: ETag,
                archived:
                  ['GLACIER', 'DEEP_ARCHIVE'].includes(StorageClass) && RestoreStatus?.RestoreExpiryDate === undefined,
                checksumAlgorithm: ChecksumAlgorithm?.[0],
              }),
            ),
          )
          ;({ NextContinuationToken: token } = answer)
          more = answer.IsTruncated === true
        }
        t.strictSame(ours, theirs)
      },
    ),
    { numRuns: 60 },
  )
})

t.test('the answer to a HEAD is read as the SDK reads it', async (t) => {
  const script: { headers: Record<string, string> } = { headers: {} }
  const { endpoint } = await serve(t, (response) => response.writeHead(200, script.headers).end())
  const [s3, sdk] = [clientOf(t, endpoint), sdkOf(t, endpoint)]
  await fc.assert(
    fc.asyncProperty(
      written,
      fc.constantFrom('FULL_OBJECT', 'COMPOSITE'),
      fc.boolean(),
      async (object, type, isRestoring) => {
        script.headers = {
          etag: `"${object.etag}"`,
          'content-length': String(object.size),
          'x-amz-storage-class': object.storageClass,
          'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=',
          'x-amz-checksum-type': type,
          ...(object.isRestored && { 'x-amz-restore': `ongoing-request="${isRestoring}"` }),
        }
        const ours = await s3.head('models', 'k')
        const theirs = await sdk.send(new HeadObjectCommand({ Bucket: 'models', Key: 'k', ChecksumMode: 'ENABLED' }))
        t.strictSame(
          [ours.size, ours.etag, ours.composite, ours.checksums.CRC64NVME],
          [
            theirs.ContentLength,
            theirs.ETag,
            theirs.ChecksumType === 'COMPOSITE',
            theirs.ChecksumType === 'COMPOSITE' ? undefined : theirs.ChecksumCRC64NVME,
          ],
        )
      },
    ),
    { numRuns: 60 },
  )
})
