/**
 * Keeps the served certificate up to date with the mounted one. A bad new pair is refused, and the old one stays in
 * service.
 */
import type { Server } from 'node:https'
import type { SecureVersion } from 'node:tls'
import type { Logger } from 'pino'
import { certificateFile, keyFile, readCertificate, type Certificate } from './certificate.ts'
import type { Clock } from './clock.ts'
import type { Metrics } from './metrics.ts'
import { readSettledFiles, watchFiles, type FileContents, type Followed } from './watch-directory.ts'

export interface CertificateDeps {
  readonly directory: string
  readonly server: Server
  readonly minVersion: SecureVersion
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly pollMs?: number
}

const names = [certificateFile, keyFile]

/** Resolves when the mounted pair is in service, or is known to be missing or unusable. */
export async function followCertificate(deps: CertificateDeps): Promise<Followed<Certificate | undefined>> {
  const { directory, clock } = deps
  let files = await readSettledFiles(directory, names)
  let current: Certificate | undefined
  let refused: string | undefined

  function take(next: FileContents): void {
    files = next
    const result = readCertificate(files, clock.now())
    if (result.ok) serve(result.certificate)
    else refuse(result.problem)
  }

  function serve(certificate: Certificate): void {
    serveCertificate(certificate, deps)
    report(certificate, current === undefined && refused === undefined, deps)
    current = certificate
    refused = undefined
  }

  function refuse(problem: string): void {
    refused = problem
    deps.metrics.certificate.refused()
    deps.logger.error({ directory, problem, inService: current?.serialNumber }, 'certificate refused')
  }

  /** A pair refused for its dates alone becomes valid later. */
  function reconsider(): void {
    if (refused === undefined) return
    const result = readCertificate(files, clock.now())
    if (result.ok) serve(result.certificate)
  }

  if (isAnyThere(files)) take(files)
  else deps.logger.warn({ directory }, 'no certificate yet')
  const watch = watchFiles({
    directory,
    names,
    seen: files,
    onChange: take,
    onLook: reconsider,
    ...(deps.pollMs === undefined ? {} : { pollMs: deps.pollMs }),
  })
  return { current: () => current, close: watch.close }
}

/** Existing connections keep their certificate; only new handshakes use the new one. */
function serveCertificate({ cert, key }: Certificate, { server, minVersion }: CertificateDeps): void {
  // Without minVersion the new context would fall back to Node's own minimum.
  server.setSecureContext({ cert, key, minVersion })
}

function report(
  { notBeforeMs, notAfterMs, serialNumber }: Certificate,
  isFirst: boolean,
  { directory, logger, metrics }: CertificateDeps,
): void {
  metrics.certificate[isFirst ? 'loaded' : 'reloaded']({ notBeforeMs, notAfterMs })
  logger.info({ directory, serialNumber, notAfter: new Date(notAfterMs).toISOString() }, 'certificate loaded')
}

function isAnyThere(files: FileContents): boolean {
  return Object.values(files).some((content) => content !== undefined)
}
