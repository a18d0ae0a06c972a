/** Which versions are published in the bucket: those with a manifest, and with the tag where one is wanted. */
import type { DatedObject, PublishedCalls } from '../aws/s3-published.ts'
import { LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { failureOf } from '../loader/s3-failure.ts'
import { quote } from '../values/printable.ts'
import type { S3Source } from '../values/source.ts'
import { isHiddenName, isVersionName } from './version-name.ts'

export const manifestName = 'manifest.sha256'

export interface Tag {
  readonly key: string
  readonly value: string
}

export interface Offer {
  readonly version: string
  readonly source: S3Source
  readonly manifest: {
    readonly key: string
    readonly etag: string
    readonly size: number
    /** As ISO 8601. */
    readonly lastModified: string
  }
}

export interface OfferRequest {
  readonly source: S3Source
  readonly requiredTag: Tag | undefined
  /** Not asked for: what was pruned stays away. */
  readonly isWanted: (version: string) => boolean
  /** Has passed already. */
  readonly isHeld: (version: string) => boolean
}

export interface Offers {
  readonly offers: readonly Offer[]
  /** Directories whose names cannot become paths. */
  readonly unsafe: readonly string[]
}

const asksAtOnce = 8

/** Throws a LoaderFailure where one question is not answered: what is not known to be published is not taken for unpublished. */
export async function listOffers(request: OfferRequest, s3: PublishedCalls, report: Report): Promise<Offers> {
  const names = await listNames(request.source, s3)
  if (names.length === 0) throw new LoaderFailure('Nothing', `no directory below ${request.source.uri}`)
  const hidden = names.filter(isHiddenName)
  if (hidden.length > 0) report.info(`left out: ${hidden.map(quote).join(', ')}`)
  const visible = names.filter((name) => !isHiddenName(name))
  const versions = visible.filter((name) => isVersionName(name) && request.isWanted(name))
  return {
    offers: await askAll(versions, request, { s3, report }),
    unsafe: visible.filter((name) => !isVersionName(name)),
  }
}

async function listNames(source: S3Source, s3: PublishedCalls): Promise<readonly string[]> {
  const names = new Set<string>()
  let isRepeating = false
  try {
    for await (const page of s3.directories(source.bucket, source.key)) {
      if (isRepeating) throw new LoaderFailure('CannotList', `${source.uri}: the listing goes in a circle`)
      const before = names.size
      for (const name of page) names.add(name)
      isRepeating = page.length > 0 && names.size === before
    }
  } catch (error) {
    throw failureOf(error, source, 'list')
  }
  return [...names]
}

interface Means {
  readonly s3: PublishedCalls
  readonly report: Report
}

async function askAll(versions: readonly string[], request: OfferRequest, means: Means): Promise<readonly Offer[]> {
  const offers: Offer[] = []
  const waiting = versions.values()
  const ask = async (): Promise<void> => {
    for (const version of waiting) {
      const offer = await askOne(version, request, means)
      if (offer !== undefined) offers.push(offer)
    }
  }
  await Promise.all(Array.from({ length: asksAtOnce }, ask))
  return offers
}

async function askOne(
  version: string,
  { source: all, requiredTag, isHeld }: OfferRequest,
  { s3, report }: Means,
): Promise<Offer | undefined> {
  const source = versionSource(all, version)
  const key = source.key + manifestName
  const found = await findManifest(source, key, s3)
  if (found === undefined) {
    report.info(`${version} is not published yet: it has no ${manifestName}`)
    return undefined
  }
  if (requiredTag !== undefined && !isHeld(version) && !(await hasTag({ source, key }, requiredTag, s3))) {
    report.info(
      `${version} is not published yet: its ${manifestName} has no tag ${quote(`${requiredTag.key}=${requiredTag.value}`)}`,
    )
    return undefined
  }
  return {
    version,
    source,
    manifest: { key, etag: found.etag, size: found.size, lastModified: found.lastModified.toISOString() },
  }
}

function versionSource({ bucket, key, uri }: S3Source, version: string): S3Source {
  return { scheme: 's3', bucket, key: `${key}${version}/`, extent: 'prefix', uri: `${uri}${version}/` }
}

async function findManifest(source: S3Source, key: string, s3: PublishedCalls): Promise<DatedObject | undefined> {
  try {
    return await s3.find(source.bucket, key)
  } catch (error) {
    throw failureOf(error, source, 'list')
  }
}

async function hasTag(
  { source, key }: { readonly source: S3Source; readonly key: string },
  wanted: Tag,
  s3: PublishedCalls,
): Promise<boolean> {
  try {
    return (await s3.tags(source.bucket, key)).get(wanted.key) === wanted.value
  } catch (error) {
    const failure = failureOf(error, source, 'read')
    if (!(failure instanceof LoaderFailure) || failure.exit !== 'Denied') throw failure
    throw new LoaderFailure('Denied', failure.message, {
      cause: failure,
      remedy: `allow s3:GetObjectTagging on ${source.uri}${manifestName}`,
    })
  }
}
