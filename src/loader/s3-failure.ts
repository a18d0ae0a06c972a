/** Maps errors of S3 to failures of the loader. */
import { endless, S3Error, unbelievable, type S3Problem } from '../aws/s3-api.ts'
import { printable } from '../values/printable.ts'
import type { S3Source } from '../values/source.ts'
import { LoaderFailure, type Exit } from './exit-codes.ts'

const networkCodes: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server does not resolve',
  EAI_AGAIN: 'the name of the server does not resolve',
  ECONNREFUSED: 'the server refuses the connection',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'the server does not answer',
  EHOSTUNREACH: 'the server is not reachable',
  ENETUNREACH: 'the network is not reachable',
  EPIPE: 'the connection was cut',
  TimeoutError: 'the server does not answer',
}

const tlsCode = /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|EPROTO)/

/** Exits for a response that is no listing, and for a listing that does not end. */
const exitOfOurs: Readonly<Record<string, Exit>> = { [unbelievable]: 'CannotList', [endless]: 'NoProgress' }
const stranger = 'see what answers at the endpoint: a proxy, a cache, or a server that lists otherwise than S3'

const untrusted = 'check the endpoint; for a certificate of your own, an operator sets loader.caCertificates'

/** Converts an S3Error; failures, aborts and bugs are returned unchanged. */
export function failureOf(error: unknown, source: S3Source, doing: 'list' | 'read'): unknown {
  if (!(error instanceof S3Error)) return error
  const { problem } = error
  const options = { cause: error }
  if (problem.code === 'RequestTimeTooSkewed') {
    const remedy = 'correct the clock of the node'
    return new LoaderFailure('CannotList', 'the clock of the node is off', { ...options, remedy })
  }
  if (problem.status === 403) return new LoaderFailure('Denied', `${source.uri}: ${words(problem)}`, options)
  const region = regionFailure(problem, source, options)
  if (region !== undefined) return region
  const ours = exitOfOurs[problem.code]
  if (ours !== undefined) {
    return new LoaderFailure(ours, `${source.uri}: ${problem.message}`, { ...options, remedy: stranger })
  }
  if (problem.code === 'NoSuchBucket') {
    return new LoaderFailure('CannotList', `there is no bucket ${source.bucket}`, options)
  }
  if (problem.code === 'InvalidObjectState') {
    return new LoaderFailure('DownloadFailed', `${source.uri} is archived`, {
      ...options,
      remedy: 'restore it from Glacier first',
    })
  }
  const remedy = tlsCode.test(problem.code) ? { remedy: untrusted } : {}
  return new LoaderFailure(doing === 'list' ? 'CannotList' : 'DownloadFailed', `${source.uri}: ${words(problem)}`, {
    ...options,
    ...remedy,
  })
}

function regionFailure(
  { status, code, region }: S3Problem,
  { bucket }: S3Source,
  options: ErrorOptions,
): LoaderFailure | undefined {
  const redirected =
    status === 301 || status === 307 || code === 'PermanentRedirect' || code === 'AuthorizationHeaderMalformed'
  if (!redirected) return undefined
  const where = region === undefined ? 'another region' : `the region ${region}`
  const remedy = region === undefined ? 'set the region annotation' : `set the region annotation to ${region}`
  return new LoaderFailure('CannotList', `the bucket ${bucket} is in ${where}`, { ...options, remedy })
}

function words({ code, message }: S3Problem): string {
  if (tlsCode.test(code)) return `TLS: ${withoutNodesHint(message)}`
  return networkCodes[code] ?? printable(`${code}: ${message}`)
}

/** Removes Node's advice to use a flag, which cannot be set in a pod. */
function withoutNodesHint(message: string): string {
  return message.replace(/; if the root CA is installed locally.*$/s, '')
}
