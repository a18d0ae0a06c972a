/**
 * Our webhook with the real identity webhook of EKS and the real injector of Vault, on a real API server: three webhooks in 6 orders,
 * each called again or not, 48 combinations. The programs are built from the modules that test/peers/tools pins.
 */
import t from 'tap'
import { checkInEveryCombination, combinationsOf, peerMatrix } from '../kit/peers/check-combinations.ts'
import { peerPods } from '../kit/peers/peer-pods.ts'
import { startPeers } from '../kit/peers/start-peers.ts'

// The first run on a machine builds the control plane and the other webhooks from source.
const timeout = 60 * 60 * 1000
t.setTimeout(timeout)

t.test('with the EKS identity webhook and the Vault injector, both real', { timeout }, async (t) => {
  const matrix = peerMatrix(['eks', 'vault'])
  const cluster = await startPeers(t, combinationsOf(matrix))
  for (const peerPod of peerPods) {
    await t.test(peerPod.name, (t) => checkInEveryCombination(t, cluster, matrix, peerPod))
  }
})
