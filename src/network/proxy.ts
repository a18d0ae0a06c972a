/** The HTTP proxy between the loader and S3. It is told by HTTPS_PROXY and NO_PROXY, as to every other program. */
import { getProxyForUrl } from 'proxy-from-env'

/** Its URL. Only what is encrypted goes through one, by CONNECT: who reads along could change what a model is. */
export function proxyFor(url: string): string | undefined {
  return url.startsWith('https:') ? getProxyForUrl(url) || undefined : undefined
}
