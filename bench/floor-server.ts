/**
 * The least that this webhook can be: Fastify and pino as it uses them, a body that is parsed, one line of log, and an answer of as many
 * bytes as its own, which stands in a file by the name of the case. Prints its port when it listens, as the webhook does.
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import fastify from 'fastify'
import { pino } from 'pino'

interface Review {
  readonly request: { readonly uid: string; readonly namespace: string }
}

const { values: options } = parseArgs({
  options: { 'tls-dir': { type: 'string', default: '.' }, answers: { type: 'string', default: '' } },
})
const directory = options['tls-dir']
const answers = JSON.parse(readFileSync(options.answers, 'utf8')) as Readonly<Record<string, object>>
const logger = pino({ timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 1, sync: true }))
const app = fastify({
  https: { cert: readFileSync(join(directory, 'tls.crt')), key: readFileSync(join(directory, 'tls.key')) },
  bodyLimit: 16 * 1024 * 1024,
  keepAliveTimeout: 95_000,
})

app.post<{ Body: Review; Querystring: { readonly case: string } }>('/mutate', (request, reply) => {
  const { uid, namespace } = request.body.request
  logger.info({ uid, namespace, operation: 'CREATE', dryRun: false, outcome: 'injected', ops: 12 }, 'admission')
  return reply.send(answers[request.query.case])
})
await app.listen({ port: 0, host: '127.0.0.1' })
logger.info({ port: (app.server.address() as AddressInfo).port }, 'listening')
