/**
 * Reads and validates one page of a listing. Any body with status 200 could pass for a page: a web page, an empty body and other
 * XML have no objects, which ends a listing, and half a model would look complete.
 */
import { quote } from '../values/print/printable.ts'
import { notAPage } from './listing-text.ts'
import { checksumAlgorithms, type ListedObject } from './s3.ts'
import { readXmlList, type ElementFields, type XmlList } from './xml-list.ts'

export interface ListingPage {
  readonly objects: readonly DatedListedObject[]
  /** Groups of keys, whose names end in the delimiter. */
  readonly prefixes: readonly string[]
  /** True if the server announces more pages; the token of the next one may still be missing. */
  readonly hasMore: boolean
  readonly token: string | undefined
}

interface DatedListedObject extends ListedObject {
  readonly modifiedMs: number
}

export interface PageQuery {
  readonly prefix: string
  readonly delimiter?: '/'
  readonly token?: string | undefined
  readonly count?: number | undefined
}

export const archivedClasses: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE']

/** Throws an S3Error for a text that is no page of this listing. */
export function readPage(text: string, { prefix: asked, delimiter }: PageQuery): ListingPage {
  const { fields, items } = readList(text)
  const contents = items.get('Contents') ?? []
  const prefixes = items.get('CommonPrefixes') ?? []
  const decode = decoderOf(fields.get('EncodingType'))
  refuseOtherQuestion(fields, { asked, decode, found: contents.length + prefixes.length })
  if (delimiter === undefined && prefixes.length > 0) {
    throw notAPage('a listing that groups keys, for which it was not asked')
  }
  const within = (name: string): string => {
    if (!name.startsWith(asked)) throw notAPage(`a listing that has ${quote(name)}, which is not below ${quote(asked)}`)
    return name
  }
  const keyOf = (name: string): string => {
    if (delimiter === undefined || !within(name).includes(delimiter, asked.length)) return within(name)
    throw notAPage(`a listing that has ${quote(name)}, though it was asked to group such keys`)
  }
  const groupOf = (name: string): string => {
    if (within(name).length > asked.length && name.endsWith(delimiter ?? '')) return name
    throw notAPage(`a listing that has the group ${quote(name)}, which is none`)
  }
  const token = fields.get('NextContinuationToken')
  return {
    objects: contents.map((content) => readObject(content, (key) => keyOf(decode(key)))),
    prefixes: prefixes.map((group) => groupOf(decode(group.get('Prefix') ?? ''))),
    hasMore: fields.get('IsTruncated')?.toLowerCase() === 'true',
    token: token === '' ? undefined : token,
  }
}

function readList(text: string): XmlList {
  try {
    return readXmlList(text, { Contents: 1, CommonPrefixes: 1 })
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw notAPage(`a listing that cannot be read: ${quote(line)}`)
  }
}

interface Asked {
  readonly asked: string
  readonly decode: (key: string) => string
  /** Number of keys and groups on the page. */
  readonly found: number
}

/** A cache that ignores the query answers every request with its first response. */
function refuseOtherQuestion(fields: ElementFields, { asked, decode, found }: Asked): void {
  const echoed = fields.get('Prefix') ?? ''
  if (!asked.startsWith(echoed) && !asked.startsWith(decode(echoed))) {
    throw notAPage(`the listing of another prefix, ${quote(echoed)}`)
  }
  const count = fields.get('KeyCount')
  if (count !== undefined && !(/^\d{1,10}$/.test(count) && Number(count) <= found)) {
    throw notAPage(`a listing that says it has ${shown(count)} keys and has ${found}`)
  }
}

function shown(count: string): string {
  return /^\d{1,10}$/.test(count) ? count : quote(count)
}

function readObject(content: ElementFields, nameOf: (key: string) => string): DatedListedObject {
  const written = content.get('Key') ?? ''
  if (written === '') throw notAPage('a listing that has an object without a key')
  const key = nameOf(written)
  const sizeText = content.get('Size')
  if (sizeText === undefined) throw notAPage(`a listing that has no size for ${quote(key)}`)
  const size = Number(sizeText)
  if (!Number.isSafeInteger(size)) throw notAPage(`a listing that has ${size} bytes for ${quote(key)}`)
  // Its own text would be kept for each of 100,000 objects.
  const checksumAlgorithm = checksumAlgorithms.find((name) => name === content.get('ChecksumAlgorithm'))
  const modifiedMs = Date.parse(content.get('LastModified') ?? '')
  return {
    key,
    size,
    etag: content.get('ETag') ?? '',
    archived: isArchived(content),
    ...(checksumAlgorithm !== undefined && { checksumAlgorithm }),
    modifiedMs: Number.isNaN(modifiedMs) ? 0 : modifiedMs,
  }
}

function isArchived(content: ElementFields): boolean {
  return archivedClasses.includes(content.get('StorageClass') ?? '') && !content.has('RestoreStatus.RestoreExpiryDate')
}

/** Not every S3-compatible server encodes; those that do say so. */
function decoderOf(encoding = ''): (key: string) => string {
  if (encoding === '') return (key) => key
  if (encoding !== 'url') throw notAPage(`a listing of the encoding ${quote(encoding)}`)
  return (key) => {
    try {
      return decodeURIComponent(key.replaceAll('+', ' '))
    } catch {
      throw notAPage(`a listing that has the key ${quote(key)}, which is not encoded as the listing says`)
    }
  }
}
