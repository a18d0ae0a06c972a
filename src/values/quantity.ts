/**
 * Kubernetes quantities: memory and storage in bytes, cpu in millicores. Numbers are exact up to 2^53 (8 PiB).
 * Source: k8s.io/apimachinery/pkg/api/resource/quantity.go.
 */
import { parsed, unreadable, type Parsed } from './parsed.ts'

export const Ki = 2 ** 10
export const Mi = 2 ** 20
export const Gi = 2 ** 30

const multipliers: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki, Mi, Gi, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}

const quantityPattern = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i))?$/

/** Reads bytes; a fraction of a byte is rounded up, as the API server does. */
export function parseBytes(text: string): Parsed<number> {
  const value = parseScalar(text)
  if (value === undefined) return unreadable('is not a Kubernetes quantity')
  const bytes = Math.ceil(value)
  return bytes >= 0 && Number.isSafeInteger(bytes) ? parsed(bytes) : unreadable('is out of range')
}

/** Reads millicores; a fraction of a millicore is rounded up. */
export function parseMillicores(text: string): Parsed<number> {
  const value = parseScalar(text)
  if (value === undefined) return unreadable('is not a Kubernetes quantity')
  // 0.1 cores are 100.00000000000001 in binary: what is nearer than a millionth to a whole number is that number.
  const millicores = Math.ceil(Number((value * 1000).toFixed(6)))
  return millicores >= 0 && Number.isSafeInteger(millicores) ? parsed(millicores) : unreadable('is out of range')
}

/** Like the two above, but zero is a mistake. */
export function parsePositiveBytes(text: string): Parsed<number> {
  return refuseZero(parseBytes(text))
}

export function parsePositiveMillicores(text: string): Parsed<number> {
  return refuseZero(parseMillicores(text))
}

/** Writes bytes with the largest binary suffix that keeps them exact. */
export function formatBytes(bytes: number): string {
  if (bytes > 0 && bytes % Gi === 0) return `${bytes / Gi}Gi`
  if (bytes > 0 && bytes % Mi === 0) return `${bytes / Mi}Mi`
  if (bytes > 0 && bytes % Ki === 0) return `${bytes / Ki}Ki`
  return String(bytes)
}

export function formatMillicores(millicores: number): string {
  return millicores % 1000 === 0 ? String(millicores / 1000) : `${millicores}m`
}

export function isQuantity(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && quantityPattern.test(value))
}

function parseScalar(text: string): number | undefined {
  const match = quantityPattern.exec(text)
  if (match === null) return undefined
  const [, digits = '', exponent, suffix = ''] = match
  return exponent === undefined ? Number(digits) * (multipliers[suffix] ?? Number.NaN) : Number(digits + exponent)
}

function refuseZero(result: Parsed<number>): Parsed<number> {
  return result.ok && result.value === 0 ? unreadable('must be more than zero') : result
}
