/** `model-injector audit --html` and `--serve`: the page as a file, and live. */
import { isIP, isIPv6 } from 'node:net'
import { buildPageServer } from '../../audit/page/build-page-server.ts'
import { startLiveAudit } from '../../audit/page/live-audit.ts'
import type { AboutAudit } from '../../audit/page/page-data.ts'
import { streamPage, writePageFile } from '../../audit/page/write-page.ts'
import type { AuditedPod } from '../../audit/judgement.ts'
import { AppError } from '../../errors.ts'
import { closeWithin, listen, trackConnections } from '../../server/listen.ts'
import { writeReport } from '../terminal.ts'
import { loopback, type ListenAddress } from './listen-address.ts'

/** Writes the page to a file, or to stdout for `-`. An incomplete page leaves no file. */
export async function writePage(file: string, pods: AsyncIterable<AuditedPod>, about: AboutAudit): Promise<void> {
  try {
    await (file === '-' ? streamPage(process.stdout, pods, about) : writePageFile(file, pods, about))
  } catch (error) {
    if (!isSystemError(error)) throw error
    // `| head` closed the pipe.
    if (error.code === 'EPIPE') return
    throw new AppError('OutputUnwritable', `${file}: cannot be written: ${error.code ?? error.message}`, {
      cause: error,
    })
  }
}

/** Errors of the cluster are AppErrors, so a system error is one of the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

export interface ServePageOptions {
  /** Without it, a free port of loopback. */
  readonly listen?: ListenAddress | undefined
}

const restMs = 10_000
const retryMs = 5000
const closeDeadlineMs = 1000

/** Returns after a signal. Calls `audit` for each new audit of the cluster, and `about`, if it is a function, after it. */
export async function servePage(
  options: ServePageOptions,
  audit: () => AsyncIterable<AuditedPod>,
  about: AboutAudit | (() => AboutAudit),
): Promise<void> {
  const { host, port } = options.listen ?? { host: loopback, port: 0 }
  const currentAbout = typeof about === 'function' ? about : (): AboutAudit => about
  const live = startLiveAudit({ audit, about: currentAbout, restMs, retryMs })
  try {
    const app = await buildPageServer({ live, about: currentAbout, listenHost: host })
    const connections = trackConnections(app)
    const actualPort = await listen(app, port, host)
    const ended = signalled()
    announce(host, actualPort)
    await ended
    await closeWithin(app, connections, closeDeadlineMs)
  } finally {
    live.stop()
  }
}

async function signalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve()
      })
    }
  })
}

function announce(host: string, port: number): void {
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const name = isEverywhere ? 'localhost' : isIPv6(host) ? `[${host}]` : host
  process.stdout.write(`The audit is at http://${name}:${port}/ until Ctrl-C.\n`)
  if (!isLoopback(host)) {
    writeReport(
      `model-injector: everyone who reaches port ${port} of ${isEverywhere ? 'this machine' : host} sees the audit, without a password and without TLS\n`,
    )
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
