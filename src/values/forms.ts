/** Parses small forms that belong to one annotation each. */
import { labelExpression, parseLabelName } from './names.ts'
import { parseList, parsed, parseWord, unreadable, type Parsed } from './parsed.ts'
import { keyPatternExpression, parseKeyPattern } from './pattern.ts'
import { listExpression, type ValueForm, type ValueKind } from './value-form.ts'

export type RunAsUser = number | 'auto'

const containersForm: ValueForm = {
  accepted: 'comma list of names, or *',
  expression: `[\\s]*\\*[\\s]*|${listExpression(labelExpression)}`,
}

const keyPatternsForm: ValueForm = {
  accepted: 'comma list of patterns with * and ?',
  expression: listExpression(keyPatternExpression),
}

const mostUser = 2 ** 31 - 1

const runAsUserForm: ValueForm = { expression: 'auto|\\d{1,10}', integer: { least: 1, most: mostUser } }

export function parseBoolean(text: string): Parsed<boolean> {
  return text === 'true' || text === 'false' ? parsed(text === 'true') : unreadable('is neither "true" nor "false"')
}

function parseContainers(text: string): Parsed<readonly string[] | '*'> {
  return text.trim() === '*' ? parsed('*') : parseList(text, parseLabelName)
}

function parseKeyPatterns(text: string): Parsed<readonly string[]> {
  return parseList(text, parseKeyPattern)
}

function parseRunAsUser(text: string): Parsed<RunAsUser> {
  if (text === 'auto') return parsed('auto')
  const user = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (user === 0) return unreadable('is root, which the restricted Pod Security Standard forbids')
  return user > 0 && user <= mostUser ? parsed(user) : unreadable('is not a user id')
}

export const booleanValue: ValueKind<boolean> = { ...wordValue(['true', 'false']), parse: parseBoolean }
export const containersValue: ValueKind<readonly string[] | '*'> = { parse: parseContainers, form: containersForm }
export const keyPatternsValue: ValueKind<readonly string[]> = { parse: parseKeyPatterns, form: keyPatternsForm }
export const runAsUserValue: ValueKind<RunAsUser> = { parse: parseRunAsUser, form: runAsUserForm }

export function wordValue<T extends string>(words: readonly T[]): ValueKind<T> {
  return { parse: parseWord(words), form: { expression: words.join('|') } }
}
