/** Serves the page and what it asks for: to its reader's browser, and to no other page that is open there. Never listens. */
import { hostname } from 'node:os'
import { isIP } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { LiveAudit } from './live-audit.ts'
import { describePage, embeddable, type AboutAudit } from './page-data.ts'
import { renderPage, type RenderedPage } from './render-page.ts'

export interface PageServerOptions {
  readonly live: LiveAudit
  readonly about: () => AboutAudit
  /** The name in `--listen`, if it is one; it is how the page may be called, too. */
  readonly listenHost: string
}

const headers = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export async function buildPageServer({ live, about, listenHost }: PageServerOptions): Promise<FastifyInstance> {
  const page = await renderPage('live')
  const app = fastify({ logger: false, requestTimeout: 15_000, forceCloseConnections: true })
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...headers, 'content-security-policy': headerPolicy(page) })
    await refuseStrangers(request, reply, listenHost)
  })
  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(livePage(page, about())))
  app.get('/state.json', () => live.look())
  app.get('/pods.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(live.pods()))
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/plain; charset=utf-8').send('There is only the page itself, at /\n'),
  )
  return app
}

function livePage({ before, after }: RenderedPage, about: AboutAudit): string {
  return `${before}${embeddable({ about: describePage(about), isLive: true, pods: [] })}${after}`
}

/** Adds the directive that a `meta` element cannot set. */
function headerPolicy({ policy }: RenderedPage): string {
  return `${policy}; frame-ancestors 'none'`
}

/**
 * Another site, open in the same browser, can reach a loopback port. With a name that resolves to this host (DNS
 * rebinding) it would share the origin of this page, so unknown names are refused; addresses cannot be rebound.
 * From another origin it could read no answer, but it could start audits of the cluster.
 */
async function refuseStrangers(
  { headers: { host = '', 'sec-fetch-site': site, 'sec-fetch-mode': mode } }: FastifyRequest,
  reply: FastifyReply,
  listenHost: string,
): Promise<void> {
  if (!isOwnHost(host, listenHost)) {
    await reply
      .code(421)
      .type('text/plain; charset=utf-8')
      .send('This page answers to localhost, to addresses and to the name in --listen only.\n')
  } else if (mode !== 'navigate' && (site === 'cross-site' || site === 'same-site')) {
    await reply.code(403).type('text/plain; charset=utf-8').send('Only the page itself may ask for this.\n')
  }
}

function isOwnHost(host: string, listenHost: string): boolean {
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return isIP(name) !== 0 || ['localhost', hostname().toLowerCase(), listenHost.toLowerCase()].includes(name)
}
