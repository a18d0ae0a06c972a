/** Parses the `expect` annotation: required properties of a model. */
import { parseList, parsed, unreadable, type Parsed } from './parsed.ts'
import { listExpression, segmentExpression, type ValueForm, type ValueKind } from './value-form.ts'

export interface Expectation {
  readonly objects?: number
  readonly bytes?: number
  readonly manifest?: { readonly key: string; readonly sha256: string }
}

export const expectationForms = 'objects=N, bytes=N, manifest=KEY@sha256:HEX, or several of them with commas'

const segmentInList = segmentExpression(',')

const expectationForm: ValueForm = {
  accepted: 'objects=N, bytes=N, manifest=KEY@sha256:HEX',
  leavesOpen: 'one thing said twice, numbers above 2^53',
  expression: listExpression(
    `(?:objects|bytes)=0*[1-9]\\d{0,15}|manifest=${segmentInList}(?:/${segmentInList})*@sha256:[0-9a-f]{64}`,
  ),
}

/** Reads one to three expectations, each at most once. */
export function parseExpectation(text: string): Parsed<Expectation> {
  const parts = parseList(text, parsePart)
  if (!parts.ok) return parts
  const kinds = parts.value.flatMap((part) => Object.keys(part))
  if (new Set(kinds).size < kinds.length) return unreadable('says one thing twice')
  return parsed(Object.assign({}, ...parts.value) as Expectation)
}

/** Canonical form of an expectation, part of a model's identity on the volume. */
export function formatExpectation(expectation: Expectation): string {
  const { objects, bytes, manifest } = expectation
  return [
    objects === undefined ? [] : `objects=${objects}`,
    bytes === undefined ? [] : `bytes=${bytes}`,
    manifest === undefined ? [] : `manifest=${manifest.key}@sha256:${manifest.sha256}`,
  ]
    .flat()
    .join(',')
}

function parsePart(text: string): Parsed<Expectation> {
  const at = text.indexOf('=')
  const kind = text.slice(0, Math.max(at, 0))
  const value = text.slice(at + 1)
  switch (kind) {
    case 'objects':
      return parseCount(value, (objects) => ({ objects }))
    case 'bytes':
      return parseCount(value, (bytes) => ({ bytes }))
    case 'manifest':
      return parseManifest(value)
    default:
      return unreadable('is none of the accepted forms')
  }
}

function parseCount(text: string, make: (count: number) => Expectation): Parsed<Expectation> {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return count > 0 && Number.isSafeInteger(count)
    ? parsed(make(count))
    : unreadable('needs a whole number of at least 1')
}

function parseManifest(text: string): Parsed<Expectation> {
  const match = /^(.+)@sha256:([0-9a-f]{64})$/.exec(text)
  if (match === null) return unreadable('needs KEY@sha256: and 64 hexadecimal digits')
  const [, key = '', sha256 = ''] = match
  if (/[\u0000-\u001f\u007f]/.test(key)) return unreadable('has a manifest key with a control character')
  const unsafe = key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
  return unsafe
    ? unreadable('has a manifest key with an empty, "." or ".." segment')
    : parsed({ manifest: { key, sha256 } })
}

export const expectationValue: ValueKind<Expectation> = { parse: parseExpectation, form: expectationForm }
