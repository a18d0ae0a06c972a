/** Lists the versions published in the bucket: those with a manifest, and with the tag if one is required. */
import type { DatedObject, S3 } from '../s3/s3.ts'
import { LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { failureOf } from '../loader/s3-failure.ts'
import { quote } from '../values/print/printable.ts'
import type { S3Source } from '../values/source.ts'
import { isHiddenName, isVersionName } from './version-name.ts'

export const manifestName = 'manifest.sha256'

export interface Tag {
  readonly key: string
  readonly value: string
}

export interface PublishedVersion {
  readonly version: string
  readonly source: S3Source
  readonly manifest: {
    readonly key: string
    readonly etag: string
    readonly size: number
    /** Time in ISO 8601. */
    readonly lastModified: string
  }
}

export interface VersionsRequest {
  readonly source: S3Source
  readonly requiredTag: Tag | undefined
  /** False for pruned versions, which are not published again. */
  readonly isSelected: (version: string) => boolean
  /** True for versions on the volume, whose tag is not checked again. */
  readonly isHeld: (version: string) => boolean
}

export interface PublishedVersions {
  readonly versions: readonly PublishedVersion[]
  /** Names of directories that cannot become paths. */
  readonly unsafe: readonly string[]
}

const readsAtOnce = 8

/** Throws a LoaderFailure if any request fails: a version of unknown state must not count as unpublished. */
export async function listPublishedVersions(
  request: VersionsRequest,
  s3: S3,
  report: Report,
): Promise<PublishedVersions> {
  const names = await listNames(request.source, s3)
  if (names.length === 0) throw new LoaderFailure('Nothing', `no directory below ${request.source.uri}`)
  const hidden = names.filter(isHiddenName)
  if (hidden.length > 0) report.info(`left out: ${hidden.map(quote).join(', ')}`)
  const visible = names.filter((name) => !isHiddenName(name))
  const selected = visible.filter((name) => isVersionName(name) && request.isSelected(name))
  return {
    versions: await readVersions(selected, request, { s3, report }),
    unsafe: visible.filter((name) => !isVersionName(name)),
  }
}

async function listNames(source: S3Source, s3: S3): Promise<readonly string[]> {
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
    throw failureOf(error, source)
  }
  return [...names]
}

interface ListContext {
  readonly s3: S3
  readonly report: Report
}

async function readVersions(
  versions: readonly string[],
  request: VersionsRequest,
  context: ListContext,
): Promise<readonly PublishedVersion[]> {
  const found: PublishedVersion[] = []
  const waiting = versions.values()
  const ask = async (): Promise<void> => {
    for (const version of waiting) {
      const published = await readVersion(version, request, context)
      if (published !== undefined) found.push(published)
    }
  }
  await Promise.all(Array.from({ length: readsAtOnce }, ask))
  return found
}

async function readVersion(
  version: string,
  { source: all, requiredTag, isHeld }: VersionsRequest,
  { s3, report }: ListContext,
): Promise<PublishedVersion | undefined> {
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

async function findManifest(source: S3Source, key: string, s3: S3): Promise<DatedObject | undefined> {
  try {
    return await s3.find(source.bucket, key)
  } catch (error) {
    throw failureOf(error, source)
  }
}

async function hasTag(
  { source, key }: { readonly source: S3Source; readonly key: string },
  required: Tag,
  s3: S3,
): Promise<boolean> {
  try {
    return (await s3.tags(source.bucket, key)).get(required.key) === required.value
  } catch (error) {
    const failure = failureOf(error, source)
    if (!(failure instanceof LoaderFailure) || failure.exit !== 'Denied') throw failure
    throw new LoaderFailure('Denied', failure.message, {
      cause: failure,
      remedy: `allow s3:GetObjectTagging on ${source.uri}${manifestName}`,
    })
  }
}
