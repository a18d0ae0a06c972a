/** Requests to and results of the transfer: plain data, because it crosses threads. */
import type { Origin, S3Credentials } from '../../s3/origin.ts'
import type { Backoff } from '../../s3/patience.ts'
import type { CrcAlgorithm } from './crc.ts'

export interface PartJob {
  /** The caller's number of the object, given back in PartDone. */
  readonly object: number
  readonly key: string
  readonly etag: string
  readonly objectSize: number
  /** Absolute path. The file is created if missing; its directory exists. */
  readonly file: string
  readonly offset: number
  readonly length: number
  /** One GET without Range, which alone makes S3 send the object's checksums. The file is truncated first. */
  readonly whole: boolean
  readonly crc: 'none' | CrcAlgorithm
}

export interface PartDone {
  readonly object: number
  readonly offset: number
  readonly length: number
  readonly etag: string
  /** CRC of the written bytes as in S3: base64 of the big-endian value. */
  readonly crc?: string
  readonly crcAlgorithm?: CrcAlgorithm
  /** The x-amz-checksum-* headers of the answer, x-amz-checksum-type included. */
  readonly checksums: Readonly<Record<string, string>>
}

export interface RetryPolicy extends Backoff {
  /** Longest time in which a part fails again and again; an attempt that received at least 1 MiB ends it. */
  readonly patienceMs: number
}

export interface PoolSettings {
  readonly origin: Origin
  readonly region: string
  /** Those for small parts; a larger one takes the share of several. */
  readonly connections: number
  /** Time without a byte after which a connection is closed. */
  readonly idleLimitMs: number
  readonly retries: RetryPolicy
  readonly fileMode: number
  /** Mount of the volume that the files are on; undefined where nothing else writes. */
  readonly root: string | undefined
  readonly sync: 'part' | 'none'
}

/** Credentials of one generation; each refresh makes the next. */
export interface VersionedCredentials {
  readonly generation: number
  /** undefined: requests are not signed. */
  readonly value: S3Credentials | undefined
}
