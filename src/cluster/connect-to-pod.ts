/** Connects to a port of a pod, through the API server and the kubelet. */
import { Duplex, PassThrough } from 'node:stream'
import { PortForward, type KubeConfig } from '@kubernetes/client-node'
import { ClusterError, refused, unreachable } from './cluster-error.ts'
import type { PodPort } from './cluster.ts'

/** The part of the library's WebSocket that is used here; the library does not export its types. */
interface Socket {
  readonly addEventListener: (type: 'close', listener: () => void) => void
  readonly close: () => void
}

export async function connectToPod(kubeConfig: KubeConfig, { namespace, name, port }: PodPort): Promise<Duplex> {
  const tried = `connect to port ${port} of the pod ${namespace}/${name}`
  const [toPod, fromPod, complaints] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const socket = (await new PortForward(kubeConfig)
    .portForward(namespace, name, [port], fromPod, complaints, toPod)
    .catch((error: unknown) => {
      throw failure(tried, { namespace, server: kubeConfig.getCurrentCluster()?.server ?? '' }, error)
    })) as Socket
  const connection = join(toPod, fromPod, () => {
    socket.close()
  })
  complaints.once('data', (chunk: Buffer) => {
    connection.destroy(new ClusterError(`cannot ${tried}: ${chunk.toString().trim()}`))
  })
  socket.addEventListener('close', () => {
    fromPod.end()
  })
  return connection
}

/** Not Duplex.from, which fails with an AbortError when closed while the other side still sends. */
function join(toPod: PassThrough, fromPod: PassThrough, close: () => void): Duplex {
  const connection = new Duplex({
    read: () => {
      fromPod.resume()
    },
    write: (chunk: Buffer, encoding, done) => {
      toPod.write(chunk, encoding, done)
    },
    final: (done) => {
      toPod.end(done)
    },
    destroy: (error, done) => {
      close()
      done(error)
    },
  })
  fromPod.on('data', (chunk: Buffer) => {
    if (!connection.push(chunk)) fromPod.pause()
  })
  fromPod.once('end', () => {
    connection.push(null)
  })
  return connection
}

/** The request is a GET that becomes a connection: API servers ask for `get`, and since 1.35 for `create` as well. */
const permission = { verb: 'get,create', group: '', resource: 'pods/portforward' }

/** The library passes the event of its WebSocket; its message is the only information about the answer. */
function failure(
  tried: string,
  { namespace, server }: { readonly namespace: string; readonly server: string },
  error: unknown,
): ClusterError {
  const message =
    typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
      ? error.message
      : ''
  const status = /^Unexpected server response: (\d{3})$/.exec(message)?.[1]
  return status === undefined
    ? unreachable(tried, server, new Error(message || 'the connection failed'))
    : refused(tried, Number(status), undefined, { ...permission, namespace })
}
