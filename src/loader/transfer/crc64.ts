/** CRC-64 in WebAssembly. Node has none, and no library kept up with a fast network: crc64.wat takes half of hash-wasm's time. */
import { crc64Module } from './crc64-module.ts'

/** The part of WebAssembly used here; Node's types leave it to those of browsers. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    instantiate(bytes: Uint8Array): Promise<{ readonly instance: { readonly exports: unknown } }>
  }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly init: (polynomial: bigint) => void
  readonly update: (crc: bigint, length: number) => bigint
}

/** Offset and size of the input window in the memory of crc64.wat. */
const [windowStart, windowBytes] = [65_536, 262_144]
const inverted = 0xffff_ffff_ffff_ffffn

/** Loads the module, once per thread. The function continues the checksum of the previous bytes. */
export async function loadCrc64(polynomial: bigint): Promise<(bytes: Uint8Array, previous: bigint) => bigint> {
  const { instance } = await WebAssembly.instantiate(Buffer.from(crc64Module, 'base64'))
  const { memory, init, update } = instance.exports as Exports
  init(polynomial)
  const window = new Uint8Array(memory.buffer, windowStart, windowBytes)
  return (bytes, previous) => {
    let crc = previous ^ inverted
    for (let at = 0; at < bytes.length; at += windowBytes) {
      const piece = bytes.subarray(at, at + windowBytes)
      window.set(piece)
      crc = update(crc, piece.length)
    }
    return BigInt.asUintN(64, crc) ^ inverted
  }
}
