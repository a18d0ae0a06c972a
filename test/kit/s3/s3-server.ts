/**
 * A real S3 server on loopback: versitygw over a directory. Its metadata (ETag, checksums) is in files
 * of its own, so that objects can be put in place without a request.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3'
import { versitygwBinary } from '../tools/go-binaries.ts'
import { createCertificateAuthority, issueCertificate } from '../webhook/pki.ts'
import { chunksOf, contentOf, sha256Of, type Content } from '../tools/pseudo-random.ts'
import { waitFor } from '../tools/wait-for.ts'

type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA256' | 'SHA1'

export interface PutOptions {
  /** Without it the server adds CRC64NVME of the whole object, as S3 does. */
  readonly checksum?: ChecksumAlgorithm
  /** Checksums of multipart uploads; S3's rules: SHA only COMPOSITE, CRC64NVME only FULL_OBJECT. */
  readonly checksumType?: 'FULL_OBJECT' | 'COMPOSITE'
  /** Uploads in parts of this size, 5 MiB at least; sizes over 64 MiB are uploaded in parts of 16 MiB without it. */
  readonly multipartBytes?: number
  /** Seed of pseudo-random content; BUCKET/KEY without it. */
  readonly seed?: string
}

interface PlaceOptions {
  /** Checksum of the whole object; without it the object has none, like those that S3 took before December 2024. */
  readonly checksum?: 'CRC32'
  readonly seed?: string
}

interface StoredObject {
  readonly key: string
  readonly size: number
  /** Quotes included. */
  readonly etag: string
  /** Hex. */
  readonly sha256: string
}

export interface S3Server {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** PEM; undefined over plain HTTP. */
  readonly caCertificate: string | undefined
  readonly caCertificateFile: string | undefined
  readonly client: S3Client
  createBucket(bucket: string): Promise<void>
  /** Uploads; a number is a size of pseudo-random content, of which no more than a few parts are in memory. Makes the bucket. */
  putObject(
    bucket: string,
    key: string,
    body: string | Uint8Array | number,
    options?: PutOptions,
  ): Promise<StoredObject>
  /** Writes the object beneath the server, much faster than an upload. Over 64 MiB its ETag is like that of a multipart upload. */
  placeObject(
    bucket: string,
    key: string,
    body: string | Uint8Array | number,
    options?: PlaceOptions,
  ): Promise<StoredObject>
  /** The same without content: zeros that take neither room nor time. */
  placeHole(bucket: string, key: string, size: number): Promise<{ readonly size: number; readonly etag: string }>
  deleteObject(bucket: string, key: string): Promise<void>
  setLastModified(bucket: string, key: string, date: Date): Promise<void>
  /** The directory with the objects of the bucket as files. */
  bucketDirectory(bucket: string): string
  /** May be called more than once. */
  stop(): Promise<void>
}

interface Gateway {
  readonly directory: string
  readonly tls: Tls | undefined
  readonly endpoint: string
  readonly child: ChildProcess
}

interface Tls {
  readonly certificateFile: string
  readonly keyFile: string
  readonly caCertificateFile: string
}

const REGION = 'eu-west-1'
const ACCESS_KEY_ID = 'AKIAROOTOFTHETESTS00'
const SECRET_ACCESS_KEY = 'root/of+the/tests='
const START_ATTEMPTS = 3
const READY_TIMEOUT_SECONDS = 60
const END_TIMEOUT_MILLISECONDS = 10_000
const MULTIPART_FROM = 64 * 1024 * 1024
const PART = 16 * 1024 * 1024
const PARALLEL_PARTS = 2

/** Everything of it, the log included (s3.log), is in the directory, which stays. */
export async function startS3Server(directory: string, { tls }: { tls: boolean }): Promise<S3Server> {
  await mkdir(join(directory, 'buckets'), { recursive: true })
  await mkdir(join(directory, 'metadata'), { recursive: true })
  const certificate = tls ? await makeCertificate(directory) : undefined
  for (let attempt = 1; ; attempt++) {
    const gateway = await runGateway(directory, certificate)
    const server = await describe(gateway)
    try {
      await waitUntilReady(gateway, server)
      return server
    } catch (error) {
      await server.stop()
      const log = await readFile(join(directory, 's3.log'), 'utf8')
      const isPortTaken = log.includes('address already in use')
      if (!isPortTaken || attempt === START_ATTEMPTS) {
        throw new Error(`the S3 server did not start: ${log}`, { cause: error })
      }
    }
  }
}

async function makeCertificate(directory: string): Promise<Tls> {
  const authority = await createCertificateAuthority(directory, 's3-ca')
  const request = {
    name: 's3',
    subject: '/CN=s3',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1', 'DNS:localhost'],
  } as const
  return { ...(await issueCertificate(directory, authority, request)), caCertificateFile: authority.certificateFile }
}

async function runGateway(directory: string, tls: Tls | undefined): Promise<Gateway> {
  const address = `127.0.0.1:${await freePort()}`
  const certificate = tls === undefined ? [] : ['--cert', tls.certificateFile, '--key', tls.keyFile]
  const log = openSync(join(directory, 's3.log'), 'w')
  const child = spawn(
    await versitygwBinary(),
    [
      // Without --keep-alive it closes the connection after every answer, which S3 does not.
      '--port',
      address,
      '--region',
      REGION,
      '--keep-alive',
      '--quiet',
      ...certificate,
      'posix',
      '--sidecar',
      join(directory, 'metadata'),
      join(directory, 'buckets'),
    ],
    {
      stdio: ['ignore', log, log],
      env: { ...process.env, ROOT_ACCESS_KEY_ID: ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY },
    },
  )
  closeSync(log)
  // A test that ends in the middle must not leave it running.
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  child.once('exit', () => {
    process.off('exit', kill)
  })
  return { directory, tls, child, endpoint: `${tls === undefined ? 'http' : 'https'}://${address}` }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function describe(gateway: Gateway): Promise<S3Server> {
  const caCertificate = gateway.tls === undefined ? undefined : await readFile(gateway.tls.caCertificateFile, 'utf8')
  const client = makeClient(gateway.endpoint, caCertificate)
  const bucketDirectory = (bucket: string): string => join(gateway.directory, 'buckets', bucket)
  const buckets = new Map<string, Promise<void>>()
  const createBucket = (bucket: string): Promise<void> => {
    const created = buckets.get(bucket) ?? makeBucket(client, bucket)
    buckets.set(bucket, created)
    return created
  }
  let stopped: Promise<void> | undefined
  return {
    endpoint: gateway.endpoint,
    region: REGION,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    caCertificate,
    caCertificateFile: gateway.tls?.caCertificateFile,
    client,
    createBucket,
    bucketDirectory,
    putObject: async (bucket, key, body, options = {}) => {
      await createBucket(bucket)
      return await upload(client, { bucket, key }, contentOf(body, options.seed ?? `${bucket}/${key}`), options)
    },
    placeObject: async (bucket, key, body, options = {}) => {
      await createBucket(bucket)
      return await place(
        gateway.directory,
        { bucket, key },
        contentOf(body, options.seed ?? `${bucket}/${key}`),
        options,
      )
    },
    placeHole: async (bucket, key, size) => {
      await createBucket(bucket)
      return await placeHole(gateway.directory, { bucket, key }, size)
    },
    deleteObject: async (bucket, key) => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    },
    setLastModified: (bucket, key, date) => utimes(join(bucketDirectory(bucket), key), date, date),
    stop: () => (stopped ??= stopGateway(gateway, client)),
  }
}

function makeClient(endpoint: string, caCertificate: string | undefined): S3Client {
  return new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
    // Objects have the checksum that a test asks for and no other.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(caCertificate === undefined
      ? {}
      : { requestHandler: { httpsAgent: new Agent({ ca: caCertificate, keepAlive: true }) } }),
  })
}

async function waitUntilReady({ child }: Gateway, { client }: S3Server): Promise<void> {
  const ended = new AbortController()
  child.once('exit', (code) => {
    ended.abort(new Error(`it exited with code ${code ?? 'none'}`))
  })
  child.once('error', (error) => {
    ended.abort(error)
  })
  await waitFor('an answer of the S3 server', () => client.send(new ListBucketsCommand({})), {
    timeoutSeconds: READY_TIMEOUT_SECONDS,
    signal: ended.signal,
  })
}

async function stopGateway({ child }: Gateway, client: S3Client): Promise<void> {
  client.destroy()
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MILLISECONDS)
  await exited
  clearTimeout(timer)
}

async function makeBucket(client: S3Client, bucket: string): Promise<void> {
  const exists = await client.send(new HeadBucketCommand({ Bucket: bucket })).then(
    () => true,
    () => false,
  )
  if (!exists) await client.send(new CreateBucketCommand({ Bucket: bucket }))
}

interface Place {
  readonly bucket: string
  readonly key: string
}

async function upload(
  client: S3Client,
  { bucket, key }: Place,
  content: Content,
  options: PutOptions,
): Promise<StoredObject> {
  const etag =
    content.size > MULTIPART_FROM || options.multipartBytes !== undefined
      ? await uploadInParts(client, { bucket, key }, content, options)
      : await uploadWhole(client, { bucket, key }, content, options)
  return { key, size: content.size, etag, sha256: sha256Of(content) }
}

async function uploadWhole(
  client: S3Client,
  { bucket, key }: Place,
  content: Content,
  { checksum }: PutOptions,
): Promise<string> {
  const answer = await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: content.bytes(0, content.size),
      ...(checksum === undefined ? {} : { ChecksumAlgorithm: checksum }),
    }),
  )
  return answer.ETag ?? ''
}

async function uploadInParts(
  client: S3Client,
  { bucket, key }: Place,
  content: Content,
  options: PutOptions,
): Promise<string> {
  const { checksum, checksumType, multipartBytes = PART } = options
  const target = { Bucket: bucket, Key: key }
  const type = checksumType === undefined ? {} : { ChecksumType: checksumType }
  const algorithm = checksum === undefined ? {} : { ChecksumAlgorithm: checksum }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...target, ...algorithm, ...type }))
  const uploadPart = async (number: number): Promise<CompletedPart> => {
    const offset = (number - 1) * multipartBytes
    const body = content.bytes(offset, Math.min(multipartBytes, content.size - offset))
    const part = await client.send(
      new UploadPartCommand({ ...target, ...algorithm, UploadId, PartNumber: number, Body: body }),
    )
    const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } = part
    return { PartNumber: number, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 }
  }
  const Parts = await inParallel(PARALLEL_PARTS, Math.ceil(content.size / multipartBytes), (index) =>
    uploadPart(index + 1),
  )
  const answer = await client.send(
    new CompleteMultipartUploadCommand({ ...target, ...type, UploadId, MultipartUpload: { Parts } }),
  )
  return answer.ETag ?? ''
}

async function inParallel<T>(width: number, count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await act(index)
  }
  await Promise.all(Array.from({ length: width }, work))
  return results
}

async function place(
  directory: string,
  target: Place,
  content: Content,
  { checksum }: PlaceOptions,
): Promise<StoredObject> {
  const { file, metadata } = await makeRoom(directory, target)
  const digests = await writeContent(file, content)
  await writeFile(join(metadata, 'etag'), digests.etag)
  if (checksum !== undefined) {
    await writeFile(
      join(metadata, 'checksums'),
      JSON.stringify({ Algorithm: 'CRC32', Type: 'FULL_OBJECT', CRC32: digests.crc32 }),
    )
  }
  return { key: target.key, size: content.size, etag: digests.etag, sha256: digests.sha256 }
}

async function placeHole(directory: string, target: Place, size: number): Promise<{ size: number; etag: string }> {
  const { file, metadata } = await makeRoom(directory, target)
  await writeFile(file, '')
  await truncate(file, size)
  const etag = `"${'0'.repeat(32)}-${Math.max(1, Math.ceil(size / PART))}"`
  await writeFile(join(metadata, 'etag'), etag)
  return { size, etag }
}

async function makeRoom(directory: string, { bucket, key }: Place): Promise<{ file: string; metadata: string }> {
  const file = join(directory, 'buckets', bucket, key)
  const metadata = join(directory, 'metadata', bucket, key, 'meta')
  await mkdir(dirname(file), { recursive: true })
  await rm(metadata, { recursive: true, force: true })
  await mkdir(metadata, { recursive: true })
  return { file, metadata }
}

async function writeContent(path: string, content: Content): Promise<{ etag: string; sha256: string; crc32: string }> {
  const md5 = createHash('md5')
  const sha256 = createHash('sha256')
  const inParts = content.size > MULTIPART_FROM
  let crc = 0
  await using file = await open(path, 'w')
  for (const chunk of chunksOf(content)) {
    await file.write(chunk)
    sha256.update(chunk)
    crc = crc32(chunk, crc)
    if (!inParts) md5.update(chunk)
  }
  const digest = sha256.digest('hex')
  // MD5 is the slowest of the three. The ETag of a multipart upload is no MD5 of the content anyway.
  const etag = inParts ? `"${digest.slice(0, 32)}-${Math.ceil(content.size / PART)}"` : `"${md5.digest('hex')}"`
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc)
  return { etag, sha256: digest, crc32: checksum.toString('base64') }
}
