/** Derives names for rendered objects from given names: deterministic, and never too long. */
import { createHash } from 'node:crypto'

/** At most `longest` characters; a truncated name ends in a hash of the whole name. */
export function fit(name: string, longest: number): string {
  if (name.length <= longest) return name
  return `${name.slice(0, longest - 9).replace(/[^a-z0-9]+$/i, '')}-${digest(name, 8)}`
}

/** Part of a DNS label, with a hash if characters are lost. */
export function label(name: string): string {
  return slug(name) === name ? name : `${slug(name)}-${digest(name, 6)}`
}

/** Readable, but not always unique. */
export function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
}

/** A CloudFormation logical id, letters and digits only; the hash keeps `a-b, c` and `a, b-c` apart. */
export function logicalId(kind: string, ...parts: readonly string[]): string {
  const words = parts.flatMap((part) => part.split(/[^A-Za-z0-9]+/)).filter((word) => word !== '')
  const readable = words
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
    .slice(0, 60)
  return parts.length === 0 ? kind : `${kind}${readable}${digest(JSON.stringify(parts), 6)}`
}

export function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
