import { inflateRawSync } from 'node:zlib'

const END_OF_DIRECTORY = 0x06054b50
const DEFLATED = 8

/** One file of a zip archive, for archives whose content is known: no ZIP64, no encryption, no comment. */
export function zipEntry(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf(uint32(END_OF_DIRECTORY))
  if (end < 0) throw new Error('this is no zip archive')
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  for (let i = 0; i < count; i++) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      archive.readUInt16LE(at + offset),
    ) as [number, number, number]
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) return content(archive, at)
    at += 46 + nameLength + extraLength + commentLength
  }
  throw new Error(`the archive has no ${name}`)
}

function content(archive: Buffer, directoryEntry: number): Buffer {
  const method = archive.readUInt16LE(directoryEntry + 10)
  const size = archive.readUInt32LE(directoryEntry + 20)
  const header = archive.readUInt32LE(directoryEntry + 42)
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28)
  const bytes = archive.subarray(start, start + size)
  return method === DEFLATED ? inflateRawSync(bytes) : bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
