/** Which objects a listing has had already: S3 lists a key once, some servers twice, as where pages meet. */
import type { ListedObject } from '../aws/s3-api.ts'
import { quote } from '../values/printable.ts'
import { LoaderFailure } from './exit-codes.ts'

export class SeenObjects {
  readonly #uri: string
  readonly #pages: (readonly ListedObject[])[] = []
  /** Filled by the first key that does not come after the one before it: what is in order has no key twice. */
  #byKey: Map<string, ListedObject> | undefined
  #last: string | undefined
  #isRepeating = false

  constructor(uri: string) {
    this.#uri = uri
  }

  /**
   * Those of the page that are new: an object that is listed again, and the same, counts once. Throws a LoaderFailure for one that
   * is listed again with other values, and where pages bring nothing but what was there: each with a token of its own, they
   * would come for ever.
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
