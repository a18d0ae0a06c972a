/**
 * Requirements on every loader engine, one case a row. A case arranges objects and faults, and says how the loader ends; the
 * suite then looks at exit code, message and volume, takes the faults away, runs the loader again, and expects a whole model
 * and no staging, unless the case says otherwise.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { LoaderEnd } from '../kit/s3/loader-run.ts'
import type { Stage } from '../kit/s3/loader-world.ts'

export interface LoaderCase {
  readonly name: string
  readonly exit: number
  readonly says?: RegExp
  readonly arrange: (stage: Stage) => Promise<Arranged | undefined> | Promise<void>
  /** Limits of this engine by its nature, in the words of the docs. */
  readonly cannot?: Readonly<Partial<Record<'native' | 's5cmd', string>>>
}

export interface Arranged {
  readonly env?: Readonly<Record<string, string>>
  /** Only of the run with the fault: short limits, which a run that has to succeed may exceed on a busy machine. */
  readonly faultEnv?: Readonly<Record<string, string>>
  /** How a run without faults ends; 0 without it. */
  readonly next?: number
  readonly after?: (t: Test, stage: Stage, end: LoaderEnd) => Promise<void> | void
}

const MiB = 2 ** 20

async function small(stage: Stage): Promise<void> {
  await stage.put('config.json', '{"layers":32}')
  await stage.put('shards/model-00001.safetensors', bytes(200_000, 1))
}

async function large(stage: Stage, size = 40 * MiB): Promise<void> {
  await stage.put('weights.bin', bytes(size, 2))
}

/** A part in the middle for the engine that reads parts of 16 MiB; the other one reads all of it at once. */
function middleRange({ world }: Stage): RegExp {
  return world.engine.name === 'native' ? /16777216/ : /./
}

/** Content that no two offsets share. */
export function bytes(size: number, seed: number): Uint8Array {
  const buffer = new Uint32Array(Math.ceil(size / 4))
  let state = seed * 2654435761
  for (let i = 0; i < buffer.length; i++) {
    state = Math.imul(state ^ (state >>> 15), 2246822519) + i
    buffer[i] = state
  }
  return new Uint8Array(buffer.buffer, 0, size)
}

export const loaderCases: readonly LoaderCase[] = [
  { name: 'a small model is loaded', exit: 0, says: /^ready: 2 files/m, arrange: small },
  { name: 'a large object is loaded in parts', exit: 0, arrange: (stage) => large(stage) },
  {
    name: 'an object of a multipart upload with a checksum of the whole is verified',
    exit: 0,
    arrange: (stage) =>
      stage.put('weights.bin', bytes(20 * MiB, 3), {
        checksum: 'CRC32C',
        checksumType: 'FULL_OBJECT',
        multipartBytes: 8 * MiB,
      }),
  },
  {
    name: 'an object with a checksum composed of parts is loaded',
    exit: 0,
    arrange: (stage) =>
      stage.put('weights.bin', bytes(20 * MiB, 4), {
        checksum: 'SHA256',
        checksumType: 'COMPOSITE',
        multipartBytes: 8 * MiB,
      }),
  },
  {
    name: 'objects of every checksum are loaded',
    exit: 0,
    arrange: async (stage) => {
      for (const checksum of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
        await stage.put(checksum, bytes(100_000, 5), { checksum })
      }
    },
  },
  {
    name: 'zero-byte objects are files, directory markers are not',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await stage.put('empty', '')
      await stage.world.server.putObject(stage.bucket, `${stage.prefix}sub/`, '')
    },
  },
  {
    name: 'odd but lawful keys keep their names',
    exit: 0,
    arrange: async (stage) => {
      for (const path of [
        'a b.txt',
        "it's",
        'say "hi"',
        '$(touch hacked)',
        '`touch hacked`',
        'größe-模型',
        '-rf',
        '*.bin',
        'a+b=c&d',
        '.hidden',
        'sub/-x',
      ]) {
        await stage.put(path, path)
      }
    },
  },
  {
    name: 'a single object keeps its own name',
    exit: 0,
    arrange: async (stage) => {
      await stage.put('weights.bin', 'weights')
      await stage.world.server.putObject(stage.bucket, `${stage.prefix}weights.bin.sha256`, 'x')
      return { env: { MODEL_SOURCE: `s3://models/${stage.prefix}weights.bin` } }
    },
  },
  {
    name: 'a prefix that is the beginning of another takes nothing of it',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await stage.world.server.putObject(stage.bucket, `${stage.prefix.slice(0, -1)}-2/other`, 'other')
    },
  },
  {
    name: 'exclude leaves objects out',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await stage.world.server.putObject(stage.bucket, `${stage.prefix}original/old.bin`, 'x')
      return { env: { MODEL_EXCLUDE: 'original/*' } }
    },
  },
  {
    name: 'include chooses objects',
    exit: 0,
    arrange: async (stage) => {
      await stage.put('a.json', 'a')
      await stage.world.server.putObject(stage.bucket, `${stage.prefix}b.bin`, 'b')
      return { env: { MODEL_INCLUDE: '*.json' } }
    },
  },
  {
    name: 'the expected objects are there',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_EXPECT: 'objects=2,bytes=200013' } }
    },
  },
  {
    name: 'an upload that is not complete does not start the app',
    exit: 15,
    says: /3 objects were expected, 2 are there/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_EXPECT: 'objects=3' }, next: 15 }
    },
  },
  {
    name: 'a model that its manifest describes is loaded',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_EXPECT: await putManifest(stage) } }
    },
  },
  {
    name: 'a manifest that other content was hashed for is refused',
    exit: 15,
    says: /SHA-256|sha256|manifest/,
    arrange: async (stage) => {
      await small(stage)
      const expect = await putManifest(stage)
      await stage.put('config.json', '{"layers":33}')
      return { env: { MODEL_EXPECT: expect }, next: 15 }
    },
  },
  {
    name: 'a manifest of another version is refused',
    exit: 15,
    says: /manifest/,
    arrange: async (stage) => {
      await small(stage)
      await putManifest(stage)
      return { env: { MODEL_EXPECT: `manifest=manifest.sha256@sha256:${'0'.repeat(64)}` }, next: 15 }
    },
  },
  {
    name: 'a model that may be written to is loaded',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_READ_ONLY: 'false' } }
    },
  },
  {
    name: 'a thousand keys and more are listed over several pages',
    exit: 0,
    arrange: async (stage) => {
      for (let i = 0; i < 1100; i++) {
        await stage.world.server.placeObject(stage.bucket, `${stage.prefix}shard-${i}`, `content ${i}`)
        stage.model.set(`shard-${i}`, `content ${i}`)
      }
    },
  },
  {
    name: 'nothing below the prefix',
    exit: 12,
    says: /no object below|nothing is there/,
    arrange: () => Promise.resolve({ next: 12 }),
  },
  {
    name: 'a prefix without its slash',
    exit: 12,
    says: /write s3:\/\/models\/case-[0-9a-f]+\//,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_SOURCE: `s3://models/${stage.prefix.slice(0, -1)}` }, next: 12 }
    },
  },
  {
    name: 'no such bucket',
    exit: 11,
    says: /there is no bucket no-such-bucket/,
    arrange: () => Promise.resolve({ env: { MODEL_SOURCE: 's3://no-such-bucket/x/' }, next: 11 }),
  },
  {
    name: 'a bucket of another region',
    exit: 11,
    says: /ap-southeast-2/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({ times: 'always', action: { kind: 'redirect', region: 'ap-southeast-2' } })
    },
  },
  {
    name: 'a server whose name does not resolve',
    exit: 14,
    says: /resolve/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_ENDPOINT: 'https://s3.invalid', MODEL_TIMEOUT_SECONDS: '20' }, next: 14 }
    },
  },
  {
    name: 'a server with an untrusted certificate',
    exit: 11,
    says: /TLS|certificate/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { NODE_EXTRA_CA_CERTS: '/dev/null', SSL_CERT_FILE: '/dev/null' }, next: 11 }
    },
  },
  {
    name: 'a wrong key',
    exit: 10,
    says: /access denied/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { AWS_SECRET_ACCESS_KEY: 'wrong' }, next: 10 }
    },
  },
  {
    name: 'listing denied',
    exit: 10,
    says: /access denied/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({
        match: { operation: 'list' },
        times: 'always',
        action: { kind: 'status', status: 403, code: 'AccessDenied' },
      })
    },
  },
  {
    name: 'reading denied',
    exit: 10,
    says: /access denied/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({
        match: { operation: 'get' },
        times: 'always',
        action: { kind: 'status', status: 403, code: 'AccessDenied' },
      })
    },
  },
  {
    name: 'a clock that is off',
    exit: 11,
    says: /clock/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({ times: 'always', action: { kind: 'status', status: 403, code: 'RequestTimeTooSkewed' } })
    },
  },
  {
    name: 'no identity at all',
    exit: 78,
    says: /no workload identity was injected/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_CREDENTIALS: 'pod-identity' }, next: 78 }
    },
  },
  ...unsafeKeys(),
  {
    name: 'an archived object',
    exit: 14,
    says: /archived|Glacier/i,
    arrange: async (stage) => {
      await small(stage)
      stage.world.proxy.forge(stage.bucket, {
        key: `${stage.prefix}shards/model-00001.safetensors`,
        storageClass: 'GLACIER',
      })
    },
  },
  {
    name: 'a deeply archived object',
    exit: 14,
    says: /archived|Glacier/i,
    arrange: async (stage) => {
      await small(stage)
      stage.world.proxy.forge(stage.bucket, { key: `${stage.prefix}config.json`, storageClass: 'DEEP_ARCHIVE' })
    },
  },
  {
    name: 'an object dated in the future',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await stage.world.server.setLastModified(
        stage.bucket,
        `${stage.prefix}config.json`,
        new Date(Date.now() + 3_600_000),
      )
    },
  },
  {
    name: 'a size annotation that is too small',
    exit: 13,
    says: /size annotation/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_SIZE_BYTES: '1000' }, next: 13 }
    },
  },
  {
    name: 'a listing that fails for a while',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({ match: { operation: 'list' }, times: 3, action: { kind: 'status', status: 503, code: 'SlowDown' } })
    },
  },
  {
    name: 'objects that are throttled for a while',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await large(stage)
      stage.fault({ match: { operation: 'get' }, times: 6, action: { kind: 'status', status: 503, code: 'SlowDown' } })
    },
  },
  {
    name: 'errors of the server for a while',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({
        match: { operation: 'get' },
        times: 2,
        action: { kind: 'status', status: 500, code: 'InternalError' },
      })
      stage.fault({
        match: { operation: 'get' },
        times: 2,
        action: { kind: 'status', status: 429, code: 'TooManyRequests' },
      })
    },
  },
  {
    name: 'a body that is cut off',
    exit: 0,
    arrange: async (stage) => {
      await large(stage)
      stage.fault({ match: { operation: 'get' }, times: 2, action: { kind: 'truncate', afterBytes: 100_000 } })
    },
  },
  {
    name: 'a connection that is reset',
    exit: 0,
    arrange: async (stage) => {
      await large(stage)
      stage.fault({ match: { operation: 'get' }, times: 2, action: { kind: 'reset', afterBytes: 100_000 } })
    },
  },
  {
    name: 'a connection that is dropped before any answer',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({ match: { operation: 'get' }, times: 2, action: { kind: 'drop' } })
    },
  },
  {
    name: 'a slow body',
    exit: 0,
    arrange: async (stage) => {
      await stage.put('slow.bin', bytes(300_000, 6))
      stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'slow', bytesPerSecond: 150_000 } })
    },
  },
  {
    name: 'one connection that stalls in the middle',
    exit: 0,
    arrange: async (stage) => {
      await large(stage)
      stage.fault({ match: { operation: 'get' }, action: { kind: 'stall', afterBytes: 100_000 } })
      return { env: { MODEL_STALL_TIMEOUT_SECONDS: '16' } }
    },
  },
  {
    name: 'a source that stalls for ever',
    exit: 17,
    says: /no progress/,
    arrange: async (stage) => {
      await large(stage)
      stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'stall', afterBytes: 1000 } })
      return { faultEnv: { MODEL_STALL_TIMEOUT_SECONDS: '2' } }
    },
  },
  {
    name: 'a download that does not end in time',
    exit: 17,
    says: /no progress|not finished/,
    arrange: async (stage) => {
      await stage.put('slow.bin', bytes(300_000, 6))
      stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'slow', bytesPerSecond: 20_000 } })
      return { faultEnv: { MODEL_TIMEOUT_SECONDS: '3' } }
    },
  },
  {
    name: 'objects that are throttled for ever',
    exit: 17,
    says: /no progress in time: .*not one byte in 3 s/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({
        match: { operation: 'get' },
        times: 'always',
        action: { kind: 'status', status: 503, code: 'SlowDown' },
      })
      return { faultEnv: { MODEL_STALL_TIMEOUT_SECONDS: '3' } }
    },
  },
  {
    name: 'a byte that changed on the way',
    exit: 15,
    says: /verification failed/,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({
        match: { operation: 'get', key: /config/ },
        times: 'always',
        action: { kind: 'corrupt', atByte: 3 },
      })
    },
  },
  {
    name: 'a byte of a large object that changed on the way',
    exit: 15,
    says: /verification failed/,
    arrange: async (stage) => {
      await large(stage)
      stage.fault({
        match: { operation: 'get', range: middleRange(stage) },
        times: 'always',
        action: { kind: 'corrupt', atByte: 5 },
      })
    },
  },
  {
    name: 'an object that is replaced while it is read',
    exit: 0,
    says: /weights\.bin changed while it was read; listing again/,
    arrange: async (stage) => {
      await large(stage)
      const other = bytes(40 * MiB, 9)
      stage.fault({ match: { operation: 'get', range: middleRange(stage) }, action: { kind: 'replace', body: other } })
      stage.model.set('weights.bin', other)
    },
  },
  {
    name: 'an answer with another range than asked for',
    exit: 14,
    says: /the download failed/,
    cannot: { s5cmd: 'asks in ranges of its own; the whole file is compared instead' },
    arrange: async (stage) => {
      await large(stage)
      stage.fault({
        match: { operation: 'get' },
        times: 'always',
        action: { kind: 'headers', headers: { 'content-range': 'bytes 0-9/10' } },
      })
    },
  },
  {
    name: 'answers that close every connection',
    exit: 0,
    arrange: async (stage) => {
      for (let i = 0; i < 20; i++) await stage.put(`part-${i}`, `content ${i}`)
      stage.fault({ times: 'always', action: { kind: 'close' } })
    },
  },
  {
    name: 'chunked answers',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'chunked' } })
    },
  },
  {
    name: 'files of somebody else at the destination',
    exit: 18,
    says: /did not write/,
    arrange: async (stage) => {
      await small(stage)
      await mkdir(join(stage.root, stage.id))
      await writeFile(join(stage.root, stage.id, 'foreign'), 'x')
      return {
        next: 18,
        after: async (t) => {
          t.equal(await readFile(join(stage.root, stage.id, 'foreign'), 'utf8'), 'x', 'nothing of it was touched')
        },
      }
    },
  },
  {
    name: 'an empty directory at the destination',
    exit: 0,
    arrange: async (stage) => {
      await small(stage)
      await mkdir(join(stage.root, stage.id, 'files'), { recursive: true })
    },
  },
  {
    name: 'an environment with several mistakes',
    exit: 64,
    says: /MODEL_ID.*MODEL_TIMEOUT_SECONDS/,
    arrange: async (stage) => {
      await small(stage)
      return { env: { MODEL_ID: '../../etc', MODEL_TIMEOUT_SECONDS: 'soon' }, next: 64 }
    },
  },
]

function unsafeKeys(): LoaderCase[] {
  const keys: readonly (readonly [string, readonly string[]])[] = [
    ['a key that leaves its directory', ['../escape']],
    ['an empty segment', ['a//b']],
    ['a dot segment', ['a/./b']],
    ['a newline', ['a\nb']],
    ['a control character', ['a\u0001b']],
    ['a segment that is too long', ['x'.repeat(300)]],
    ['a file and a directory of one name', ['k', 'k/x']],
  ]
  return keys.map(([what, paths]) => ({
    name: `an unsafe key: ${what}`,
    exit: 16,
    says: /unsafe keys: [^;]*(has an?|has the|is a) /,
    arrange: async (stage) => {
      await small(stage)
      for (const path of paths) stage.world.proxy.forge(stage.bucket, { key: stage.prefix + path, body: 'x' })
    },
  }))
}

/** Uploads a manifest of the model so far; gives the expectation that pins it. */
export async function putManifest(stage: Stage): Promise<string> {
  const lines = [...stage.model]
    .map(([path, body]) => `${createHash('sha256').update(body).digest('hex')}  ${path}\n`)
    .join('')
  await stage.put('manifest.sha256', lines)
  return `manifest=manifest.sha256@sha256:${createHash('sha256').update(lines).digest('hex')}`
}
