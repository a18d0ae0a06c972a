/**
 * The webhook's own port: HTTPS, `POST /mutate`, nothing else. It is built here without listening, so that tests can inject
 * requests. Its certificate is set later; until then every handshake fails.
 */
import type { Server } from 'node:https'
import { finished } from 'node:stream/promises'
import type { SecureVersion } from 'node:tls'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { admit } from '../admission/admit.ts'
import { readReview, type AdmissionRequest } from '../admission/review.ts'
import type { Config } from '../config/config.ts'
import { servedPath } from '../config/webhook-address.ts'
import { createBodyBudget } from './body-budget.ts'
import type { Clock } from './clock.ts'
import { ConnectionRoom } from './connection-room.ts'
import { createClientDeadlines } from './client-deadline.ts'
import { errorBody } from './error-body.ts'
import { defaultLimits, type Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import { recordAdmission } from './record-admission.ts'
import type { EventRecorder } from './record-events.ts'
import { withoutSchemas } from './without-schemas.ts'

export interface ServerDeps {
  readonly getConfig: () => Config
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** Undefined: no Events are written. */
  readonly events?: Pick<EventRecorder, 'record'> | undefined
  /** While true, every response closes its connection, so that clients reconnect to another replica. */
  readonly isStopping?: () => boolean
  readonly minVersion?: SecureVersion
  readonly limits?: Partial<Limits>
}

export type WebhookServer = FastifyInstance<Server>

const largestDroppedBytes = 32 * 1024 * 1024

export function buildServer(deps: ServerDeps): WebhookServer {
  const limits = { ...defaultLimits, ...deps.limits }
  const app = createApp(limits, deps.minVersion ?? 'TLSv1.3')
  const room = new ConnectionRoom(app.server, { ...deps, limits })
  const deadlines = createClientDeadlines(room, deps.clock)
  app.removeContentTypeParser('text/plain')
  closeConnections(app, () => room.isFull || deps.isStopping?.() === true)
  app.addHook('onRequest', (request, _reply, done) => {
    deadlines.begin(request)
    done()
  })
  boundBodies(app, limits, deps)
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply, deps))
  app.setNotFoundHandler((request, reply) =>
    refuse(request, reply, errorBody(404, `only POST ${servedPath} is served here`), deps),
  )
  app.post(servedPath, (request, reply) =>
    deadlines.isOver(request) ? refuseLate(request, reply, deps) : answerReview(request, reply, deps),
  )
  return app
}

function createApp(limits: Limits, minVersion: SecureVersion): WebhookServer {
  return fastify({
    https: {
      minVersion,
      handshakeTimeout: limits.handshakeTimeoutMs,
      headersTimeout: limits.requestTimeoutMs,
      // By default Node checks for overdue requests only every 30 s.
      connectionsCheckingInterval: Math.ceil(limits.requestTimeoutMs / 3),
    },
    bodyLimit: limits.bodyBytes,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.socketTimeoutMs,
    // Requests in flight are still answered when the server closes.
    return503OnClosing: false,
    logger: false,
    schemaController: withoutSchemas,
  })
}

/** With their answers. */
function closeConnections(app: WebhookServer, areToClose: () => boolean): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (areToClose()) reply.header('connection', 'close')
    done()
  })
}

function boundBodies(app: WebhookServer, limits: Limits, deps: ServerDeps): void {
  const budget = createBodyBudget(limits)
  app.addHook('onRequest', (request, reply, done) => {
    if (budget.book(request, reply)) {
      done()
      return
    }
    void refuseForNow(request, reply, 'too much is being received at once', deps)
  })
}

/** The API server has called again, or has decided by its failurePolicy. */
function refuseLate(request: FastifyRequest, reply: FastifyReply, deps: ServerDeps): FastifyReply {
  return refuseForNow(request, reply, 'the time that the client waits is over', deps)
}

function refuseForNow(request: FastifyRequest, reply: FastifyReply, problem: string, deps: ServerDeps): FastifyReply {
  return refuse(request, reply.header('retry-after', '1'), errorBody(503, problem), deps)
}

function answerReview(request: FastifyRequest, reply: FastifyReply, deps: ServerDeps): FastifyReply {
  const review = readReview(request.body)
  if (!review.ok) return refuse(request, reply, errorBody(400, review.problem), deps)
  return answerAdmission(review.request, reply, deps)
}

/** A fault of ours is neither an allow nor a deny: without a response, the failurePolicy decides. */
function answerAdmission(request: AdmissionRequest, reply: FastifyReply, deps: ServerDeps): FastifyReply {
  const start = deps.clock.monotonicMs()
  const durationMs = (): number => deps.clock.monotonicMs() - start
  try {
    const { outcome, review } = admit(request, deps.getConfig())
    const admittedMs = durationMs()
    const answered = reply.send(review)
    recordAdmission(deps, request, outcome, admittedMs)
    deps.events?.record(request, outcome)
    return answered
  } catch (error) {
    recordAdmission(deps, request, { outcome: 'failed', reason: 'InternalError', error }, durationMs())
    return reply.code(500).send(errorBody(500, 'the webhook failed'))
  }
}

/**
 * Answers Fastify's own errors: bodies that are empty, too large, of another type or not JSON. All other errors are faults
 * of ours.
 */
async function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ServerDeps,
): Promise<FastifyReply> {
  const statusCode = error.statusCode ?? 500
  if (statusCode === 413) await dropBody(request, reply)
  if (statusCode >= 400 && statusCode < 500) return refuse(request, reply, errorBody(statusCode, error.message), deps)
  deps.logger.error({ err: error }, 'request failed')
  return refuse(request, reply, errorBody(500, 'the webhook failed'), deps)
}

/**
 * Fastify would respond and close at once. Most clients write the whole body before they read, and would see a reset
 * instead of the response; so a body that is not much too large is read to its end and dropped.
 */
async function dropBody({ raw, headers }: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!(Number(headers['content-length']) <= largestDroppedBytes)) return
  await finished(raw.resume()).catch(() => undefined)
  reply.removeHeader('connection')
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  body: ReturnType<typeof errorBody>,
  { logger, metrics }: ServerDeps,
): FastifyReply {
  metrics.countRefusal(body.statusCode)
  logger.warn(
    { method: request.method, url: request.url.slice(0, 200), statusCode: body.statusCode, problem: body.message },
    'request refused',
  )
  return reply.code(body.statusCode).send(body)
}
