/**
 * Lists and filters the objects to load; refuses them all if one cannot be loaded safely. Pages are accepted one after the other,
 * so that bytes of the first can move while others are listed; only the whole listing tells what may be published.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListedObject, S3 } from '../s3/s3.ts'
import { S3Error } from '../s3/s3-error.ts'
import { matchesAny } from '../values/pattern.ts'
import { quote } from '../values/print/printable.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { LoadTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import { failureOf } from './s3-failure.ts'
import { SeenObjects } from './seen-objects.ts'

export interface ModelObject extends Pick<ListedObject, 'checksumAlgorithm'> {
  readonly key: string
  /** Path below the source, and below the mount path. */
  readonly path: string
  readonly size: number
  readonly etag: string
}

export interface Listing {
  readonly objects: readonly ModelObject[]
  readonly bytes: number
}

/** A listing whose pages still arrive. */
export interface OpenListing extends Listing {
  readonly isWhole: boolean
  /** Resolves when the whole listing is accepted. Throws a LoaderFailure as soon as a page is refused. */
  whole(): Promise<void>
  /** Resolves when there are more than so many objects, or when there will be none; throws as `whole` does. */
  more(than: number): Promise<void>
  /** Throws the failure of a page that was refused. */
  throwIfRefused(): void
  /** Has this check accept the bytes listed so far, now and with every page. */
  bound(check: (bytes: number) => void): void
}

const longestSegmentBytes = 255
const longestPathBytes = 2048
const shownKeys = 3
/** Pages between two garbage collections: a page of 1000 objects leaves more than 1 MB, and the transfer threads run already. */
const pagesPerCollection = 4

/** Throws a LoaderFailure where the model is not there, cannot be listed, or cannot be loaded. */
export async function listModel(task: LoadTask, s3: S3): Promise<Listing> {
  const listing = await openListing(task, s3)
  await listing.whole()
  return listing
}

/** Resolves with the first page accepted. Throws as `listModel` does. */
export async function openListing(task: LoadTask, s3: S3): Promise<OpenListing> {
  const pages = new AcceptedPages(task, s3)
  await pages.more(0)
  // The end of a listing comes without a request, so it is known before the next turn of the event loop.
  await nextTurn()
  pages.throwIfRefused()
  return pages
}

type Found = ModelObject & Pick<ListedObject, 'archived'>

class AcceptedPages implements OpenListing {
  readonly objects: ModelObject[] = []
  bytes = 0
  isWhole = false
  readonly #task: LoadTask
  readonly #s3: S3
  readonly #names = new FileNames()
  #found = 0
  #check: (bytes: number) => void = () => undefined
  #refusal: { readonly error: unknown } | undefined
  #changed = Promise.withResolvers<undefined>()

  constructor(task: LoadTask, s3: S3) {
    this.#task = task
    this.#s3 = s3
    void this.#acceptAll()
  }

  async whole(): Promise<void> {
    while (!this.isWhole) await this.#change()
    this.throwIfRefused()
  }

  async more(than: number): Promise<void> {
    while (!this.isWhole && this.objects.length <= than) await this.#change()
    this.throwIfRefused()
  }

  throwIfRefused(): void {
    if (this.#refusal !== undefined) throw this.#refusal.error
  }

  bound(check: (bytes: number) => void): void {
    check(this.bytes)
    this.#check = check
  }

  async #change(): Promise<void> {
    this.throwIfRefused()
    await this.#changed.promise
  }

  async #acceptAll(): Promise<void> {
    const task = this.#task
    try {
      for await (const page of foundPages(task, this.#s3)) {
        this.#accept(page)
        this.#tell()
      }
      if (this.objects.length === 0) throw await nothingThere(task, this.#s3, this.#found)
      refuseUnexpected(this, task)
      this.isWhole = true
    } catch (error) {
      this.#refusal = { error }
    }
    this.#tell()
  }

  #accept(page: readonly Found[]): void {
    this.#found += page.length
    const objects = page.filter(({ path }) => isIncluded(path, this.#task))
    refuseUnsafeKeys(objects, this.#names)
    refuseArchived(objects)
    refuseWithoutEtag(objects)
    for (const object of objects) {
      this.objects.push(object)
      this.bytes += object.size
    }
    this.#check(this.bytes)
  }

  #tell(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve(undefined)
  }
}

async function* foundPages(task: LoadTask, s3: S3): AsyncGenerator<readonly Found[]> {
  if (task.source.extent === 'object') yield [await headObject(task, s3)]
  else yield* prefixPages(task, s3)
}

async function* prefixPages({ source }: LoadTask, s3: S3): AsyncGenerator<readonly Found[]> {
  try {
    const seen = new SeenObjects(source.uri)
    let pages = 0
    for await (const page of s3.list(source.bucket, source.key)) {
      if (++pages % pagesPerCollection === 0) collectGarbage()
      // Consoles make an empty object for a directory; the prefix itself may be one, too.
      const files = seen.takeNew(page).filter(({ key, size }) => !(key.endsWith('/') && size === 0))
      // Extended in place: a second copy of 100,000 objects takes 7 MB.
      yield files.map((object) => Object.assign(object, { path: object.key.slice(source.key.length) }))
    }
  } catch (error) {
    throw failureOf(error, source)
  }
}

async function headObject({ source }: LoadTask, s3: S3): Promise<Found> {
  try {
    const { key, size, etag, archived } = await s3.head(source.bucket, source.key)
    if (size === undefined) {
      throw new LoaderFailure('CannotList', `${source.uri}: the server does not say how many bytes it has`)
    }
    return { key, size, etag, archived, path: key.slice(key.lastIndexOf('/') + 1) }
  } catch (error) {
    if (!(error instanceof S3Error) || error.problem.status !== 404) throw failureOf(error, source)
    const below = await s3.peek(source.bucket, `${source.key}/`, 1).catch(() => [])
    const remedy = below.length > 0 ? `there are objects below it: write ${source.uri}/` : 'check the source'
    throw new LoaderFailure('Nothing', `${source.uri} is not there`, { remedy, cause: error })
  }
}

function isIncluded(path: string, { include, exclude }: LoadTask): boolean {
  return (include.length === 0 || matchesAny(include, path)) && !matchesAny(exclude, path)
}

async function nothingThere({ source }: LoadTask, s3: S3, listed: number): Promise<LoaderFailure> {
  if (listed > 0) {
    return new LoaderFailure('Nothing', `none of the ${listed} objects below ${source.uri} is included`, {
      remedy: 'check include and exclude',
    })
  }
  const key = source.key.slice(0, -1)
  const same = await s3.peek(source.bucket, key, 1).catch(() => [])
  const hint =
    same[0]?.key === key ? `there is one object of that name: write s3://${source.bucket}/${key}` : 'check the source'
  return new LoaderFailure('Nothing', `no object below ${source.uri}`, { remedy: hint })
}

function refuseUnsafeKeys(objects: readonly ModelObject[], names: FileNames): void {
  const unsafe = objects
    .filter(({ path }) => pathProblem(path) !== undefined)
    .map(({ key, path }) => `${quote(key)} ${pathProblem(path) ?? ''}`)
  const all = unsafe.length > 0 ? unsafe : names.add(objects)
  if (all.length === 0) return
  const more = all.length > shownKeys ? ` and ${all.length - shownKeys} more` : ''
  throw new LoaderFailure('UnsafeKeys', all.slice(0, shownKeys).join(', ') + more)
}

/** A key becomes a path: one that would leave its directory, or is no valid name, is refused before anything is written. */
function pathProblem(path: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'has a control character'
  if (Buffer.byteLength(path) > longestPathBytes) return `has more than ${longestPathBytes} bytes`
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty segment'
    if (segment === '.' || segment === '..') return `has the segment "${segment}"`
    if (Buffer.byteLength(segment) > longestSegmentBytes) {
      return `has a segment of more than ${longestSegmentBytes} bytes`
    }
  }
  return undefined
}

/** Finds keys like `k` and `k/x`, which a file system cannot both hold, on one page or on different ones. */
class FileNames {
  readonly #files = new Set<string>()
  readonly #directories = new Set<string>()

  /** Returns a text for each key that is both a file and a directory. */
  add(objects: readonly ModelObject[]): readonly string[] {
    const both = new Set<string>()
    for (const { key, path } of objects) {
      const source = key.slice(0, key.length - path.length)
      this.#files.add(path)
      if (this.#directories.has(path)) both.add(key)
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
        const directory = path.slice(0, at)
        if (this.#directories.has(directory)) break
        this.#directories.add(directory)
        if (this.#files.has(directory)) both.add(source + directory)
      }
    }
    return [...both].map((key) => `${quote(key)} is a file and a directory`)
  }
}

function refuseArchived(objects: readonly Found[]): void {
  const archived = objects.filter((object) => object.archived)
  if (archived.length === 0) return
  throw new LoaderFailure('DownloadFailed', `${archived.length} objects are archived: ${firstKeys(archived)}`, {
    remedy: 'restore them from Glacier first',
  })
}

function firstKeys(objects: readonly Found[]): string {
  return objects
    .slice(0, shownKeys)
    .map(({ key }) => quote(key))
    .join(', ')
}

/** Every request is pinned to the ETag: without one, the parts of a file could be of two objects. */
function refuseWithoutEtag(objects: readonly Found[]): void {
  const loose = objects.filter(
    ({ etag, size }) => size > 0 && (etag.replaceAll('"', '') === '' || etag.startsWith('W/')),
  )
  if (loose.length === 0) return
  throw new LoaderFailure(
    'CannotList',
    `the server gives ${loose.length} objects no ETag, or a weak one: ${firstKeys(loose)}`,
    { remedy: 'upload them again through the server, or turn on its ETags, which tell one content from another' },
  )
}

function refuseUnexpected({ objects, bytes }: Listing, { expect }: LoadTask): void {
  const problems = [
    expect?.objects === undefined || expect.objects === objects.length
      ? []
      : `${expect.objects} objects were expected, ${objects.length} are there`,
    expect?.bytes === undefined || expect.bytes === bytes
      ? []
      : `${expect.bytes} bytes were expected, ${bytes} are there`,
  ].flat()
  if (problems.length > 0) {
    throw new LoaderFailure('VerificationFailed', problems.join(', '), {
      remedy: 'wait until the upload is complete, or correct expect',
    })
  }
}
