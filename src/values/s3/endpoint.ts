/** Parses the address of an S3-compatible server, the region for signing, and the address of a proxy. */
import { parsed, unreadable, type Parsed } from '../parsed.ts'
import type { ValueForm, ValueKind } from '../value-form.ts'

export const endpointForms = 'https://host[:port][/path], or the same with http://'

/** Places of the bucket in a request: first in the path, or first in the host name. */
export const addressings = ['path', 'virtual'] as const
export type Addressing = (typeof addressings)[number]

/** Plain characters only: a path that needs escapes would be signed in one form and read in another. */
const endpointPath = /^(?:\/[A-Za-z0-9._~-]+)+$/

const anyCharacter = '(?:.|[\\u000a\\u000d\\u2028\\u2029])'

/** Parsers of URLs drop blanks and control characters, so all that has one is left to them. An empty query and fragment are none. */
const endpointForm: ValueForm = {
  accepted: 'https://host[:port][/path], or with http://',
  expression: `[Hh][Tt][Tt][Pp][Ss]?:.+|${anyCharacter}*[\\u0000-\\u0020]${anyCharacter}*`,
  leavesOpen:
    'whatever else is no URL, a user name, characters of the path, anything beside a blank or a control character',
  refused: '[?#][^?#\\u0000-\\u0020]',
}

const regionExpression = '[a-z0-9][a-z0-9-]{0,62}'
const regionPattern = new RegExp(`^${regionExpression}$`)

/** Reads scheme, host, port and, for servers whose S3 interface is below one, a path; without a slash at the end. */
export function parseEndpoint(text: string): Parsed<string> {
  if (!URL.canParse(text)) return unreadable('is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return unreadable('is neither http:// nor https://')
  if (url.username !== '' || url.password !== '') return unreadable('has a user name; credentials belong in a Secret')
  if (url.search !== '' || url.hash !== '') return unreadable('has a query or a fragment')
  const path = url.pathname.replace(/\/$/, '')
  if (path !== '' && !endpointPath.test(path)) {
    return unreadable('has a path with other characters than letters, digits, ".", "_", "~" and "-"')
  }
  return parsed(url.origin + path)
}

/** S3-compatible servers name regions as they like (`auto`, `garage`), so the form is all that is checked. */
export function parseRegion(text: string): Parsed<string> {
  return regionPattern.test(text) ? parsed(text) : unreadable('is not a region name')
}

/** Reads the address of an HTTP proxy. */
export function parseProxy(text: string): Parsed<string> {
  if (!URL.canParse(text) || !text.startsWith('http://')) return unreadable('is not http://host:port')
  const url = new URL(text)
  return url.pathname === '/' && url.search === '' && url.hash === ''
    ? parsed(text)
    : unreadable('has a path, a query or a fragment')
}

export const endpointValue: ValueKind<string> = { parse: parseEndpoint, form: endpointForm }
export const regionValue: ValueKind<string> = { parse: parseRegion, form: { expression: regionExpression } }
