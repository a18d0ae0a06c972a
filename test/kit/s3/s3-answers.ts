/** Answers of S3: errors and listings. */

export interface S3ErrorAnswer {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
  /** Elements in addition to Code and Message. */
  readonly details?: Readonly<Record<string, string>>
}

export function errorXml({ code, message, details = {} }: S3ErrorAnswer, requestId: string): string {
  const elements = { Code: code, Message: message, ...details, RequestId: requestId, HostId: 'host/of+the/proxy=' }
  return `${declaration}<Error>${Object.entries(elements)
    .map(([name, text]) => element(name, text))
    .join('')}</Error>`
}

export interface AnsweredObject {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly lastModified: Date
  readonly storageClass: string
  readonly checksumAlgorithm?: string | undefined
  readonly checksumType?: string | undefined
}

export interface ListingQuery {
  readonly bucket: string
  readonly prefix: string
  readonly delimiter: string | undefined
  readonly maxKeys: number
  readonly continuationToken: string | undefined
  readonly startAfter: string | undefined
  readonly urlEncoded: boolean
}

export interface AnsweredPage {
  readonly objects: readonly AnsweredObject[]
  readonly commonPrefixes: readonly string[]
  readonly nextToken: string | undefined
}

export function listingXml(query: ListingQuery, page: AnsweredPage): string {
  const encode = (text: string): string => (query.urlEncoded ? urlEncode(text) : text)
  const contents = page.objects.map((object) => element('Contents', contentsOf(object, encode), false))
  const prefixes = page.commonPrefixes.map((prefix) =>
    element('CommonPrefixes', element('Prefix', encode(prefix)), false),
  )
  return `${declaration}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${[
    element('Name', query.bucket),
    element('Prefix', encode(query.prefix)),
    optionalElement('Delimiter', query.delimiter === undefined ? undefined : encode(query.delimiter)),
    optionalElement('StartAfter', query.startAfter === undefined ? undefined : encode(query.startAfter)),
    optionalElement('ContinuationToken', query.continuationToken),
    optionalElement('NextContinuationToken', page.nextToken),
    element('KeyCount', String(contents.length + prefixes.length)),
    element('MaxKeys', String(query.maxKeys)),
    optionalElement('EncodingType', query.urlEncoded ? 'url' : undefined),
    element('IsTruncated', String(page.nextToken !== undefined)),
    ...contents,
    ...prefixes,
  ].join('')}</ListBucketResult>`
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

function contentsOf(object: AnsweredObject, encode: (text: string) => string): string {
  return [
    element('Key', encode(object.key)),
    element('LastModified', object.lastModified.toISOString()),
    element('ETag', object.etag),
    optionalElement('ChecksumAlgorithm', object.checksumAlgorithm),
    optionalElement('ChecksumType', object.checksumType),
    element('Size', String(object.size)),
    element('StorageClass', object.storageClass),
  ].join('')
}

function optionalElement(name: string, text: string | undefined): string {
  return text === undefined ? '' : element(name, text)
}

function element(name: string, content: string, isText = true): string {
  return `<${name}>${isText ? escapeText(content) : content}</${name}>`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Control characters become references that XML 1.0 forbids; that is why clients may ask for `encoding-type=url`. */
function escapeText(text: string): string {
  return text.replace(/[&<>"\u0000-\u001f]/g, (character) => entities[character] ?? `&#${character.charCodeAt(0)};`)
}

/** A form's encoding, but for the slash. */
function urlEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1).replaceAll('%2F', '/')
}
