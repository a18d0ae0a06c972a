/** Parses small forms that belong to one annotation each. */
import { parseLabelName } from './names.ts'
import { parseList, parsed, unreadable, type Parsed } from './parsed.ts'
import { parseKeyPattern } from './pattern.ts'

export type RunAsUser = number | 'auto'

export function parseBoolean(text: string): Parsed<boolean> {
  return text === 'true' || text === 'false' ? parsed(text === 'true') : unreadable('is neither "true" nor "false"')
}

export function parseContainers(text: string): Parsed<readonly string[] | '*'> {
  return text.trim() === '*' ? parsed('*') : parseList(text, parseLabelName)
}

export function parseKeyPatterns(text: string): Parsed<readonly string[]> {
  return parseList(text, parseKeyPattern)
}

export function parseRunAsUser(text: string): Parsed<RunAsUser> {
  if (text === 'auto') return parsed('auto')
  const user = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (user === 0) return unreadable('is root, which the restricted Pod Security Standard forbids')
  return user > 0 && user <= 2 ** 31 - 1 ? parsed(user) : unreadable('is not a user id')
}
