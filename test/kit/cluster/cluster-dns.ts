/** The cluster's DNS, for as much of it as tests ask: names of Services that have a cluster IP. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { ApiClient } from './api-client.ts'

export interface ClusterDns {
  stop(): Promise<void>
}

interface Question {
  readonly name: string
  readonly type: number
  /** The end of the question in its message. */
  readonly end: number
}

const HEADER_BYTES = 12
const TYPE_A = 1
const TTL_SECONDS = 5
const NAME_ERROR = 3
// QR and AA; the question's own RD is put to it.
const AUTHORITATIVE_ANSWER = 0x8400

export async function startClusterDns(api: ApiClient, address: string): Promise<ClusterDns> {
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address: client }) => {
    void answer(api, message).then((reply) => {
      if (reply !== undefined) sendUnlessClosed(socket, reply, { port, client })
    })
  })
  socket.bind(53, address)
  await once(socket, 'listening')
  let closed: Promise<void> | undefined
  return {
    stop: () =>
      (closed ??= new Promise((resolve) => {
        socket.close(() => {
          resolve()
        })
      })),
  }
}

function sendUnlessClosed(socket: Socket, reply: Buffer, { port, client }: { port: number; client: string }): void {
  try {
    socket.send(reply, port, client)
  } catch {
    // Closed in between.
  }
}

async function answer(api: ApiClient, message: Buffer): Promise<Buffer | undefined> {
  const question = readQuestion(message)
  if (question === undefined) return undefined
  const address = await clusterIp(api, question.name)
  const records = address !== undefined && question.type === TYPE_A ? [record(address)] : []
  const header = Buffer.from(message.subarray(0, HEADER_BYTES))
  const recursionDesired = header.readUInt16BE(2) & 0x0100
  header.writeUInt16BE(AUTHORITATIVE_ANSWER | recursionDesired | (address === undefined ? NAME_ERROR : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, message.subarray(HEADER_BYTES, question.end), ...records])
}

function readQuestion(message: Buffer): Question | undefined {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = message[at]; length !== undefined && length > 0; length = message[at]) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  return message.length < end
    ? undefined
    : { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end }
}

async function clusterIp(api: ApiClient, name: string): Promise<string | undefined> {
  const [, service, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/.exec(name) ?? []
  if (service === undefined) return undefined
  const { status, body } = await api.request('GET', `/api/v1/namespaces/${namespace}/services/${service}`)
  return status === 200 ? (body as { spec: { clusterIP?: string } }).spec.clusterIP : undefined
}

/** The name is the one of the question, to which the first two bytes point. */
function record(address: string): Buffer {
  const bytes = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)])
  bytes.writeUInt32BE(TTL_SECONDS, 6)
  return bytes
}
