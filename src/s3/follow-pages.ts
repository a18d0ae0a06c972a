/** Follows the pages of a listing up to the last one. */
import type { ProblemKind } from './meaning.ts'
import { problemOf, S3Error } from './s3-error.ts'

interface Followed {
  readonly hasMore: boolean
  readonly token: string | undefined
}

/**
 * Throws an S3Error where a truncated page has no token, where the listing loops, which would never end and fill the memory, and
 * where it does not end in time. The pages before are then incomplete and must be discarded.
 */
export async function* followPages<Page extends Followed>(
  ask: (token: string | undefined) => Promise<Page>,
  longestMs?: number,
): AsyncGenerator<Page> {
  const clock = longestMs === undefined ? undefined : startClock(longestMs)
  const seen = new Set<string>()
  try {
    for (let token: string | undefined, hasMore = true; hasMore; ) {
      const asked = ask(token)
      const page = await (clock === undefined ? asked : Promise.race([asked, clock.ended]))
      yield page
      if (page.hasMore) note(page.token, seen)
      ;({ token, hasMore } = page)
    }
  } finally {
    clock?.stop()
  }
}

function note(token: string | undefined, seen: Set<string>): void {
  if (token === undefined || token === '') {
    throw listingError('unbelievable', 'the server says that there is more, and not how to get it')
  }
  if (seen.has(token)) {
    throw listingError(
      'unbelievable',
      `the listing goes in a circle: after ${seen.size} pages the same token comes again`,
    )
  }
  seen.add(token)
}

function startClock(longestMs: number): { readonly ended: Promise<never>; readonly stop: () => void } {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  // Not awaited between two pages.
  ended.catch(() => undefined)
  const timer = setTimeout(() => {
    reject(listingError('endless', `the listing did not end within ${Math.round(longestMs / 1000)} s`))
  }, longestMs)
  return {
    ended,
    stop: () => {
      clearTimeout(timer)
    },
  }
}

function listingError(kind: ProblemKind, message: string): S3Error {
  return new S3Error(problemOf(kind, message))
}
