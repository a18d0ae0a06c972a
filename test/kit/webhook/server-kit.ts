/** Common parts of the tests of the server: a log to read, a clock to move, pairs of certificate and key. */
import { readFile } from 'node:fs/promises'
import { pino, type Logger } from 'pino'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { buildServer, type ServerDeps, type WebhookServer } from '../../../src/server/build-server.ts'
import { systemClock, type Clock } from '../../../src/server/clock.ts'
import { createMetrics, type Metrics } from '../../../src/server/metrics.ts'
import { createCertificateAuthority, issueCertificate, type CertificateFiles } from './pki.ts'

export type LogLine = Record<string, unknown> & { readonly level: number; readonly msg: string }

export interface CapturedLog {
  readonly logger: Logger
  readonly lines: LogLine[]
  /** Those of admissions. */
  readonly admissions: () => LogLine[]
}

export function captureLog(level = 'info'): CapturedLog {
  const lines: LogLine[] = []
  const logger = pino(
    { level },
    {
      write: (text: string) => {
        lines.push(JSON.parse(text) as LogLine)
      },
    },
  )
  return { logger, lines, admissions: () => lines.filter(({ msg }) => msg === 'admission') }
}

/** `shiftMs` moves dates, `aheadMs` durations. */
export function shiftedClock(): Clock & { shiftMs: number; aheadMs: number } {
  const clock = {
    shiftMs: 0,
    aheadMs: 0,
    now: () => Date.now() + clock.shiftMs,
    monotonicMs: () => systemClock.monotonicMs() + clock.aheadMs,
  }
  return clock
}

export interface TestServer {
  readonly app: WebhookServer
  readonly log: CapturedLog
  readonly metrics: Metrics
}

export function buildTestServer(deps: Partial<ServerDeps> = {}, log = captureLog()): TestServer {
  const metrics = createMetrics()
  const app = buildServer({ getConfig: () => defaultConfig, logger: log.logger, metrics, clock: systemClock, ...deps })
  return { app, log, metrics }
}

/** The value of one series, as `name{label="value"}`; undefined if there is none. */
export async function metric(source: { metrics: () => Promise<string> }, series: string): Promise<number | undefined> {
  return readMetric(await source.metrics(), series)
}

export function readMetric(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

export interface Pair {
  readonly 'tls.crt': Buffer
  readonly 'tls.key': Buffer
}

export interface Pki {
  readonly directory: string
  readonly authority: CertificateFiles
  readonly ca: Buffer
  readonly issue: (name: string) => Promise<Pair>
}

export async function createPki(directory: string): Promise<Pki> {
  const authority = await createCertificateAuthority(directory, 'ca')
  const issue = async (name: string): Promise<Pair> => {
    const request = {
      name,
      subject: `/CN=${name}`,
      usage: 'serverAuth',
      alternativeNames: ['IP:127.0.0.1', 'DNS:localhost'],
    } as const
    const { certificateFile, keyFile } = await issueCertificate(directory, authority, request)
    return { 'tls.crt': await readFile(certificateFile), 'tls.key': await readFile(keyFile) }
  }
  return { directory, authority, ca: await readFile(authority.certificateFile), issue }
}
