/** The HTTP proxy of the environment, read as Go's httpproxy reads it, so that both engines take the same way to S3. */
import { BlockList, isIP } from 'node:net'

type ProxyEnvironment = Readonly<Record<string, string | undefined>>

/**
 * URL of the proxy for a URL; undefined without one. Only encrypted traffic uses it, by CONNECT: a proxy that sees plain HTTP could
 * change a model. `url` names the host that is really spoken to, the bucket's own name included.
 */
export function proxyFor(url: string, env: ProxyEnvironment = process.env): string | undefined {
  const proxy = variable('HTTPS_PROXY', env)
  if (proxy === '' || !url.startsWith('https:') || isDirect(new URL(url), env)) return undefined
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

function isDirect({ hostname, port }: URL, env: ProxyEnvironment): boolean {
  const host = withoutBrackets(hostname.toLowerCase())
  const entries = variable('NO_PROXY', env)
    .toLowerCase()
    .split(/[\s,]+/)
  return isOwnHost(host) || entries.some((entry) => matches(entry, host, port === '' ? '443' : port))
}

/** An empty variable counts as not set. */
function variable(name: string, env: ProxyEnvironment): string {
  return [env[name], env[name.toLowerCase()]].find((value) => value !== undefined && value !== '') ?? ''
}

function isOwnHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/**
 * Matches an entry of NO_PROXY: `*`, an address, a CIDR block, `example.com` (and all below it), `.example.com` or `*.example.com`
 * (only what is below it), each but the block with an optional port.
 */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isInBlock(host, entry)
  const { name, onlyPort } = splitPort(entry)
  if (onlyPort !== '' && onlyPort !== port) return false
  return isIP(name) === 0 && isIP(host) === 0 ? isDomain(host, name) : isSameAddress(name, host)
}

function isDomain(host: string, name: string): boolean {
  if (name === '') return false
  const below = name.startsWith('*.') ? name.slice(1) : name
  return below.startsWith('.') ? host.endsWith(below) : host === below || host.endsWith(`.${below}`)
}

function splitPort(entry: string): { readonly name: string; readonly onlyPort: string } {
  const match = isIP(entry) === 0 ? /^(.*):(\d*)$/.exec(entry) : null
  return { name: withoutBrackets(match?.[1] ?? entry), onlyPort: match?.[2] ?? '' }
}

function isInBlock(host: string, entry: string): boolean {
  const [network = '', bits = ''] = entry.split('/')
  const family = isIP(network)
  if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false
  return listOf((list, type) => {
    list.addSubnet(network, Number(bits), type)
  }, family).holds(host)
}

function isSameAddress(one: string, other: string): boolean {
  const family = isIP(one)
  if (family === 0) return false
  return listOf((list, type) => {
    list.addAddress(one, type)
  }, family).holds(other)
}

function listOf(
  fill: (list: BlockList, type: 'ipv4' | 'ipv6') => void,
  family: number,
): { readonly holds: (host: string) => boolean } {
  const list = new BlockList()
  fill(list, family === 4 ? 'ipv4' : 'ipv6')
  return { holds: (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6') }
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
