/** Parses paths inside containers. */
import { parsed, unreadable, type Parsed } from './parsed.ts'
import { segmentExpression, type ValueForm, type ValueKind } from './value-form.ts'

/** Mounts there would break the container's runtime. */
const reservedTrees = ['/proc', '/sys', '/dev']

/**
 * Service account tokens live below here: a model mounted over, above or inside could replace or hide the identity.
 * `/var/run` is a link to `/run` in most images.
 */
const tokenDirectories = ['/var/run/secrets', '/run/secrets']

/** Absolute, with at most one slash at the end. */
export const absolutePathExpression = `(?:/${segmentExpression()})+/?`

const aboveTokens = tokenDirectories.flatMap((tree) => tree.split('/').map((_, i, all) => all.slice(0, i).join('/')))

const mountPathForm: ValueForm = {
  accepted: 'an absolute path, no ".." or ":"',
  expression: `(?:/${segmentExpression(':')})+/?`,
  refused: [
    `^(?:${[...reservedTrees, ...tokenDirectories].join('|')})(?:/|$)`,
    `^(?:${aboveTokens.filter((path) => path !== '').join('|')})/?$`,
  ].join('|'),
}

/** Reads the path at which a model appears; a trailing slash is dropped. */
export function parseMountPath(text: string): Parsed<string> {
  const path = parseAbsolutePath(text)
  if (!path.ok) return path
  if (path.value === '/') return unreadable('is the root of the container')
  if (path.value.includes(':')) return unreadable('has a colon, which the kubelet refuses')
  const reserved = reservedTrees.find((tree) => isSameOrBelow(path.value, tree))
  if (reserved !== undefined) return unreadable(`is inside ${reserved}`)
  const tokens = tokenDirectories.find((tree) => isSameOrBelow(path.value, tree) || isSameOrBelow(tree, path.value))
  return tokens === undefined ? path : unreadable(`touches ${tokens}, where service account tokens are`)
}

export function parseAbsolutePath(text: string): Parsed<string> {
  if (!text.startsWith('/')) return unreadable('is not an absolute path')
  if (/[\u0000-\u001f\u007f]/.test(text)) return unreadable('has a control character')
  if (text.length > 1024) return unreadable('is longer than 1024 characters')
  const path = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text
  const segments = path.slice(1).split('/')
  if (path !== '/' && segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return unreadable('has an empty, "." or ".." segment')
  }
  return parsed(path)
}

/** The last segment of a path. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function isSameOrBelow(path: string, ancestor: string): boolean {
  return path === ancestor || isBelow(path, ancestor)
}

export function isBelow(path: string, ancestor: string): boolean {
  return path.startsWith(ancestor.endsWith('/') ? ancestor : `${ancestor}/`)
}

/** The path as a container runtime resolves it: `/models/./m`, `//models/m/` and `/x/../models/m` are one place. */
export function cleanPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}

export const mountPathValue: ValueKind<string> = { parse: parseMountPath, form: mountPathForm }
