/** Fetches the certificate that a server presents, without verifying its issuer. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { printable } from '../values/print/printable.ts'
import { found, unknown, type Lookup } from '../diagnosis/lookup.ts'

const timeoutMs = 10_000

/** PEM: the server's certificate and the intermediates that it sends. */
export async function certificateFrom(
  target: { readonly socket: Duplex } | { readonly host: string; readonly port: number },
  servername: string,
): Promise<Lookup<string>> {
  // Trust is judged later, against the CA bundle and with a clearer message.
  const options: ConnectionOptions = {
    ...target,
    rejectUnauthorized: false,
    ...(/^[\d.]+$|:/.test(servername) ? {} : { servername }),
  }
  const socket = connect(options)
  // Errors after the handshake, as the end of a tunnel, do not matter here.
  socket.on('error', () => undefined)
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeoutMs) })
    return found(chainOf(socket))
  } catch (error) {
    return unknown(`no TLS handshake: ${describe(error)}`)
  } finally {
    socket.destroy()
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed'
  return error.name === 'AbortError' ? `no answer within ${timeoutMs / 1000} s` : printable(error.message)
}

function chainOf(socket: TLSSocket): string {
  const chain: string[] = []
  let next: ReturnType<TLSSocket['getPeerCertificate']> | undefined = socket.getPeerCertificate(true)
  while (next !== undefined && !chain.includes(toPEM(next.raw))) {
    chain.push(toPEM(next.raw))
    next = (next as { issuerCertificate?: ReturnType<TLSSocket['getPeerCertificate']> }).issuerCertificate
  }
  return chain.join('')
}

function toPEM(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
