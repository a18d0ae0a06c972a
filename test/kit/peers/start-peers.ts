/** Our webhook and others on one API server, all in force before the test begins. */
import { mkdir } from 'node:fs/promises'
import type { Test } from 'tap'
import type { Pod } from '../../../src/pod/pod.ts'
import { startForeignWebhook } from '../cluster/foreign-webhook.ts'
import { startWebhook } from '../webhook/webhook-process.ts'
import type { Combination } from './combinations.ts'
import { accounts, clusterRegion, ours, startPeerCluster, type PeerCluster } from './peer-cluster.ts'
import { podForEveryWebhook } from './peer-pods.ts'
import { allContainers, containersWithCredentials, loaderOf } from './pod-parts.ts'
import { startEks, startIstio, startVault, type PeerWebhook, type RunningPeer } from './real-peers.ts'
import { replayedPeers, type ReplayedPeer } from './replayed-peers.ts'

/** Starts each webhook that a combination names: a real one by its own program, the others replayed. They end with the test. */
export async function startPeers(
  t: Test,
  combinations: readonly Combination[],
  replayed: Readonly<Record<string, ReplayedPeer>> = replayedPeers,
): Promise<PeerCluster> {
  const cluster = await startPeerCluster(combinations)
  t.teardown(() => cluster.stop())
  const directory = t.testdir()
  const ourWebhook = await startWebhook(directory)
  t.teardown(() => ourWebhook.stop())
  const webhooks: Record<string, PeerWebhook> = { [ours]: ourWebhook }
  const names = new Set(combinations.flatMap(({ turns }) => turns.map(({ webhook }) => webhook)))
  for (const name of names) {
    if (name === ours) continue
    const peer = isReal(name)
      ? await realStarters[name](cluster, combinations)
      : await startReplayed(replayed[name], `${directory}/${name}`)
    t.teardown(() => peer.stop())
    webhooks[name] = peer
  }
  await cluster.register(webhooks)
  await cluster.waitUntilInForce(podForEveryWebhook, (pod, turns) =>
    turns.every(({ webhook }) =>
      isMarked(webhook) ? marks[webhook](pod) : hasContainer(pod, replayed[webhook]?.container),
    ),
  )
  return cluster
}

const realStarters = {
  eks: ({ controlPlane }, combinations) =>
    startEks(controlPlane, {
      podIdentity: combinations.map(({ namespace }) => ({ namespace, serviceAccount: accounts.podIdentity })),
      region: clusterRegion,
    }),
  vault: ({ controlPlane, api }) => startVault(controlPlane, api),
  'istio-native': ({ controlPlane }) => startIstio(controlPlane, 'istio-native'),
  'istio-init': ({ controlPlane }) => startIstio(controlPlane, 'istio-init'),
  'istio-cni': ({ controlPlane }) => startIstio(controlPlane, 'istio-cni'),
} satisfies Record<string, StartPeer>

type StartPeer = (cluster: PeerCluster, combinations: readonly Combination[]) => Promise<RunningPeer>

/** A webhook whose own program runs. */
export type RealPeer = keyof typeof realStarters

function isReal(name: string): name is RealPeer {
  return Object.hasOwn(realStarters, name)
}

async function startReplayed(peer: ReplayedPeer | undefined, directory: string): Promise<RunningPeer> {
  if (peer === undefined) throw new Error(`there is no webhook for ${directory}`)
  await mkdir(directory)
  const webhook = await startForeignWebhook(directory, peer.mutate)
  return { ...webhook, stop: () => webhook.close() }
}

/** Signs of a webhook in the probe. */
const marks: Readonly<Record<RealPeer | typeof ours, (pod: Pod) => boolean>> = {
  [ours]: (pod) => loaderOf(pod) !== undefined,
  eks: (pod) => containersWithCredentials(pod).includes('app'),
  vault: (pod) => hasContainer(pod, 'vault-agent'),
  'istio-native': (pod) => hasContainer(pod, 'istio-proxy'),
  'istio-init': (pod) => hasContainer(pod, 'istio-proxy'),
  'istio-cni': (pod) => hasContainer(pod, 'istio-proxy'),
}

function isMarked(name: string): name is keyof typeof marks {
  return Object.hasOwn(marks, name)
}

function hasContainer(pod: Pod, name: string | undefined): boolean {
  return allContainers(pod).some((container) => container.name === name)
}
