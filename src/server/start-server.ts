/** Assembles the running server: configuration, certificate, both ports, and the graceful stop. */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecureVersion } from 'node:tls'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { buildHealthServer, type HealthServer } from './build-health-server.ts'
import { buildServer, type WebhookServer } from './build-server.ts'
import { validityProblem, type Certificate } from './certificate.ts'
import type { Clock } from './clock.ts'
import { followCertificate } from './follow-certificate.ts'
import { followConfig } from './follow-config.ts'
import type { Limits } from './limits.ts'
import { closeWithin, listen, trackConnections } from './listen.ts'
import { createMetrics } from './metrics.ts'
import { createEventRecorder, type EventRecorder, type EventsApi } from './record-events.ts'
import { warmUp } from './warm-up.ts'
import type { Followed } from './watch-directory.ts'

export interface ServerOptions {
  readonly configFile: string | undefined
  /** Image of loaders without one in the configuration. */
  readonly loaderImage?: string | undefined
  readonly tlsDirectory: string
  readonly address: string | undefined
  readonly port: number
  readonly healthPort: number
  readonly minVersion: SecureVersion
  readonly drainSeconds: number
  readonly limits?: Partial<Limits>
  /** Interval for comparing mounted files, in addition to file system events. */
  readonly pollMs?: number
}

export interface RunningServer {
  readonly port: number
  readonly healthPort: number
  /** Ends the drain early when `hurry` is aborted. */
  readonly stop: (hurry?: AbortSignal) => Promise<void>
}

/** Kubernetes kills 30 s after SIGTERM by default: 10 s of drain and this deadline leave some to spare. */
const closeDeadlineMs = 15_000

interface Deps {
  readonly logger: Logger
  readonly clock: Clock
  /** Undefined: no Events are written. */
  readonly eventsApi?: EventsApi | undefined
}

interface Parts {
  readonly webhook: WebhookServer
  readonly health: HealthServer
  readonly config: Followed<Config>
  readonly certificate: Followed<Certificate | undefined>
  readonly events: EventRecorder | undefined
  readonly state: { stopping: boolean }
}

/** Throws an AppError, with everything closed again, if the configuration is bad or a port is taken. */
export async function startServer(options: ServerOptions, deps: Deps): Promise<RunningServer> {
  const parts = await assemble(options, deps)
  warmUp()
  const close = closer(parts)
  try {
    const healthPort = await listen(parts.health, options.healthPort, options.address)
    const port = await listen(parts.webhook, options.port, options.address)
    logErrors(parts, deps.logger)
    deps.logger.info({ port, healthPort, configHash: parts.config.current().hash }, 'listening')
    return {
      port,
      healthPort,
      stop: (hurry) => stop(parts, close, { ...deps, drainSeconds: options.drainSeconds, hurry }),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function assemble(options: ServerOptions, { logger, clock, eventsApi }: Deps): Promise<Parts> {
  const { minVersion, limits = {}, pollMs } = options
  const metrics = createMetrics()
  const state = { stopping: false }
  const files = { logger, clock, metrics, ...(pollMs === undefined ? {} : { pollMs }) }
  const config = await followConfig({ ...files, file: options.configFile, loaderImage: options.loaderImage })
  // A container's host name is the name of its pod.
  const events =
    eventsApi === undefined
      ? undefined
      : createEventRecorder({ api: eventsApi, logger, clock, metrics, instance: hostname() })
  const webhook = buildServer({
    logger,
    clock,
    metrics,
    minVersion,
    limits,
    events,
    getConfig: config.current,
    isStopping: () => state.stopping,
  })
  const certificate = await followCertificate({
    ...files,
    directory: options.tlsDirectory,
    server: webhook.server,
    minVersion,
  })
  const notReadyReason = (): string | undefined =>
    state.stopping ? 'shutting down' : certificateProblem(certificate.current(), clock)
  return { webhook, health: buildHealthServer({ metrics, notReadyReason }), config, certificate, events, state }
}

function certificateProblem(certificate: Certificate | undefined, clock: Clock): string | undefined {
  return certificate === undefined ? 'there is no usable certificate' : validityProblem(certificate, clock.now())
}

/** Without a listener, an error event (as on running out of file descriptors) would end the process. */
function logErrors({ webhook, health }: Parts, logger: Logger): void {
  for (const { server } of [webhook, health]) {
    server.on('error', (error) => {
      logger.error({ err: error }, 'the server has a problem')
    })
  }
}

/** The health port stays open until the webhook has answered its last request. */
function closer({ webhook, health, config, certificate, events }: Parts): () => Promise<void> {
  const webhookConnections = trackConnections(webhook)
  const healthConnections = trackConnections(health)
  return async () => {
    config.close()
    certificate.close()
    await closeWithin(webhook, webhookConnections, closeDeadlineMs)
    await events?.close()
    await closeWithin(health, healthConnections, 0)
  }
}

interface StopOptions extends Deps {
  readonly drainSeconds: number
  readonly hurry: AbortSignal | undefined
}

/** Becomes unready at once, but still answers requests for a while, from clients that have not noticed yet. */
async function stop(
  { state }: Parts,
  close: () => Promise<void>,
  { logger, drainSeconds, hurry }: StopOptions,
): Promise<void> {
  state.stopping = true
  logger.info({ drainSeconds }, 'shutting down')
  await sleep(drainSeconds * 1000, undefined, hurry === undefined ? {} : { signal: hurry }).catch(() => undefined)
  await close()
  logger.info('closed')
}
