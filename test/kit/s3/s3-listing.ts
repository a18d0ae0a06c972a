/** Listings of the server with entries of a test's own: keys that no file can have, and objects other than they are. */
import { createHash } from 'node:crypto'
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import type { AnsweredObject, AnsweredPage, ListingQuery } from './s3-answers.ts'

export interface ForgedObject {
  readonly key: string
  /** Answer to a GET; without it, the object of the server under that key. */
  readonly body?: string | Uint8Array
  /** In listings only, where it may lie. */
  readonly size?: number
  readonly lastModified?: Date
  /** GLACIER and DEEP_ARCHIVE cannot be read. */
  readonly storageClass?: string
  readonly etag?: string
}

/** Forged entries of the listing of one bucket, in addition to the server's; undefined hides one. */
export type Forgeries = ReadonlyMap<string, ForgedObject | undefined>

interface Item {
  readonly name: string
  /** Undefined for a common prefix. */
  readonly object: AnsweredObject | undefined
}

// Any key of the prefix sorts before it.
const LAST_CHARACTER = '\u{10ffff}'

export async function listPage(client: S3Client, query: ListingQuery, forgeries: Forgeries): Promise<AnsweredPage> {
  const after =
    query.continuationToken === undefined
      ? (query.startAfter ?? '')
      : Buffer.from(query.continuationToken, 'base64url').toString()
  const answer = await client.send(
    new ListObjectsV2Command({
      Bucket: query.bucket,
      Prefix: query.prefix,
      Delimiter: query.delimiter,
      MaxKeys: Math.max(1, query.maxKeys),
      StartAfter: after === '' ? undefined : after,
    }),
  )
  const objects = (answer.Contents ?? []).map(
    (content): AnsweredObject => ({
      key: content.Key ?? '',
      size: content.Size ?? 0,
      etag: content.ETag ?? '',
      lastModified: content.LastModified ?? new Date(0),
      storageClass: content.StorageClass ?? 'STANDARD',
      checksumAlgorithm: content.ChecksumAlgorithm?.[0],
      checksumType: content.ChecksumType,
    }),
  )
  const stored: Item[] = [
    ...objects.map((object) => ({ name: object.key, object })),
    ...(answer.CommonPrefixes ?? []).map(({ Prefix = '' }) => ({ name: Prefix, object: undefined })),
  ]
  const names = stored.map(({ name }) => name).sort(byBytes)
  // Keys after the end of a page that is not the last one belong to a later page.
  const end = answer.IsTruncated === true ? names.at(-1) : undefined
  const isHere = ({ name }: Item): boolean => byBytes(name, after) > 0 && (end === undefined || byBytes(name, end) <= 0)
  return pageOf([...merged(stored, query, forgeries).filter(isHere)], end !== undefined, query)
}

function merged(stored: readonly Item[], { prefix, delimiter }: ListingQuery, forgeries: Forgeries): Item[] {
  const items = new Map(stored.filter(({ name }) => !forgeries.has(name)).map((item) => [item.name, item]))
  const originals = new Map(stored.map(({ name, object }) => [name, object]))
  for (const [key, forged] of forgeries) {
    if (forged === undefined || !key.startsWith(prefix)) continue
    const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length)
    const name = cut === -1 ? key : key.slice(0, cut + (delimiter?.length ?? 0))
    items.set(name, { name, object: cut === -1 ? describeForged(forged, originals.get(key)) : undefined })
  }
  return [...items.values()].sort((one, other) => byBytes(one.name, other.name))
}

function pageOf(items: readonly Item[], moreBehind: boolean, { maxKeys }: ListingQuery): AnsweredPage {
  const page = items.slice(0, maxKeys)
  const last = page.at(-1)
  return {
    objects: page.flatMap(({ object }) => object ?? []),
    commonPrefixes: page.flatMap(({ name, object }) => (object === undefined ? name : [])),
    nextToken: last !== undefined && (moreBehind || items.length > page.length) ? tokenAfter(last) : undefined,
  }
}

function tokenAfter({ name, object }: Item): string {
  return Buffer.from(object === undefined ? `${name}${LAST_CHARACTER}` : name).toString('base64url')
}

/** Entries that are not forged are the server's. */
export function describeForged({ key, body = '', ...forged }: ForgedObject, original?: AnsweredObject): AnsweredObject {
  const own: AnsweredObject = {
    key,
    size: Buffer.byteLength(body),
    etag: `"${createHash('md5').update(body).digest('hex')}"`,
    lastModified: new Date('2026-01-01T00:00:00Z'),
    storageClass: 'STANDARD',
  }
  return { ...own, ...original, ...forged }
}

/** S3 sorts by UTF-8 bytes, JavaScript by UTF-16 units. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
