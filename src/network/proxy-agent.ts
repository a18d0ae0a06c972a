/** Separate from proxy.ts, because Node's HTTP client takes 30 ms to load and most loaders have no proxy. */
import { Agent } from 'node:https'

/** Agent for the URLs that proxyFor sends through `proxy`; it does not check NO_PROXY again. */
export function agentThrough(proxy: string): Agent {
  return new Agent({ keepAlive: true, proxyEnv: { HTTPS_PROXY: proxy } })
}
