/** Detects repeated keys in a listing: S3 lists a key once, some servers twice, as at the boundary of pages. */
import type { ListedObject } from '../s3/s3.ts'
import { quote } from '../values/print/printable.ts'
import { LoaderFailure } from './exit-codes.ts'

export class SeenObjects {
  readonly #uri: string
  readonly #pages: (readonly ListedObject[])[] = []
  /** Filled from the first key that is out of order: keys in order cannot repeat. */
  #byKey: Map<string, ListedObject> | undefined
  #last: string | undefined
  #isRepeating = false

  constructor(uri: string) {
    this.#uri = uri
  }

  /**
   * Returns the new objects of a page; an identical repetition counts once. Throws a LoaderFailure for an object that is listed
   * again with other values, and where pages only repeat earlier keys: with ever new tokens, such a listing would not end.
   */
  takeNew(page: readonly ListedObject[]): readonly ListedObject[] {
    if (this.#isRepeating) {
      throw new LoaderFailure(
        'CannotList',
        `${this.#uri}: the listing goes in a circle: a page had only keys of earlier ones`,
      )
    }
    const fresh: ListedObject[] = []
    this.#pages.push(fresh)
    for (const object of page) if (this.#isNew(object)) fresh.push(object)
    this.#isRepeating = page.length > 0 && fresh.length === 0
    return fresh
  }

  #isNew(object: ListedObject): boolean {
    const { key } = object
    if (this.#byKey === undefined && (this.#last === undefined || key > this.#last)) {
      this.#last = key
      return true
    }
    this.#byKey ??= new Map(this.#pages.flat().map((earlier) => [earlier.key, earlier]))
    const known = this.#byKey.get(key)
    if (known === undefined) {
      this.#byKey.set(key, object)
      return true
    }
    if (known.size === object.size && known.etag === object.etag) return false
    throw new LoaderFailure(
      'VerificationFailed',
      `${this.#uri}: ${quote(key)} is listed twice, with ${describe(known)} and with ${describe(object)}`,
      { remedy: 'wait until it is no longer written, or have the server repaired' },
    )
  }
}

function describe({ size, etag }: ListedObject): string {
  return `${size} bytes and the ETag ${quote(etag)}`
}
