/** Opens a tunnel through an HTTP proxy by CONNECT (RFC 9110, 9.3.6), so that the proxy cannot read what goes through it. */
import { connect, type Socket } from 'node:net'
import { printable } from '../../values/print/printable.ts'

/** The proxy answered, and did not open the tunnel. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const longestHead = 16 * 1024

/** Returns the connection to the proxy at once; `opened` is called when it leads to the host. Errors destroy the connection. */
export function openTunnel(proxy: string, { host, port }: { host: string; port: number }, opened: () => void): Socket {
  const { hostname, port: proxyPort, username, password } = new URL(proxy)
  const socket = connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(proxyPort === '' ? 80 : proxyPort),
    noDelay: true,
    keepAlive: true,
  })
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const identity = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization =
    identity === ':' ? '' : `proxy-authorization: Basic ${Buffer.from(identity).toString('base64')}\r\n`
  socket.once('connect', () => {
    socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${authorization}\r\n`, 'latin1')
  })
  readAnswer(socket, opened)
  return socket
}

function readAnswer(socket: Socket, opened: () => void): void {
  let text = ''
  const read = (bytes: Buffer): void => {
    text += bytes.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end === -1 && text.length <= longestHead) return
    socket.off('data', read)
    const [status, reason] = statusOf(text)
    // The server is silent until it has heard the beginning of TLS.
    if (status >= 200 && status <= 299 && end === text.length - 4) {
      socket.pause()
      opened()
    } else socket.destroy(new ProxyRefusal(status, `the proxy answers ${reason}`))
  }
  socket.on('data', read)
}

function statusOf(text: string): [status: number, reason: string] {
  const [, status = '0', reason = ''] = /^HTTP\/1\.[01] (\d{3})([^\r\n]{0,100})/.exec(text) ?? []
  return status === '0' ? [0, 'with something that is no HTTP'] : [Number(status), printable(status + reason)]
}
