/**
 * The checksums that S3 keeps per object and that can be combined from those of parts: CRC-32, CRC-32C and CRC-64/NVME.
 * Values are base64 of the big-endian number, as in S3.
 */
import { crc32 } from 'node:zlib'

export const crcAlgorithms = ['crc32', 'crc32c', 'crc64nvme'] as const
export type CrcAlgorithm = (typeof crcAlgorithms)[number]
/** The algorithm for objects without a CRC in S3, so that their parts can be verified in a later run. Node has it built in. */
export const ownCrc: CrcAlgorithm = 'crc32'

export interface RunningCrc {
  update(bytes: Uint8Array): void
  value(): string
}

/** Bit-reflected, as all three are defined. */
const polynomials = {
  crc32: { width: 32n, polynomial: 0xedb88320n },
  crc32c: { width: 32n, polynomial: 0x82f63b78n },
  crc64nvme: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
} as const satisfies Record<CrcAlgorithm, { width: bigint; polynomial: bigint }>

/** Loads the code of an algorithm on demand and returns a function that starts a checksum. */
export async function loadCrc(algorithm: CrcAlgorithm): Promise<() => RunningCrc> {
  switch (algorithm) {
    case 'crc32':
      return () => startNumber(crc32)
    case 'crc32c':
      return crc32cStarter()
    case 'crc64nvme':
      return crc64Starter()
  }
}

/** The CRC of A followed by B, from the CRC of each and the length of B. */
export function combineCrc(algorithm: CrcAlgorithm, crcA: string, crcB: string, lengthB: number): string {
  const combined = multiply(algorithm, powerOfX(algorithm, lengthB), fromBase64(crcA)) ^ fromBase64(crcB)
  return toBase64(combined, Number(polynomials[algorithm].width) / 8)
}

async function crc32cStarter(): Promise<() => RunningCrc> {
  const { crc32c } = await import('@node-rs/crc32')
  return () => startNumber(crc32c)
}

function startNumber(next: (bytes: Uint8Array, previous: number) => number): RunningCrc {
  let crc = 0
  return {
    update: (bytes) => {
      crc = next(bytes, crc)
    },
    value: () => toBase64(BigInt(crc), 4),
  }
}

async function crc64Starter(): Promise<() => RunningCrc> {
  const { loadCrc64 } = await import('./crc64.ts')
  const next = await loadCrc64(polynomials.crc64nvme.polynomial)
  return () => {
    let crc = 0n
    return {
      update: (bytes) => {
        crc = next(bytes, crc)
      },
      value: () => toBase64(crc, 8),
    }
  }
}

function toBase64(value: bigint, bytes: number): string {
  return Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex').toString('base64')
}

function fromBase64(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'base64').toString('hex')}`)
}

const powers = new Map<string, bigint>()

/** x^(8 * bytes) modulo the polynomial; nearly all parts of a download have one length, so the last results are kept. */
function powerOfX(algorithm: CrcAlgorithm, bytes: number): bigint {
  const name = `${algorithm} ${bytes}`
  const known = powers.get(name)
  if (known !== undefined) return known
  if (powers.size > 100) powers.clear()
  const power = computePower(algorithm, bytes)
  powers.set(name, power)
  return power
}

function computePower(algorithm: CrcAlgorithm, bytes: number): bigint {
  const one = 1n << (polynomials[algorithm].width - 1n)
  let result = one
  let square = one >> 8n
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(algorithm, square, result)
    square = multiply(algorithm, square, square)
  }
  return result
}

/** a * b modulo the polynomial, reflected: the highest bit is x^0 (as `multmodp` in zlib). */
function multiply(algorithm: CrcAlgorithm, a: bigint, b: bigint): bigint {
  const { width, polynomial } = polynomials[algorithm]
  let product = 0n
  let shifted = b
  for (let bit = 1n << (width - 1n); bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted
    shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial
  }
  return product
}
