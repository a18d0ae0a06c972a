/** Compares references of images: `registry/path/name:tag@sha256:HEX`. */

/**
 * `equal`: the same text. `mirrored`: the same image from elsewhere. `otherVersion`: the same repository with another tag or
 * digest. `other`: anything else.
 */
export type ImageRelation = 'equal' | 'mirrored' | 'otherVersion' | 'other'

interface ImageReference {
  /** Registry and path, without tag and digest. */
  readonly repository: string
  /** The last segment of the path. */
  readonly name: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/**
 * Relates the image found to the expected one. A digest says what is in an image wherever it is; without one of the expected image, name and
 * tag do. `mirrors` are prefixes of registries that serve the operator's images under tags only.
 */
export function relateImages(
  found: string | null | undefined,
  expected: string,
  mirrors: readonly string[],
): ImageRelation {
  if (found === expected) return 'equal'
  const [actual, planned] = [referenceOf(found ?? ''), referenceOf(expected)]
  if (isSameElsewhere(actual, planned, mirrors)) return 'mirrored'
  return actual.repository === planned.repository ? 'otherVersion' : 'other'
}

function isSameElsewhere(found: ImageReference, expected: ImageReference, mirrors: readonly string[]): boolean {
  if (found.digest !== undefined && expected.digest !== undefined) return found.digest === expected.digest
  const hasName = found.name === expected.name && tagOf(found) === tagOf(expected)
  if (expected.digest === undefined) return hasName
  return hasName && expected.tag !== undefined && mirrors.some((prefix) => isBelowPrefix(found.repository, prefix))
}

/** `mirror.corp` is no prefix of `mirror.corporate/model-injector`. */
function isBelowPrefix(repository: string, prefix: string): boolean {
  return repository.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
}

function tagOf({ tag, digest }: ImageReference): string | undefined {
  return tag ?? (digest === undefined ? 'latest' : undefined)
}

function referenceOf(image: string): ImageReference {
  const [named = '', digest] = image.split('@', 2)
  const slash = named.lastIndexOf('/')
  // The colon of a port stands before the last slash.
  const colon = named.indexOf(':', slash + 1)
  const repository = colon < 0 ? named : named.slice(0, colon)
  return {
    repository,
    name: repository.slice(slash + 1),
    tag: colon < 0 ? undefined : named.slice(colon + 1),
    digest,
  }
}
