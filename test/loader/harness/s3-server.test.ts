import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3'
import t from 'tap'
import { s5cmdBinary } from '../../kit/tools/go-binaries.ts'
import { pseudoRandomBytes } from '../../kit/tools/pseudo-random.ts'
import { startS3Server, type S3Server } from '../../kit/s3/s3-server.ts'

// The first run on a machine builds the server from source.
t.setTimeout(15 * 60 * 1000)

const MIB = 1024 * 1024

t.test('pseudo-random bytes are the same whatever range is asked for', (t) => {
  const whole = pseudoRandomBytes('seed', 0, 1000)
  for (const [offset, length] of [
    [0, 16],
    [1, 5],
    [15, 2],
    [16, 100],
    [999, 1],
  ] as const) {
    t.ok(
      pseudoRandomBytes('seed', offset, length).equals(whole.subarray(offset, offset + length)),
      `${offset}+${length}`,
    )
  }
  t.notOk(pseudoRandomBytes('another', 0, 1000).equals(whole))
  t.end()
})

for (const tls of [true, false]) {
  t.test(`s5cmd copies from the server over ${tls ? 'HTTPS' : 'HTTP'}`, async (t) => {
    const server = await startIn(t.testdir(), tls)
    t.teardown(() => server.stop())
    const stored = await server.putObject('models', 'a/b.bin', 3 * MIB)
    const target = join(t.testdirName, 'out.bin')
    await s5cmd(server, ['cp', 's3://models/a/b.bin', target])
    const content = await readFile(target)
    t.equal(createHash('sha256').update(content).digest('hex'), stored.sha256)
    t.equal(stored.etag, `"${createHash('md5').update(content).digest('hex')}"`)
  })
}

t.test('a server over HTTPS', async (t) => {
  const server = await startIn(t.testdir(), true)
  t.teardown(() => server.stop())
  const head = (key: string) =>
    server.client.send(new HeadObjectCommand({ Bucket: 'models', Key: key, ChecksumMode: 'ENABLED' }))
  const get = (key: string, options: { Range?: string; IfMatch?: string } = {}): Promise<GetObjectCommandOutput> =>
    server.client.send(new GetObjectCommand({ Bucket: 'models', Key: key, ...options }))

  for (const checksum of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA256', 'SHA1'] as const) {
    await t.test(`tells the ${checksum} of an object that was uploaded whole`, async (t) => {
      await server.putObject('models', checksum, 'content', { checksum })
      const answer = await head(checksum)
      t.equal(answer.ChecksumType, 'FULL_OBJECT')
      t.match(answer[`Checksum${checksum}`], /^[A-Za-z0-9+/]+=*$/)
    })
  }

  for (const [checksum, checksumType] of [
    ['CRC32', 'COMPOSITE'],
    ['CRC32C', 'FULL_OBJECT'],
    ['CRC64NVME', 'FULL_OBJECT'],
    ['SHA256', 'COMPOSITE'],
  ] as const) {
    await t.test(`tells the ${checksumType} ${checksum} of a multipart upload`, async (t) => {
      const stored = await server.putObject('models', `${checksum}-parts`, 11 * MIB, {
        checksum,
        checksumType,
        multipartBytes: 5 * MIB,
      })
      const answer = await head(`${checksum}-parts`)
      t.equal(answer.ChecksumType, checksumType)
      t.equal(answer[`Checksum${checksum}`]?.endsWith('-3'), checksumType === 'COMPOSITE')
      t.equal(answer.ETag, stored.etag)
      t.match(stored.etag, /-3"$/)
      t.equal(answer.ContentLength, 11 * MIB)
    })
  }

  await t.test(
    'adds CRC64NVME to what was uploaded without checksum, and nothing to what was placed without',
    async (t) => {
      await server.putObject('models', 'uploaded-bare', 'content')
      await server.placeObject('models', 'placed-bare', 'content')
      const [uploaded, placed] = await Promise.all([head('uploaded-bare'), head('placed-bare')])
      t.strictSame([uploaded.ChecksumType, uploaded.ChecksumCRC64NVME], ['FULL_OBJECT', 'lhVdXyVQTGE='])
      t.strictSame(
        [placed.ChecksumType, placed.ChecksumCRC64NVME, placed.ChecksumCRC32],
        [undefined, undefined, undefined],
      )
    },
  )

  await t.test('answers ranges and honours If-Match', async (t) => {
    const { etag } = await server.putObject('models', 'ranged', '0123456789')
    const answer = await get('ranged', { Range: 'bytes=2-4', IfMatch: etag })
    t.equal(answer.ContentRange, 'bytes 2-4/10')
    t.equal(await answer.Body?.transformToString(), '234')
    await t.rejects(get('ranged', { IfMatch: '"0"' }), { name: 'PreconditionFailed' })
  })

  await t.test('serves what was placed beneath it like an upload', async (t) => {
    const placed = await server.placeObject('models', 'placed/deep/file', 'content', { checksum: 'CRC32' })
    const uploaded = await server.putObject('models', 'uploaded', 'content', { checksum: 'CRC32' })
    const [one, two] = await Promise.all([head('placed/deep/file'), head('uploaded')])
    t.strictSame(
      [one.ETag, one.ChecksumCRC32, one.ChecksumType, one.ContentLength],
      [two.ETag, two.ChecksumCRC32, two.ChecksumType, two.ContentLength],
    )
    t.equal(placed.etag, uploaded.etag)
    t.equal(placed.sha256, uploaded.sha256)
    t.equal(await (await get('placed/deep/file')).Body?.transformToString(), 'content')
  })

  await t.test('holds a huge object that takes no room', async (t) => {
    const size = 5 * 1024 * MIB
    const { etag } = await server.placeHole('models', 'huge', size)
    const answer = await get('huge', { Range: `bytes=${size - 2}-`, IfMatch: etag })
    t.equal(answer.ContentRange, `bytes ${size - 2}-${size - 1}/${size}`)
    t.strictSame(await answer.Body?.transformToByteArray(), new Uint8Array(2))
    t.ok((await stat(join(server.bucketDirectory('models'), 'huge'))).blocks < 1000)
  })

  await t.test('lists several pages of placed objects', async (t) => {
    await Promise.all(Array.from({ length: 25 }, (_, index) => server.placeObject('many', `p/${String(index)}`, 'x')))
    const sizes: number[] = []
    for await (const page of paginateListObjectsV2(
      { client: server.client, pageSize: 10 },
      { Bucket: 'many', Prefix: 'p/' },
    )) {
      sizes.push(page.Contents?.length ?? 0)
    }
    t.strictSame(sizes, [10, 10, 5])
  })

  await t.test('dates an object as configured', async (t) => {
    const date = new Date('2030-01-01T00:00:00Z')
    await server.putObject('models', 'future', 'x')
    await server.setLastModified('models', 'future', date)
    t.strictSame((await head('future')).LastModified, date)
  })
})

t.test('stop ends the process', async (t) => {
  const server = await startIn(t.testdir(), false)
  await server.stop()
  await t.rejects(fetch(server.endpoint), { cause: { code: 'ECONNREFUSED' } })
  await server.stop()
})

function startIn(directory: string, tls: boolean): Promise<S3Server> {
  return startS3Server(directory, { tls })
}

async function s5cmd(server: S3Server, args: readonly string[]): Promise<void> {
  await promisify(execFile)(await s5cmdBinary(), args, {
    env: {
      S3_ENDPOINT_URL: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      ...(server.caCertificateFile === undefined ? {} : { AWS_CA_BUNDLE: server.caCertificateFile }),
    },
  })
}
