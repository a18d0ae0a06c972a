/** The address of `audit --serve`. */
import { isIPv6 } from 'node:net'
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export const loopback = '127.0.0.1'

/** `0.0.0.0:8080`, `[::1]:8080`, `audit.example.com:8080`; a port alone is one of loopback. */
export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const [, bracketed, plain, portText = ''] = /^(?:(?:\[([^\]]+)\]|([A-Za-z0-9.-]+)):)?(\d{1,5})$/.exec(text) ?? []
  const port = portText === '' ? -1 : Number(portText)
  if (port < 0 || port > 65535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    return unreadable('is no address with a port')
  }
  return parsed({ host: bracketed ?? plain ?? loopback, port })
}
