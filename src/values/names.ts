/** Names as the Kubernetes API defines them (k8s.io/apimachinery/pkg/util/validation/validation.go). */
import { parsed, unreadable, type Parsed } from './parsed.ts'

const dnsLabel = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const dnsSubdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const envVarName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/

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
  return /^\w(?:[\w.:/@-]*\w)?$/.test(text) ? parsed(text) : unreadable('is not an image reference')
}
