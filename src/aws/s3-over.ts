/** Builds the S3 interface, with complete listings, from calls that read one page each. */
import { followPages } from './follow-pages.ts'
import type { Page, S3, S3Calls, S3Options } from './s3-api.ts'

export function s3Over(
  calls: S3Calls,
  close: () => void,
  { longestListingMs }: Pick<S3Options, 'longestListingMs'> = {},
): S3 {
  return {
    async *list(bucket, prefix) {
      const ask = (token: string | undefined): Promise<Page> =>
        calls.page(bucket, prefix, token === undefined ? {} : { token })
      for await (const { objects } of followPages(ask, longestListingMs)) yield objects
    },
    peek: async (bucket, prefix, count) => (await calls.page(bucket, prefix, { count })).objects,
    head: (bucket, key) => calls.head(bucket, key),
    read: (bucket, key, etag, mostBytes) => calls.read(bucket, key, etag, mostBytes),
    close,
  }
}
