/** The table of other webhooks for docs/other-webhooks.md: the real ones with the version that the tests pin. */
import { printMarkdownTable } from '../src/cli/table.ts'
import { replayedPeers } from '../test/kit/peers/replayed-peers.ts'
import type { RealPeer } from '../test/kit/peers/start-peers.ts'
import { pinnedVersion } from '../test/kit/tools/go-binaries.ts'
import { peerSources, type PeerSource } from '../test/kit/tools/peer-binaries.ts'

interface RealRow {
  readonly name: string
  readonly source: PeerSource
  readonly combinations: string
}

const withEks = 'all orders with the EKS webhook: 12'
const everyOrder = 'all orders and policies of both: 48'

const rows: Readonly<Record<RealPeer, RealRow>> = {
  eks: { name: 'EKS identity webhook', source: 'eks', combinations: everyOrder },
  vault: { name: 'Vault Agent injector', source: 'vault', combinations: everyOrder },
  'istio-native': { name: 'Istio, proxy as a native sidecar', source: 'istio', combinations: withEks },
  'istio-init': { name: 'Istio, `istio-init`', source: 'istio', combinations: withEks },
  'istio-cni': { name: 'Istio with its CNI plugin', source: 'istio', combinations: withEks },
}

export async function peersInMarkdown(): Promise<string> {
  const real = await Promise.all(
    Object.values(rows).map(async ({ name, source, combinations }) => {
      const version = await pinnedVersion(peerSources[source])
      return [name, 'real', `\`${peerSources[source].dependency}\` ${version}`, combinations]
    }),
  )
  const replayed = Object.entries(replayedPeers).map(([name, { container }]) => [
    `\`${name}\``,
    'replayed',
    `adds \`${container}\``,
    withEks,
  ])
  return printMarkdownTable(
    ['Webhook', 'In the tests', 'Version, or its container', 'Combinations'],
    [...real, ...replayed],
  )
}
