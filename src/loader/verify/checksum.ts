/** Checksums of whole objects as S3 keeps them, to compare with the received bytes or with the file read back. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ChecksumAlgorithm } from '../../s3/s3.ts'
import { combineCrc, loadCrc, type CrcAlgorithm } from '../transfer/crc.ts'
import { timed } from '../volume/calls.ts'
import { openStaged } from '../volume/staged-file.ts'

export interface ExpectedChecksum {
  readonly algorithm: ChecksumAlgorithm
  /** base64, as S3 writes it. */
  readonly value: string
}

export interface PartCrc {
  readonly offset: number
  readonly length: number
  readonly crc?: string
}

export interface RunningChecksum {
  update(bytes: Uint8Array): void
  /** base64, as S3 writes it. */
  value(): string
}

const crcNames: Readonly<Partial<Record<ChecksumAlgorithm, CrcAlgorithm>>> = {
  CRC32: 'crc32',
  CRC32C: 'crc32c',
  CRC64NVME: 'crc64nvme',
}
const readBytes = 2 ** 20

/** Algorithms that can be computed while the bytes arrive come before those for which the file is read back. */
const preference: readonly ChecksumAlgorithm[] = ['CRC64NVME', 'CRC32C', 'CRC32', 'SHA256', 'SHA1']

export function crcOf(algorithm: ChecksumAlgorithm | undefined): CrcAlgorithm | undefined {
  return algorithm === undefined ? undefined : crcNames[algorithm]
}

export function preferredChecksum(
  checksums: Readonly<Partial<Record<ChecksumAlgorithm, string>>>,
): ExpectedChecksum | undefined {
  const algorithm = preference.find((candidate) => checksums[candidate] !== undefined)
  return algorithm === undefined ? undefined : { algorithm, value: checksums[algorithm] ?? '' }
}

/** Reads the headers of a response; undefined where S3 keeps no checksum, or only one composed of those of parts. */
export function checksumOfHeaders(headers: Readonly<Record<string, string>>): {
  expected: ExpectedChecksum | undefined
  composite: boolean
} {
  const values = preference.flatMap((algorithm) => {
    const value = headers[`x-amz-checksum-${algorithm.toLowerCase()}`]
    return value === undefined ? [] : [[algorithm, value] as const]
  })
  const composite = headers['x-amz-checksum-type'] === 'COMPOSITE' || values.some(([, value]) => value.includes('-'))
  return { expected: composite ? undefined : preferredChecksum(Object.fromEntries(values)), composite }
}

/** Combines the checksums of parts; undefined where a part has none. */
export function combineParts(algorithm: CrcAlgorithm, parts: readonly PartCrc[]): string | undefined {
  const [first, ...rest] = [...parts].sort((a, b) => a.offset - b.offset)
  return rest.reduce<string | undefined>(
    (whole, { crc, length }) =>
      whole === undefined || crc === undefined ? undefined : combineCrc(algorithm, whole, crc, length),
    first?.crc,
  )
}

/** Opens the file by `openFile`: a file of a staging is never a link, one of a mounted model may be. */
export async function checksumOfFile(
  path: string,
  algorithm: ChecksumAlgorithm,
  signal: AbortSignal,
  openFile: (path: string) => Promise<FileHandle> = openStaged,
): Promise<string> {
  const running = await startChecksum(algorithm)
  const file = await openFile(path)
  try {
    const buffer = Buffer.allocUnsafe(readBytes)
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await timed(path, file.read(buffer, 0, readBytes))
      if (bytesRead === 0) return running.value()
      running.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}

export async function startChecksum(algorithm: ChecksumAlgorithm): Promise<RunningChecksum> {
  const crc = crcOf(algorithm)
  if (crc !== undefined) return (await loadCrc(crc))()
  const hash = createHash(algorithm === 'SHA1' ? 'sha1' : 'sha256')
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    value: () => hash.digest('base64'),
  }
}
