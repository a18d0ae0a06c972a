/**
 * Kubernetes quantities: memory and storage in bytes, cpu in millicores. Numbers are exact up to 2^53 (8 PiB).
 * Source: k8s.io/apimachinery/pkg/api/resource/quantity.go.
 */
import { parsed, unreadable, type Parsed } from './parsed.ts'
import type { ValueKind } from './value-form.ts'

const Ki = 2 ** 10
export const Mi = 2 ** 20
export const Gi = 2 ** 30

/** Powers of two and of ten by suffix. */
const suffixes: Readonly<Record<string, readonly [bits: number, tens: number]>> = {
  n: [0, -9],
  u: [0, -6],
  m: [0, -3],
  '': [0, 0],
  k: [0, 3],
  M: [0, 6],
  G: [0, 9],
  T: [0, 12],
  P: [0, 15],
  E: [0, 18],
  Ki: [10, 0],
  Mi: [20, 0],
  Gi: [30, 0],
  Ti: [40, 0],
  Pi: [50, 0],
  Ei: [60, 0],
}

const quantityPattern =
  /^(?=[+-]?\.?\d)(?<digits>[+-]?\d*)(?:\.(?<fraction>\d*))?(?:[eE](?<exponent>[+-]?\d{1,3})|(?<suffix>[numkMGTPE]|[KMGTPE]i)?)$/

/** The same with a digit that is not zero, and no minus. */
const positiveExpression =
  '\\+?(?:\\d*[1-9]\\d*(?:\\.\\d*)?|\\d*\\.\\d*[1-9]\\d*)(?:[eE][+-]?\\d{1,3}|[numkMGTPE]|[KMGTPE]i)?'

export const millicoresValue: ValueKind<number> = {
  parse: parsePositiveMillicores,
  form: { expression: positiveExpression, quantity: { above: '0', most: `${Number.MAX_SAFE_INTEGER}m` } },
}

export const bytesValue: ValueKind<number> = {
  parse: parsePositiveBytes,
  form: { expression: positiveExpression, quantity: { above: '0', most: String(Number.MAX_SAFE_INTEGER) } },
}

/** Longer than any quantity of a cluster; arithmetic on a million digits would block all requests. */
const longestQuantity = 64

/** Reads bytes; a fraction of a byte is rounded up, as the API server does. */
export function parseBytes(text: string): Parsed<number> {
  return parseWhole(text, 0)
}

/** Reads millicores; a fraction of a millicore is rounded up. */
export function parseMillicores(text: string): Parsed<number> {
  return parseWhole(text, 3)
}

/** Like the two above, but zero is an error. */
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

const wholePattern = /^(\d{1,15})([A-Za-z]{0,2})$/

/** The quantity times a power of ten. Whole numbers, as nearly all are, take no BigInt, which costs several times as much. */
function parseWhole(text: string, powerOfTen: number): Parsed<number> {
  const [, digits, suffix = ''] = wholePattern.exec(text) ?? []
  const [bits, tens] = suffixes[suffix] ?? [0, Number.NEGATIVE_INFINITY]
  const value = tens + powerOfTen < 0 ? Number.NaN : Number(digits) * 2 ** bits * 10 ** (tens + powerOfTen)
  return Number.isSafeInteger(value) ? parsed(value) : parseExactly(text, powerOfTen)
}

/** Exactly, then rounded up: in binary 0.07k would be 70.00000000000001, so 71. */
function parseExactly(text: string, powerOfTen: number): Parsed<number> {
  const { digits, fraction = '', exponent = '0', suffix = '' } = quantityParts(text)
  if (digits === undefined) return unreadable(`is not a Kubernetes quantity${meantQuantity(text)}`)
  const value = scale(
    BigInt(digits + fraction),
    suffixes[suffix] ?? [0, 0],
    powerOfTen + Number(exponent) - fraction.length,
  )
  return value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? parsed(Number(value)) : unreadable('is out of range')
}

/** People write units as disks have them: 20GB, 20 GiB, 512mb. */
const unitWithByte = /^(\d{1,9}(?:\.\d{1,9})?)\s?([kKmMgGtTpP])(?:i?[bB]|i?)$/

function meantQuantity(text: string): string {
  const [, number, unit] = unitWithByte.exec(text) ?? []
  if (number === undefined || unit === undefined) return ''
  const binary = `${number}${unit.toUpperCase()}i`
  return `; write ${binary}, or ${number}${unit.toUpperCase() === 'K' ? 'k' : unit.toUpperCase()} for powers of ten`
}

function quantityParts(text: string): Readonly<Record<string, string | undefined>> {
  const parts = text.length > longestQuantity ? undefined : quantityPattern.exec(text)?.groups
  return parts ?? {}
}

/** Rounds up; any negative value becomes -1. */
function scale(digits: bigint, [bits, tens]: readonly [bits: number, tens: number], powerOfTen: number): bigint {
  const shift = tens + powerOfTen
  const scaled = digits * 2n ** BigInt(bits) * 10n ** BigInt(Math.max(shift, 0))
  const divisor = 10n ** BigInt(Math.max(-shift, 0))
  return scaled < 0n ? -1n : (scaled + divisor - 1n) / divisor
}

function refuseZero(result: Parsed<number>): Parsed<number> {
  return result.ok && result.value === 0 ? unreadable('must be more than zero') : result
}

/** Adds space for the file system's own needs: 2 % and 64Mi. */
export function withHeadroom(bytes: number): number {
  return roundUpToMi(Math.ceil(bytes * 1.02) + 64 * Mi)
}

export function roundUpToMi(bytes: number): number {
  return Math.ceil(bytes / Mi) * Mi
}
