/**
 * S3 as it answers on a bad day: a proxy in front of a real server that accepts no request without a valid signature, does to
 * answers what a test tells it, and lists objects that no file system can hold. Path style, reading only.
 */
import { createHash } from 'node:crypto'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import {
  Agent as HttpAgent,
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, Readable } from 'node:stream'
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import { S3ServiceException } from '@aws-sdk/client-s3'
import aws4 from 'aws4'
import { createCertificateAuthority, issueCertificate } from '../webhook/pki.ts'
import { errorXml, listingXml, type ListingQuery, type S3ErrorAnswer } from './s3-answers.ts'
import {
  actionOf,
  deliverFaulty,
  faultBook,
  type ActiveFault,
  type FaultAction,
  type FaultRule,
  type Operation,
  type RecordedRequest,
} from './s3-faults.ts'
import { describeForged, listPage, type Forgeries, type ForgedObject } from './s3-listing.ts'
import type { S3Server } from './s3-server.ts'
import {
  accessDenied,
  encodeRfc3986,
  identify,
  refuseReading,
  splitOnce,
  type CredentialsTable,
} from './s3-signature.ts'

export type { CredentialsTable } from './s3-signature.ts'
export type { FaultAction, FaultRule, RecordedRequest } from './s3-faults.ts'

export interface FaultProxyOptions {
  readonly tls: boolean
  /** 127.0.0.1 without it; its certificate is for that one only. */
  readonly address?: string
  /** Accepted credentials; the server's own key, if not given. Entries may be added at any time. */
  readonly credentials?: CredentialsTable
  /** Requests without a signature are answered too. */
  readonly anonymous?: boolean
  /** Path of a request as `/BUCKET/KEY`, for servers that have buckets elsewhere; its signature is that of the request as it came. */
  readonly placeOf?: PlaceOf
  /** Requests of readers who do not pay are refused. */
  readonly requesterPays?: boolean
  /** Names of hosts that its certificate has in addition. */
  readonly hosts?: readonly string[]
}

/** `host` has the port, as the header has it. */
type PlaceOf = (path: string, host: string | undefined) => string

export interface FaultProxy {
  readonly endpoint: string
  readonly region: string
  /** PEM; undefined over plain HTTP. */
  readonly caCertificate: string | undefined
  readonly caCertificateFile: string | undefined
  readonly credentials: CredentialsTable
  /** Oldest first, refused ones too. */
  readonly requests: readonly RecordedRequest[]
  readonly openConnections: number
  fault(rule: FaultRule): ActiveFault
  /** Lists and serves an object that is not there, or one otherwise than it is. */
  forge(bucket: string, object: ForgedObject): void
  /** Leaves an object out of listings; it can be read. */
  hide(bucket: string, key: string): void
  /** Forgets faults, forgeries and requests. */
  reset(): void
  /** Ends every connection, stalled ones too. May be called more than once. */
  stop(): Promise<void>
}

type Recording = { -readonly [field in keyof RecordedRequest]: RecordedRequest[field] }

interface Proxy {
  readonly upstream: S3Server
  readonly agent: HttpAgent
  readonly credentials: CredentialsTable
  readonly anonymous: boolean
  readonly placeOf: PlaceOf
  readonly requesterPays: boolean
  readonly requests: Recording[]
  readonly faults: ReturnType<typeof faultBook>
  readonly forgeries: Map<string, Map<string, ForgedObject | undefined>>
}

interface Connection {
  readonly id: number
  readonly socket: Socket
}

/** One request on its way. */
interface Exchange {
  readonly proxy: Proxy
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
  readonly record: Recording
  readonly query: URLSearchParams
  readonly actions: readonly FaultAction[]
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

export async function startFaultProxy(upstream: S3Server, options: FaultProxyOptions): Promise<FaultProxy> {
  const {
    credentials = new Map([[upstream.accessKeyId, { secretAccessKey: upstream.secretAccessKey }]]),
    anonymous = false,
    placeOf = (path) => path,
    requesterPays = false,
    address = '127.0.0.1',
  } = options
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-s3-proxy-'))
  const pki = options.tls ? await makePki(directory, address, options) : undefined
  const proxy: Proxy = {
    upstream,
    credentials,
    anonymous,
    placeOf,
    requesterPays,
    agent: makeAgent(upstream),
    requests: [],
    faults: faultBook(),
    forgeries: new Map(),
  }
  const { server, sockets } = makeServer(proxy, pki)
  server.listen(0, address)
  await once(server, 'listening')
  const bucketForgeries = (bucket: string): Map<string, ForgedObject | undefined> => {
    const existing = proxy.forgeries.get(bucket) ?? new Map<string, ForgedObject | undefined>()
    proxy.forgeries.set(bucket, existing)
    return existing
  }
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
    proxy.agent.destroy()
    await rm(directory, { recursive: true })
  }
  return {
    endpoint: `${pki === undefined ? 'http' : 'https'}://${address}:${(server.address() as AddressInfo).port}`,
    region: upstream.region,
    caCertificate: pki?.caCertificate,
    caCertificateFile: pki?.caCertificateFile,
    credentials,
    requests: proxy.requests,
    get openConnections() {
      return sockets.size
    },
    fault: (rule) => proxy.faults.add(rule),
    forge: (bucket, object) => {
      bucketForgeries(bucket).set(object.key, object)
    },
    hide: (bucket, key) => {
      bucketForgeries(bucket).set(key, undefined)
    },
    reset: () => {
      proxy.faults.clear()
      proxy.forgeries.clear()
      proxy.requests.length = 0
    },
    stop: () => (stopped ??= stop()),
  }
}

/** TLS is put on by hand, because only a plain socket can be reset. */
function makeServer(proxy: Proxy, pki: ProxyPki | undefined): { server: Server; sockets: ReadonlySet<Socket> } {
  const connections = new WeakMap<object, Connection>()
  const sockets = new Set<Socket>()
  const http = createHttpServer({ keepAliveTimeout: 0 }, (incoming, response) => {
    const connection = connections.get(incoming.socket)
    if (connection !== undefined) void answer(proxy, incoming, response, connection)
  })
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket
      .once('close', () => {
        sockets.delete(socket)
      })
      .on('error', () => undefined)
    const stream = pki === undefined ? socket : encrypted(socket, pki.context)
    connections.set(stream, { id: ++count, socket })
    http.emit('connection', stream)
  })
  return { server, sockets }
}

function encrypted(socket: Socket, secureContext: SecureContext): TLSSocket {
  // Wrapped, or the TLS socket would take over the handle.
  const wrapped = Duplex.from({ readable: socket, writable: socket }).on('error', () => undefined)
  const secure = new TLSSocket(wrapped, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] })
  secure
    .on('error', () => {
      socket.destroy()
    })
    .once('close', () => {
      socket.destroy()
    })
  socket.once('close', () => {
    secure.destroy()
  })
  return secure
}

interface ProxyPki {
  readonly context: SecureContext
  readonly caCertificate: string
  readonly caCertificateFile: string
}

async function makePki(directory: string, address: string, { hosts = [] }: FaultProxyOptions): Promise<ProxyPki> {
  const own = ['localhost', 's3.example.test', '*.s3.example.test']
  const authority = await createCertificateAuthority(directory, 'proxy-ca')
  const { certificateFile, keyFile } = await issueCertificate(directory, authority, {
    name: 'proxy',
    subject: '/CN=proxy',
    usage: 'serverAuth',
    alternativeNames: [`IP:${address}`, ...[...own, ...hosts].map((host) => `DNS:${host}`)],
  })
  return {
    context: createSecureContext({ cert: await readFile(certificateFile), key: await readFile(keyFile) }),
    caCertificate: await readFile(authority.certificateFile, 'utf8'),
    caCertificateFile: authority.certificateFile,
  }
}

function makeAgent({ caCertificate }: S3Server): HttpAgent {
  return caCertificate === undefined
    ? new HttpAgent({ keepAlive: true })
    : new HttpsAgent({ keepAlive: true, ca: caCertificate })
}

async function answer(
  proxy: Proxy,
  incoming: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
): Promise<void> {
  const gone = new AbortController()
  response
    .once('close', () => {
      gone.abort()
    })
    .on('error', () => undefined)
  const record = recordOf(incoming, connection.id, proxy.placeOf)
  proxy.requests.push(record)
  response.setHeader('x-amz-request-id', randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase())
  response.setHeader('server', 'AmazonS3')
  try {
    const query = new URLSearchParams(splitOnce(incoming.url ?? '/', '?')[1] ?? '')
    const exchange: Omit<Exchange, 'actions'> = {
      proxy,
      incoming,
      response,
      connection,
      record,
      query,
      signal: gone.signal,
    }
    const refusal = await refuse(exchange)
    if (refusal === undefined) await answerCaller({ ...exchange, actions: proxy.faults.actionsFor(record) })
    else answerError(exchange, refusal)
  } catch (error) {
    if (!gone.signal.aborted && !response.headersSent) answerError({ response, record, incoming }, errorOf(error))
    else response.destroy()
  }
}

function recordOf(incoming: IncomingMessage, connectionId: number, placeOf: PlaceOf): Recording {
  const { method = 'GET', url = '/', headers } = incoming
  const [path = '', queryText = ''] = splitOnce(url, '?')
  const [bucket = '', key = ''] = splitOnce(placeOf(path, headers.host).slice(1), '/').map(decodeURIComponent)
  return {
    operation: operationOf(method, bucket, key),
    method,
    bucket,
    ...(key === '' ? listed(new URLSearchParams(queryText)) : { key, prefix: undefined, continuationToken: undefined }),
    range: headers.range,
    ifMatch: headers['if-match'],
    checksumMode: headers['x-amz-checksum-mode'] === 'ENABLED',
    requesterPays: isPaidByRequester(headers),
    accessKeyId: /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1],
    atMs: Date.now(),
    connectionId,
    status: undefined,
    errorCode: undefined,
    bytesSent: 0,
  }
}

function isPaidByRequester({ authorization = '', 'x-amz-request-payer': payer }: IncomingHttpHeaders): boolean {
  return payer === 'requester' && /SignedHeaders=[^,]*\bx-amz-request-payer\b/.test(authorization)
}

function listed(query: URLSearchParams): Pick<Recording, 'key' | 'prefix' | 'continuationToken'> {
  return {
    key: undefined,
    prefix: query.get('prefix') ?? '',
    continuationToken: query.get('continuation-token') ?? undefined,
  }
}

function operationOf(method: string, bucket: string, key: string): Operation {
  if (method === 'GET' && key !== '') return 'get'
  if (method === 'HEAD' && key !== '') return 'head'
  return method === 'GET' && bucket !== '' ? 'list' : 'other'
}

async function refuse({ proxy, incoming, record }: Omit<Exchange, 'actions'>): Promise<S3ErrorAnswer | undefined> {
  const { method, bucket, key, prefix } = record
  const caller = identify(
    { method, url: incoming.url ?? '/', headers: incoming.headers },
    { credentials: proxy.credentials, anonymous: proxy.anonymous, region: proxy.upstream.region },
  )
  if (!caller.ok) return caller.error
  if (proxy.requesterPays && !record.requesterPays) return accessDenied
  const wanted = key === undefined ? { bucket, prefix: prefix ?? '' } : { bucket, key }
  const isRead = method === 'GET' || method === 'HEAD'
  return isRead ? refuseReading(caller, wanted) : accessDenied
}

async function answerCaller(exchange: Exchange): Promise<void> {
  const { actions, record, proxy, response, signal, connection } = exchange
  for (const action of actions) {
    if (action.kind === 'run') await action.run()
    if (action.kind === 'replace') await proxy.upstream.putObject(record.bucket, record.key ?? '', action.body)
    if (action.kind === 'close') response.setHeader('connection', 'close')
  }
  // The TLS socket alone sometimes leaves the connection beneath it open.
  if (actionOf(actions, 'drop') !== undefined) connection.socket.destroy()
  else if (actionOf(actions, 'hang') !== undefined) await once(response, 'close', { signal })
  else await answerUnlessFaulty(exchange)
}

async function answerUnlessFaulty(exchange: Exchange): Promise<void> {
  const error = faultyStatus(exchange)
  if (error !== undefined) answerError(exchange, error)
  else if (exchange.record.operation === 'list') await answerListing(exchange)
  else await answerObject(exchange)
}

function faultyStatus({ actions, record: { bucket } }: Exchange): S3ErrorAnswer | undefined {
  const status = actionOf(actions, 'status')
  if (status !== undefined) return { message: status.code, ...status }
  const region = actionOf(actions, 'redirect')?.region
  if (region === undefined) return undefined
  return {
    status: 301,
    code: 'PermanentRedirect',
    headers: { 'x-amz-bucket-region': region },
    message:
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
    details: { Endpoint: `${bucket}.s3.${region}.amazonaws.com`, Bucket: bucket },
  }
}

function answerError(
  { response, record, incoming }: Pick<Exchange, 'response' | 'record' | 'incoming'>,
  error: S3ErrorAnswer,
): void {
  const body = Buffer.from(errorXml(error, String(response.getHeader('x-amz-request-id'))))
  record.status = error.status
  record.errorCode = error.code
  response.writeHead(error.status, {
    'content-type': 'application/xml',
    ...error.headers,
    ...(incoming.method === 'HEAD' ? {} : { 'content-length': body.length }),
  })
  response.end(body)
}

function errorOf(error: unknown): S3ErrorAnswer {
  if (!(error instanceof S3ServiceException)) return { status: 500, code: 'InternalError', message: String(error) }
  return { status: error.$metadata.httpStatusCode ?? 500, code: error.name, message: error.message }
}

async function answerListing(exchange: Exchange): Promise<void> {
  const { proxy, record, query, actions } = exchange
  const mostKeys = actionOf(actions, 'page-size')?.keys ?? 1000
  const listing: ListingQuery = {
    bucket: record.bucket,
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? undefined,
    maxKeys: Math.min(mostKeys, Number(query.get('max-keys') ?? mostKeys)),
    continuationToken: query.get('continuation-token') ?? undefined,
    startAfter: query.get('start-after') ?? undefined,
    urlEncoded: query.get('encoding-type') === 'url',
  }
  const page = await listPage(proxy.upstream.client, listing, forgeriesOf(exchange))
  const text = listingXml(listing, page)
  const body = Buffer.from(actionOf(actions, 'rewrite')?.rewrite(text) ?? text)
  await answerWith(
    exchange,
    200,
    { 'content-type': 'application/xml', 'content-length': body.length },
    Readable.from([body]),
  )
}

function forgeriesOf({ proxy, record }: Exchange): Forgeries {
  return proxy.forgeries.get(record.bucket) ?? new Map<string, undefined>()
}

async function answerObject(exchange: Exchange): Promise<void> {
  const forged = forgeriesOf(exchange).get(exchange.record.key ?? '')
  if (exchange.record.operation === 'get' && isArchived(forged)) {
    answerError(exchange, {
      status: 403,
      code: 'InvalidObjectState',
      message: "The operation is not valid for the object's storage class",
      details: { StorageClass: forged?.storageClass ?? '' },
    })
  } else if (forged?.body === undefined) await answerFromUpstream(exchange, forged)
  else await answerForged(exchange, forged, Buffer.from(forged.body))
}

function isArchived(forged: ForgedObject | undefined): boolean {
  return forged?.storageClass === 'GLACIER' || forged?.storageClass === 'DEEP_ARCHIVE'
}

async function answerForged(exchange: Exchange, forged: ForgedObject, whole: Buffer): Promise<void> {
  const { etag, lastModified, storageClass } = describeForged(forged)
  if (exchange.record.ifMatch !== undefined && exchange.record.ifMatch !== etag) {
    answerError(exchange, {
      status: 412,
      code: 'PreconditionFailed',
      message: 'At least one of the pre-conditions you specified did not hold',
    })
    return
  }
  const range =
    actionOf(exchange.actions, 'ignore-range') === undefined ? rangeOf(exchange.record.range, whole.length) : undefined
  if (range !== undefined && range.start >= whole.length) {
    answerError(exchange, { status: 416, code: 'InvalidRange', message: 'The requested range is not satisfiable' })
    return
  }
  const body = range === undefined ? whole : whole.subarray(range.start, range.end + 1)
  await answerWith(
    exchange,
    range === undefined ? 200 : 206,
    {
      'content-type': 'binary/octet-stream',
      'content-length': body.length,
      'accept-ranges': 'bytes',
      etag,
      'last-modified': lastModified.toUTCString(),
      ...(storageClass === 'STANDARD' ? {} : { 'x-amz-storage-class': storageClass }),
      ...(range === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end}/${whole.length}` }),
    },
    Readable.from([body]),
  )
}

function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size - 1 }
  return { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

const FORWARDED = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'x-amz-checksum-mode',
]
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'date',
  'server',
  'x-amz-request-id',
  'x-amz-id-2',
])

async function answerFromUpstream(exchange: Exchange, forged: ForgedObject | undefined): Promise<void> {
  const answered = await askUpstream(exchange)
  const headers = Object.fromEntries(Object.entries(answered.headers).filter(([name]) => !HOP_BY_HOP.has(name)))
  const { lastModified, storageClass } = forged ?? {}
  await answerWith(
    exchange,
    answered.statusCode ?? 502,
    {
      ...headers,
      ...(lastModified === undefined ? {} : { 'last-modified': lastModified.toUTCString() }),
      ...(storageClass === undefined ? {} : { 'x-amz-storage-class': storageClass }),
    },
    answered as AsyncIterable<Buffer>,
  )
}

async function askUpstream({
  proxy: { upstream, agent },
  incoming,
  record,
  query,
  actions,
  signal,
}: Exchange): Promise<IncomingMessage> {
  const isForwarded = (name: string): boolean =>
    incoming.headers[name] !== undefined && (name !== 'range' || actionOf(actions, 'ignore-range') === undefined)
  const headers = Object.fromEntries(FORWARDED.filter(isForwarded).map((name) => [name, incoming.headers[name]]))
  const { protocol, hostname, port, host } = new URL(upstream.endpoint)
  const path = `/${[record.bucket, ...(record.key ?? '').split('/')].map(encodeRfc3986).join('/')}`
  const search = [...query].map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`).join('&')
  const signed = aws4.sign(
    {
      service: 's3',
      region: upstream.region,
      method: record.method,
      path: search === '' ? path : `${path}?${search}`,
      headers: { ...headers, host },
    },
    { accessKeyId: upstream.accessKeyId, secretAccessKey: upstream.secretAccessKey },
  )
  const send = protocol === 'https:' ? httpsRequest : httpRequest
  const outgoing = send({
    agent,
    hostname,
    port,
    signal,
    method: record.method,
    path: signed.path,
    headers: signed.headers!,
  })
  outgoing.end()
  const [answered] = (await once(outgoing, 'response')) as [IncomingMessage]
  // Aborted together with the client's connection; the reader of the body gets the error.
  outgoing.on('error', () => undefined)
  return answered
}

async function answerWith(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  body: AsyncIterable<Buffer>,
): Promise<void> {
  const { response, record, actions, signal, connection } = exchange
  record.status = status
  const changes = Object.assign(
    {},
    ...actions.map((action) => (action.kind === 'headers' ? action.headers : {})),
  ) as Record<string, string | undefined>
  const isChunked = actionOf(actions, 'chunked') !== undefined
  response.statusCode = status
  for (const [name, value] of Object.entries({ ...headers, ...changes })) {
    if (value !== undefined && !(isChunked && name === 'content-length')) response.setHeader(name, value)
  }
  await deliverFaulty(body, {
    response,
    signal,
    actions,
    reset: () => {
      connection.socket.resetAndDestroy()
    },
    onSent: (bytes) => {
      record.bytesSent += bytes
    },
  })
}

/** The MD5 in quotes that S3 gives an object uploaded whole. */
export function etagOf(body: string | Uint8Array): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}
