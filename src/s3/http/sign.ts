/**
 * AWS Signature Version 4 of a request without a body. A library took 100 µs of CPU per request, a third of the cost of a
 * small object; with the day's key kept as a KeyObject it is a tenth of that. Tests compare it with the library.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { S3Credentials } from '../origin.ts'

export interface Signing {
  readonly region: string
  readonly credentials: S3Credentials
  readonly now: Date
}

/** SHA-256 of no body. UNSIGNED-PAYLOAD would do on TLS only. */
const emptyBodyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Values by lower-case name. */
export type Headers = Readonly<Record<string, string>>

export interface Unsigned {
  readonly method: string
  /** Percent-encoded. */
  readonly path: string
  /** Percent-encoded and sorted, without its question mark. */
  readonly query: string
  readonly headers: Headers
}

/** Adds the signature to the headers. */
export function signHeaders(
  { method, path, query, headers }: Unsigned,
  { region, credentials, now }: Signing,
): Record<string, string> {
  const { accessKeyId, sessionToken } = credentials
  const time = now.toISOString().replace(/[:-]|\.\d{3}/g, '')
  const day = time.slice(0, 8)
  const signed: Record<string, string> = { ...headers, 'x-amz-content-sha256': emptyBodyHash, 'x-amz-date': time }
  if (sessionToken !== undefined) signed['x-amz-security-token'] = sessionToken
  const names = Object.keys(signed).sort()
  let lines = ''
  for (const name of names) lines += `${name}:${signed[name]?.trim() ?? ''}\n`
  const list = names.join(';')
  const scope = `${day}/${region}/s3/aws4_request`
  const canonicalHash = hash('sha256', `${method}\n${path}\n${query}\n${lines}\n${list}\n${emptyBodyHash}`)
  const signature = createHmac('sha256', signingKey(credentials, region, day))
    .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${canonicalHash}`)
    .digest('hex')
  signed.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`
  return signed
}

let kept:
  | { readonly secret: string; readonly region: string; readonly day: string; readonly key: KeyObject }
  | undefined

/** Caches one key, which is valid for a day or until the credentials change. */
function signingKey({ secretAccessKey: secret }: S3Credentials, region: string, day: string): KeyObject {
  if (kept?.secret === secret && kept.region === region && kept.day === day) return kept.key
  const bytes = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, text) => createHmac('sha256', key).update(text).digest(),
    Buffer.from(`AWS4${secret}`),
  )
  const key = createSecretKey(bytes)
  kept = { secret, region, day, key }
  return key
}
