/**
 * Reads and validates one page of a listing. The SDK accepts any body with status 200 as a page: a web page, an empty body and
 * other XML become pages without objects, which end the listing, and half a model would look complete. So the text is checked
 * before the SDK parses it, and the parsed page is checked again.
 */
import {
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { quote } from '../values/printable.ts'
import { checkResponse, notAPage, type ListingResponse } from './listing-text.ts'
import { S3Error, type ListedObject } from './s3-api.ts'

export interface ListingPage {
  readonly objects: readonly DatedListedObject[]
  /** Groups of keys, whose names end in the delimiter. */
  readonly prefixes: readonly string[]
  /** True if the server announces more pages; the token of the next one may still be missing. */
  readonly hasMore: boolean
  readonly token: string | undefined
}

interface DatedListedObject extends ListedObject {
  readonly lastModified: Date
}

type ListingQuery = Omit<ListObjectsV2CommandInput, 'EncodingType'>

const archivedClasses: readonly (string | undefined)[] = ['GLACIER', 'DEEP_ARCHIVE']

/** Requests one page. Throws an S3Error for any other content, or the SDK's own errors. */
export async function askPage(
  client: S3Client,
  query: ListingQuery,
  options: { readonly abortSignal: AbortSignal },
): Promise<ListingPage> {
  // Encoded, because XML has no way to write some characters that keys may have.
  const command = new ListObjectsV2Command({ ...query, EncodingType: 'url' })
  const seen: { response?: ListingResponse } = {}
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const response = result.response as ListingResponse
      await checkResponse(response)
      seen.response = response
      return result
    },
    // Closest to the network, so that no other middleware buffers an endless body.
    { step: 'deserialize', priority: 'low', name: 'checkListingText' },
  )
  try {
    return readPage(await client.send(command, options), query)
  } catch (error) {
    if (error instanceof S3Error || seen.response?.statusCode !== 200) throw error
    // The SDK cannot parse a text that began as a listing.
    throw notAPage(`a listing that cannot be read: ${firstLine(error)}`)
  }
}

function readPage(
  answer: ListObjectsV2CommandOutput,
  { Prefix: asked = '', Delimiter: delimiter }: ListingQuery,
): ListingPage {
  const decode = decoderOf(answer)
  const { Contents: contents = [], CommonPrefixes: groups = [] } = answer
  refuseOtherQuestion(answer, asked, decode)
  if (delimiter === undefined && groups.length > 0) {
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
  return {
    objects: contents.map((content) => readObject(content, (key) => keyOf(decode(key)))),
    prefixes: groups.map(({ Prefix: name = '' }) => groupOf(decode(name))),
    hasMore: answer.IsTruncated === true,
    token: answer.NextContinuationToken === '' ? undefined : answer.NextContinuationToken,
  }
}

/** A cache that ignores the query answers every request with its first response. */
function refuseOtherQuestion(
  {
    Prefix: echoed = '',
    KeyCount: count,
    Contents: contents = [],
    CommonPrefixes: groups = [],
  }: ListObjectsV2CommandOutput,
  asked: string,
  decode: (key: string) => string,
): void {
  if (!asked.startsWith(echoed) && !asked.startsWith(decode(echoed))) {
    throw notAPage(`the listing of another prefix, ${quote(echoed)}`)
  }
  const found = contents.length + groups.length
  if (count !== undefined && !(count >= 0 && count <= found)) {
    throw notAPage(`a listing that says it has ${count} keys and has ${found}`)
  }
}

type Content = NonNullable<ListObjectsV2CommandOutput['Contents']>[number]

function readObject(
  { Key = '', Size, ETag = '', StorageClass: storageClass, RestoreStatus: restored, LastModified }: Content,
  nameOf: (key: string) => string,
): DatedListedObject {
  if (Key === '') throw notAPage('a listing that has an object without a key')
  const key = nameOf(Key)
  if (Size === undefined) throw notAPage(`a listing that has no size for ${quote(key)}`)
  if (!Number.isSafeInteger(Size)) throw notAPage(`a listing that has ${Size} bytes for ${quote(key)}`)
  return {
    key,
    size: Size,
    etag: ETag,
    archived: archivedClasses.includes(storageClass) && restored?.RestoreExpiryDate === undefined,
    lastModified: LastModified ?? new Date(0),
  }
}

/** Not every S3-compatible server encodes; those that do say so. */
function decoderOf(answer: ListObjectsV2CommandOutput): (key: string) => string {
  const encoding: string = answer.EncodingType ?? ''
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

function firstLine(error: unknown): string {
  return quote((error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '')
}
