/** Mutating webhooks of other projects, from pinned sources. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { builtBinaries, type GoBinary } from './go-binaries.ts'
import { renderChart, type ChartValues } from './helm.ts'

export const peerSources = {
  eks: webhookOf('eks', 'github.com/aws/amazon-eks-pod-identity-webhook', 'about 2 minutes'),
  // The module proxies have no newer release of it.
  vault: webhookOf('vault', 'github.com/hashicorp/vault-k8s', 'about 2 minutes'),
  istio: { ...webhookOf('istio', 'istio.io/istio', 'about 5 minutes'), goPackage: '.' },
} as const satisfies Record<string, GoBinary>

export type PeerSource = keyof typeof peerSources

/** Absolute path of the program, which is built once. */
export async function peerBinary(source: PeerSource): Promise<string> {
  const binary = peerSources[source]
  const directory = await builtBinaries({
    name: binary.name,
    binaries: [binary],
    howToGoOn: 'leave `make test-peers` to a machine that has it',
  })
  return join(directory, binary.name)
}

function webhookOf(folder: string, dependency: string, duration: string): GoBinary {
  return {
    name: `${folder}-webhook`,
    module: new URL(`../../peers/tools/${folder}/`, import.meta.url),
    dependency,
    goPackage: dependency,
    linkerFlags: () => '',
    duration,
  }
}

/** The ConfigMap of Istio's injector, as the chart of the pinned version renders it. */
export async function istioInjectorConfig(
  values: ChartValues,
): Promise<{ readonly config: string; readonly values: string }> {
  const { module, dependency } = peerSources.istio
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', dependency], {
    cwd: fileURLToPath(module),
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' },
  })
  const { Dir: sources } = JSON.parse(stdout) as { Dir: string }
  const chart = join(sources, 'manifests', 'charts', 'istio-control', 'istio-discovery')
  const objects = await renderChart(values, { release: 'istiod', namespace: 'istio-system', chart })
  const found = objects.find(({ metadata }) => metadata?.name === 'istio-sidecar-injector')
  if (found === undefined) throw new Error('the chart of Istio has no ConfigMap istio-sidecar-injector')
  return found.data as { config: string; values: string }
}
