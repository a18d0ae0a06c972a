/** The HTTP proxy between the loader and S3, set by HTTPS_PROXY and NO_PROXY as for other programs. */
import { getProxyForUrl } from 'proxy-from-env'

/** URL of the proxy. Only encrypted traffic uses it, by CONNECT: a proxy that sees plain HTTP could change a model. */
export function proxyFor(url: string): string | undefined {
  return url.startsWith('https:') ? getProxyForUrl(url) || undefined : undefined
}
