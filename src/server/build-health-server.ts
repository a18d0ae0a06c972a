/** The plain port for the kubelet and Prometheus: liveness, readiness, metrics. */
import fastify, { type FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'
import { withoutSchemas } from './without-schemas.ts'

export interface HealthDeps {
  readonly metrics: Metrics
  /** Reason why the webhook should get no requests; undefined while it should. */
  readonly notReadyReason: () => string | undefined
}

export type HealthServer = FastifyInstance

export function buildHealthServer({ metrics, notReadyReason }: HealthDeps): HealthServer {
  const app: HealthServer = fastify({
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000 },
    bodyLimit: 1024,
    requestTimeout: 10_000,
    connectionTimeout: 120_000,
    return503OnClosing: false,
    logger: false,
    schemaController: withoutSchemas,
  })
  app.server.maxConnections = 100
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok'))
  app.get('/readyz', (_request, reply) => {
    const reason = notReadyReason()
    return reply
      .code(reason === undefined ? 200 : 503)
      .type('text/plain')
      .send(reason ?? 'ok')
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  return app
}
