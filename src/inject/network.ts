/** The loader's environment for the network outside the cluster: the operator's proxy and certificate authorities. */
import type { Config } from '../config/config.ts'
import type { EnvVar } from '../pod/pod.ts'

/** The agent that gives the credentials is on the node, and what is in the cluster needs no proxy. */
const alwaysDirect = ['169.254.170.23', '[fd00:ec2::23]', 'localhost', '127.0.0.1', '.svc', '.cluster.local']

export function networkEnv({ loader: { proxy, caCertificates } }: Config): EnvVar[] {
  return [
    proxy === undefined
      ? []
      : [
          { name: 'HTTPS_PROXY', value: proxy.url },
          { name: 'NO_PROXY', value: [...alwaysDirect, ...(proxy.noProxy ?? [])].join(',') },
        ],
    caCertificates === undefined ? [] : [{ name: 'MODEL_CA_CERTIFICATES', value: caCertificates }],
  ].flat()
}
