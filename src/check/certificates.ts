/** Reads certificates and judges them as the API server does. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** Undefined if the text contains no readable certificates. */
export function readCertificates(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block))
  } catch {
    return undefined
  }
}

/** Checks that the chain leads to a trusted certificate. As in Go, any trusted certificate is an anchor by itself. */
export function isTrusted(chain: readonly X509Certificate[], trusted: readonly X509Certificate[]): boolean {
  const [leaf, ...intermediates] = chain
  if (leaf === undefined) return false
  const seen = new Set<string>()
  let current: X509Certificate | undefined = leaf
  while (current !== undefined && !seen.has(current.fingerprint256)) {
    const here: X509Certificate = current
    if (trusted.some((authority) => authority.fingerprint256 === here.fingerprint256 || isIssuedBy(here, authority))) {
      return true
    }
    seen.add(here.fingerprint256)
    current = intermediates.find((intermediate) => isIssuedBy(here, intermediate))
  }
  return false
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** Only subject alternative names count: Go ignores the common name since 1.15. */
export function isFor(certificate: X509Certificate, serverName: string): boolean {
  return isIP(serverName) === 0
    ? certificate.checkHost(serverName, { subject: 'never' }) !== undefined
    : certificate.checkIP(serverName) !== undefined
}

export interface Lifetime {
  readonly daysLeft: number
  readonly totalDays: number
}

const dayMs = 24 * 60 * 60 * 1000

/** Whole days, rounded down; negative after expiry. */
export function lifetimeOf({ validFromDate, validToDate }: X509Certificate, nowMs: number): Lifetime {
  return {
    daysLeft: Math.floor((validToDate.getTime() - nowMs) / dayMs),
    totalDays: Math.ceil((validToDate.getTime() - validFromDate.getTime()) / dayMs),
  }
}
