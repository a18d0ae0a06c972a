/** Bytes that are the same for the same seed, of any size, without keeping them: any range can be made on its own. */
import { createCipheriv, createHash } from 'node:crypto'

const AES_BLOCK = 16
const CHUNK = 8 * 1024 * 1024

export function pseudoRandomBytes(seed: string, offset: number, length: number): Buffer {
  const skipped = offset % AES_BLOCK
  const counter = Buffer.alloc(AES_BLOCK)
  counter.writeBigUInt64BE(BigInt((offset - skipped) / AES_BLOCK), 8)
  const key = createHash('sha256').update(seed).digest().subarray(0, AES_BLOCK)
  return createCipheriv('aes-128-ctr', key, counter)
    .update(Buffer.alloc(skipped + length))
    .subarray(skipped)
}

/** Content of an object: given bytes, or a number of pseudo-random ones. */
export interface Content {
  readonly size: number
  readonly bytes: (offset: number, length: number) => Buffer
}

export function contentOf(body: string | Uint8Array | number, seed: string): Content {
  if (typeof body === 'number') {
    return { size: body, bytes: (offset, length) => pseudoRandomBytes(seed, offset, length) }
  }
  const buffer = Buffer.from(body)
  return { size: buffer.length, bytes: (offset, length) => buffer.subarray(offset, offset + length) }
}

export function* chunksOf({ size, bytes }: Content): Generator<Buffer> {
  for (let offset = 0; offset < size; offset += CHUNK) yield bytes(offset, Math.min(CHUNK, size - offset))
}

export function sha256Of(content: Content): string {
  const hash = createHash('sha256')
  for (const chunk of chunksOf(content)) hash.update(chunk)
  return hash.digest('hex')
}
