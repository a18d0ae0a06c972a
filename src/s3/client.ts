/** The S3 client of the loader, the publisher and `check`: listings, HEADs and small objects. The transfer has its own connections. */
import { notAPage, errorStatusOf, longestPageBytes } from './listing-text.ts'
import type { Answer } from './connections.ts'
import { followPages } from './follow-pages.ts'
import { checksumMode, quoteEtag, type RequestTarget } from './http/request.ts'
import type { Head } from './http/response.ts'
import { archivedClasses, readPage, type ListingPage, type PageQuery } from './listing-page.ts'
import { Sender, type Question, type SenderOptions } from './sender.ts'
import { checksumAlgorithms, type DatedObject, type ListedObject, type ObjectHead, type S3 } from './s3.ts'
import { problemOf, S3Error } from './s3-error.ts'
import { readXmlList } from './xml-list.ts'

export interface S3Options extends SenderOptions {
  /** Limit for all pages of one listing together; without it only the signal bounds them. */
  readonly longestListingMs?: number | undefined
}

/** No answer but a page and an object has more. */
const longestAnswerBytes = 2 ** 20

export function s3Client(options: S3Options): S3 {
  const sender = new Sender(options)
  const page = (bucket: string, query: PageQuery): Promise<ListingPage> => askPage(sender, bucket, query)
  const pages = (bucket: string, query: PageQuery): AsyncGenerator<ListingPage> =>
    followPages((token) => page(bucket, { ...query, token }), options.longestListingMs)
  return {
    async *list(bucket, prefix) {
      for await (const { objects } of pages(bucket, { prefix })) yield objects.map(listed)
    },
    peek: async (bucket, prefix, count) => (await page(bucket, { prefix, count })).objects.map(listed),
    async *directories(bucket, prefix) {
      for await (const { prefixes } of pages(bucket, { prefix, delimiter: '/' })) yield namesOf(prefixes, prefix)
    },
    peekDirectories: async (bucket, prefix, count) =>
      namesOf((await page(bucket, { prefix, delimiter: '/', count })).prefixes, prefix),
    find: (bucket, key) => findIn(pages(bucket, { prefix: key, count: 1 }), key),
    head: (bucket, key) => headObject(sender, bucket, key),
    read: async (bucket, key, etag, mostBytes) => {
      const tooLong = (): Error => new RangeError(`${key} has more than ${mostBytes} bytes`)
      const headers = { 'if-match': quoteEtag(etag) }
      return (await sender.send(bucket, { target: { method: 'GET', key, headers }, mostBytes, tooLong })).body
    },
    readFirstByte: async (bucket, key) => {
      await sender.send(bucket, question(firstByteOf(key)))
    },
    tags: async (bucket, key) =>
      readTags((await sender.send(bucket, question({ method: 'GET', key, query: { tagging: '' } }))).body.toString()),
    close: sender.close,
  }
}

function question(target: RequestTarget): Question {
  return {
    target,
    mostBytes: longestAnswerBytes,
    tooLong: () => new S3Error(problemOf('protocol', `the server answered with more than ${longestAnswerBytes} bytes`)),
  }
}

function firstByteOf(key: string): RequestTarget {
  return { method: 'GET', key, headers: { range: 'bytes=0-0' } }
}

async function askPage(sender: Sender, bucket: string, query: PageQuery): Promise<ListingPage> {
  const { prefix, delimiter, token, count } = query
  const target: RequestTarget = {
    method: 'GET',
    query: {
      'list-type': '2',
      prefix,
      // Because XML has no way to write some characters that keys may have.
      'encoding-type': 'url',
      ...(delimiter !== undefined && { delimiter }),
      ...(token !== undefined && { 'continuation-token': token }),
      ...(count !== undefined && { 'max-keys': String(count) }),
    },
  }
  const tooLong = (): Error => notAPage(`more than ${longestPageBytes} bytes, which is no page of a listing`)
  try {
    const { body } = await sender.send(bucket, {
      target,
      mostBytes: longestPageBytes,
      tooLong,
      optional: { 'x-amz-optional-object-attributes': 'RestoreStatus' },
      problemIn: errorInListing,
    })
    return readPage(body.toString(), query)
  } catch (error) {
    // Not to be found is then the bucket.
    if (!(error instanceof S3Error) || error.problem.kind !== 'notFound') throw error
    throw new S3Error({ ...error.problem, kind: 'noSuchBucket' }, error)
  }
}

/** S3 may answer 200 before it fails. */
function errorInListing({ head, body }: Answer): Head | undefined {
  const status = errorStatusOf(body.toString(), head.headers.get('content-encoding'))
  return status === undefined ? undefined : { ...head, status }
}

async function findIn(pages: AsyncIterable<ListingPage>, key: string): Promise<DatedObject | undefined> {
  for await (const { objects } of pages) {
    // The key itself comes before all others that begin with it. A page may be empty although there are more.
    if (objects.length === 0) continue
    const found = objects.find((object) => object.key === key)
    return found && { etag: found.etag, size: found.size, lastModified: new Date(found.modifiedMs) }
  }
  return undefined
}

async function headObject(sender: Sender, bucket: string, key: string): Promise<ObjectHead> {
  try {
    const target: RequestTarget = { method: 'HEAD', key }
    const { head } = await sender.send(bucket, { ...question(target), optional: checksumMode })
    return readHead(key, head)
  } catch (error) {
    throw await reasonOf(error, sender, { bucket, key })
  }
}

/** An error response to a HEAD has no body: a GET of one byte tells the reason. */
async function reasonOf(
  error: unknown,
  sender: Sender,
  { bucket, key }: { readonly bucket: string; readonly key: string },
): Promise<unknown> {
  if (!(error instanceof S3Error) || ![400, 403].includes(error.problem.status)) return error
  const problem = await sender.send(bucket, question(firstByteOf(key))).then(
    () => error.problem,
    (again: unknown) => (again instanceof S3Error ? again.problem : error.problem),
  )
  if (problem.kind !== 'denied') return new S3Error(problem, error)
  const hint = 'S3 answers so for a missing key too, unless s3:ListBucket is allowed'
  return new S3Error({ ...problem, message: `${problem.message} (${hint})` }, error)
}

function readHead(key: string, { headers, bodyLength }: Head): ObjectHead {
  const checksumType = headers.get('x-amz-checksum-type')
  const values = checksumAlgorithms.flatMap((algorithm) => {
    const value = headers.get(`x-amz-checksum-${algorithm.toLowerCase()}`)
    return value === undefined ? [] : [[algorithm, value] as const]
  })
  const composite = checksumType === 'COMPOSITE'
  const whole = values.filter(([, value]) => !composite && !value.includes('-'))
  return {
    key,
    size: bodyLength,
    etag: headers.get('etag') ?? '',
    composite,
    checksums: Object.fromEntries(whole),
    archived:
      archivedClasses.includes(headers.get('x-amz-storage-class') ?? '') &&
      !(headers.get('x-amz-restore') ?? '').includes('ongoing-request="false"'),
  }
}

function readTags(text: string): ReadonlyMap<string, string> {
  try {
    const { root, items } = readXmlList(text, { Tag: 2 })
    if (root !== 'Tagging') throw new Error(`it is no Tagging, but ${root}`)
    return new Map((items.get('Tag') ?? []).map((tag) => [tag.get('Key') ?? '', tag.get('Value') ?? '']))
  } catch (error) {
    throw new S3Error(problemOf('notS3', 'not S3: the server answered with something that is no list of tags'), error)
  }
}

function namesOf(prefixes: readonly string[], prefix: string): readonly string[] {
  return prefixes.map((name) => name.slice(prefix.length, -1))
}

function listed({ key, size, etag, archived, checksumAlgorithm }: ListedObject): ListedObject {
  return { key, size, etag, archived, ...(checksumAlgorithm !== undefined && { checksumAlgorithm }) }
}
