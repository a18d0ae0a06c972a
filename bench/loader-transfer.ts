/**
 * One run of the loader's transfer, as a process of its own. Environment: ORIGIN, CA, PREFIX, DESTINATION, CRC
 * (none, crc32c, ...), WORKERS, CONNECTIONS (per worker), PART_BYTES.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { startTransferThreads, type CrcAlgorithm, type PartJob } from '../src/loader/transfer/transfer.ts'

const {
  ORIGIN = '',
  CA = '',
  PREFIX = '',
  DESTINATION = '',
  CRC = 'none',
  WORKERS = '2',
  CONNECTIONS = '8',
  PART_BYTES = String(64 * 1024 * 1024),
} = process.env
const origin = new URL(ORIGIN)
const ca = readFileSync(CA, 'utf8')
const partBytes = Number(PART_BYTES)

mkdirSync(DESTINATION, { recursive: true })
const started = startTransferThreads({
  origin: { protocol: 'https:', host: origin.hostname, port: Number(origin.port), pathPrefix: '/bucket', ca },
  region: 'us-east-1',
  workers: Number(WORKERS),
  connectionsPerWorker: Number(CONNECTIONS),
  stallTimeoutMs: 30_000,
  fileMode: 0o644,
})
await started.move(parts(), () => undefined, {
  credentials: () =>
    Promise.resolve({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'x'.repeat(1000) }),
  signal: new AbortController().signal,
  onProgress: () => undefined,
})

async function* parts(): AsyncGenerator<PartJob> {
  let object = 0
  let token: string | undefined
  do {
    const page: string = await get(
      `/bucket?list-type=2&prefix=${encodeURIComponent(PREFIX)}${token === undefined ? '' : `&continuation-token=${token}`}`,
    )
    for (const [, key = '', etag = '', size] of page.matchAll(
      /<Key>(.*?)<\/Key>.*?<ETag>&quot;(.*?)&quot;<\/ETag><Size>(\d+)</g,
    )) {
      yield* split({
        object: object++,
        key,
        etag,
        objectSize: Number(size),
        file: join(DESTINATION, key.slice(PREFIX.length)),
        crc: CRC as 'none' | CrcAlgorithm,
      })
    }
    token = /<NextContinuationToken>(.*?)</.exec(page)?.[1]
  } while (token !== undefined)
}

function* split(object: Omit<PartJob, 'offset' | 'length' | 'whole'>): Generator<PartJob> {
  const { objectSize } = object
  for (let offset = 0; offset < objectSize; offset += partBytes) {
    yield { ...object, offset, length: Math.min(partBytes, objectSize - offset), whole: objectSize <= partBytes }
  }
}

function get(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(new URL(path, origin), { ca }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          text += chunk
        })
        .once('end', () => {
          resolve(text)
        })
    })
      .once('error', reject)
      .end()
  })
}
