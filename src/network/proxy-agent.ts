/** Apart from proxy.ts, because Node's HTTP client takes 30 ms to load and most loaders have no proxy. */
import { Agent } from 'node:https'

/** For what proxyFor sends through `proxy`: it does not ask NO_PROXY again. */
export function agentThrough(proxy: string): Agent {
  return new Agent({ keepAlive: true, proxyEnv: { HTTPS_PROXY: proxy } })
}
