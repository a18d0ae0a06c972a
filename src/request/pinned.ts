/** Tells models whose content is fixed: by a manifest with checksums, or by the digest of an image. */
import type { ModelRequest } from './model-request.ts'

/** A model that is only mounted is never looked at, so an expectation of a mountpoint delivery would say nothing. */
export function isPinned({ source, delivery, expect }: Pick<ModelRequest, 'source' | 'delivery' | 'expect'>): boolean {
  return source.scheme === 'oci' || (expect?.manifest !== undefined && delivery !== 'mountpoint')
}
