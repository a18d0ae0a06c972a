/** Maps an error of a connection, from the look-up of its name to its reset, to the problem that it means. */
import { singleLine, shorten } from '../values/print/printable.ts'
import { plainTls } from './answer-problem.ts'
import { MalformedAnswer } from './http/response.ts'
import { ProxyRefusal } from './http/tunnel.ts'
import type { ProblemKind } from './meaning.ts'
import { problemOf, S3Error, type S3Problem } from './s3-error.ts'

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server does not resolve',
  EAI_AGAIN: 'the name of the server does not resolve',
  ECONNREFUSED: 'the server refuses the connection',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'the server does not answer',
  EHOSTUNREACH: 'the server is not reachable',
  ENETUNREACH: 'the network is not reachable',
  EPIPE: 'the connection was cut',
}

const tlsCodes =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|ERR_TLS_|ERR_SSL_|EPROTO)/
/** OpenSSL's names for an answer that is no TLS. */
const notTls = /wrong version number|packet length too long|http request|record overflow/i

export function problemOfError(error: unknown): S3Problem {
  if (error instanceof S3Error) return error.problem
  if (error instanceof ProxyRefusal) return refusalOfProxy(error)
  if (error instanceof MalformedAnswer) {
    return error.isTls ? problemOf('plainTls', plainTls, 0) : problemOf('malformed', error.message, 0)
  }
  const { code, message } = innermost(error)
  const kind = kindOf(code, message)
  return { kind, status: 0, code: code ?? '', message: textOf(kind, code, message), region: undefined }
}

function refusalOfProxy({ status, message }: ProxyRefusal): S3Problem {
  return problemOf(status >= 500 ? 'unavailable' : 'proxyRefused', message, 0)
}

function kindOf(code: string | undefined, message: string): ProblemKind {
  if (code === undefined) return 'network'
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns'
  if (!tlsCodes.test(code)) return 'network'
  return notTls.test(message) || notTls.test(code.replaceAll('_', ' ')) ? 'plainHttp' : 'tls'
}

function textOf(kind: ProblemKind, code: string | undefined, message: string): string {
  if (kind === 'plainHttp') return 'the endpoint speaks plain http, not https'
  // Node advises a flag, which cannot be set in a pod.
  if (kind === 'tls') return `TLS: ${short(message.replace(/; if the root CA is installed locally.*$/s, ''))}`
  return words[code ?? ''] ?? short(message)
}

/** Texts of OpenSSL end in a line break, and those of a certificate are a stranger's. */
function short(text: string): string {
  return shorten(singleLine(text), 500)
}

/** A failed connection to a host with two addresses has its codes only in the inner errors. */
function innermost(error: unknown): { readonly code: string | undefined; readonly message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) }
  const [first] = error instanceof AggregateError ? (error.errors as readonly unknown[]) : []
  if (first !== undefined) return innermost(first)
  return { code: 'code' in error && typeof error.code === 'string' ? error.code : undefined, message: error.message }
}
