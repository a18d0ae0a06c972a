/** Names as the Kubernetes API defines them (k8s.io/apimachinery/pkg/util/validation/validation.go). */
import { parsed, unreadable, type Parsed } from './parsed.ts'
import type { ValueKind } from './value-form.ts'

const labelOfAnyLength = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?'
export const labelExpression = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
/** Of any length: the annotations and the parser bound it. */
export const objectNameExpression = `${labelOfAnyLength}(?:\\.${labelOfAnyLength})*`
const envNameExpression = '[-._a-zA-Z][-._a-zA-Z0-9]*'
const imageExpression = '\\w(?:[\\w.:/@-]*\\w)?'

const dnsLabel = new RegExp(`^${labelOfAnyLength}$`)
const dnsSubdomain = new RegExp(`^${objectNameExpression}$`)
const envVarName = new RegExp(`^${envNameExpression}$`)
const image = new RegExp(`^${imageExpression}$`)

/** An annotation name has 63 characters at most: `stall-timeout.` and its like leave 40 for the model's name. */
export const longestModelName = 40

export function isModelName(text: string): boolean {
  return text.length <= longestModelName && dnsLabel.test(text)
}

/** Reads a name of at most 63 characters: containers, volumes. */
export function parseLabelName(text: string): Parsed<string> {
  return text.length <= 63 && dnsLabel.test(text) ? parsed(text) : unreadable('is not a DNS label')
}

/** Reads a name of at most 253 characters with dots: service accounts, claims, secrets, storage classes. */
export function parseObjectName(text: string): Parsed<string> {
  return text.length <= 253 && dnsSubdomain.test(text) ? parsed(text) : unreadable('is not a Kubernetes object name')
}

export function parseEnvName(text: string): Parsed<string> {
  return envVarName.test(text) ? parsed(text) : unreadable('is not an environment variable name')
}

/** Reads an image reference; only the registry can fully validate it. */
export function parseImage(text: string): Parsed<string> {
  return image.test(text) ? parsed(text) : unreadable('is not an image reference')
}

export const objectNameValue: ValueKind<string> = { parse: parseObjectName, form: { expression: objectNameExpression } }
export const envNameValue: ValueKind<string> = { parse: parseEnvName, form: { expression: envNameExpression } }
export const imageValue: ValueKind<string> = { parse: parseImage, form: { expression: imageExpression } }
