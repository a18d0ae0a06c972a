/** Parses a certificate and its key, and checks that they can be served. Does no I/O. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { FileContents } from './watch-directory.ts'

export const certificateFile = 'tls.crt'
export const keyFile = 'tls.key'

export interface Certificate {
  /** PEM, the chain included. */
  readonly cert: Buffer
  readonly key: Buffer
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly serialNumber: string
}

export type CertificateResult =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly problem: string }

/** Problems name the file and never its content. */
export function readCertificate(files: FileContents, nowMs: number): CertificateResult {
  const { [certificateFile]: cert, [keyFile]: key } = files
  if (cert === undefined) return unusable(`${certificateFile} is missing`)
  if (key === undefined) return unusable(`${keyFile} is missing`)
  const x509 = attempt(() => new X509Certificate(cert))
  if (x509 === undefined) return unusable(`${certificateFile} is not a certificate in PEM`)
  const privateKey = attempt(() => createPrivateKey(key))
  if (privateKey === undefined) return unusable(`${keyFile} is not a private key in PEM`)
  const certificate = describe(x509, cert, key)
  const problem = pairProblem(x509, privateKey) ?? validityProblem(certificate, nowMs) ?? contextProblem(certificate)
  return problem === undefined ? { ok: true, certificate } : unusable(problem)
}

/** Undefined while the certificate is valid. */
export function validityProblem({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): string | undefined {
  if (nowMs < notBeforeMs) return `the certificate is valid from ${dateText(notBeforeMs)} only`
  if (nowMs > notAfterMs) return `the certificate expired at ${dateText(notAfterMs)}`
  return undefined
}

function describe(x509: X509Certificate, cert: Buffer, key: Buffer): Certificate {
  return {
    cert,
    key,
    serialNumber: x509.serialNumber,
    notBeforeMs: Date.parse(x509.validFrom),
    notAfterMs: Date.parse(x509.validTo),
  }
}

function pairProblem(x509: X509Certificate, privateKey: KeyObject): string | undefined {
  return x509.checkPrivateKey(privateKey) ? undefined : `${keyFile} is not the key of ${certificateFile}`
}

/** Pairs that OpenSSL refuses to serve: a broken chain after the first certificate, a weak key. */
function contextProblem({ cert, key }: Certificate): string | undefined {
  const context = attempt(() => createSecureContext({ cert, key }))
  return context === undefined ? `${certificateFile} and ${keyFile} are refused by OpenSSL` : undefined
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function dateText(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function unusable(problem: string): CertificateResult {
  return { ok: false, problem }
}
