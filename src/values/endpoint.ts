/** Parses the address of an S3-compatible server, the region for signing, and the address of a proxy. */
import { parsed, unreadable, type Parsed } from './parsed.ts'

/** Reads an origin: scheme, host and port, nothing more. */
export function parseEndpoint(text: string): Parsed<string> {
  if (!URL.canParse(text)) return unreadable('is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return unreadable('is neither http:// nor https://')
  if (url.username !== '' || url.password !== '') return unreadable('has a user name; credentials belong in a Secret')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return unreadable('has a path, a query or a fragment')
  }
  return parsed(url.origin)
}

/** S3-compatible servers name regions as they like (`auto`, `garage`), so the form is all that is checked. */
export function parseRegion(text: string): Parsed<string> {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(text) ? parsed(text) : unreadable('is not a region name')
}

/** Reads the address of an HTTP proxy. */
export function parseProxy(text: string): Parsed<string> {
  if (!URL.canParse(text) || !text.startsWith('http://')) return unreadable('is not http://host:port')
  const url = new URL(text)
  return url.pathname === '/' && url.search === '' && url.hash === ''
    ? parsed(text)
    : unreadable('has a path, a query or a fragment')
}
