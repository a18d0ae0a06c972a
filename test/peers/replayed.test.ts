/**
 * Our webhook with others that are replayed, service meshes and agents whose programs are no modules here, and with the real
 * identity webhook of EKS, in every order.
 */
import t from 'tap'
import { checkInEveryCombination, combinationsOf, meshMatrix } from '../kit/peers/check-combinations.ts'
import { peerPods } from '../kit/peers/peer-pods.ts'
import { replayedPeers } from '../kit/peers/replayed-peers.ts'
import { startPeers } from '../kit/peers/start-peers.ts'

// The first run on a machine builds the control plane and the other webhooks from source.
const timeout = 60 * 60 * 1000
t.setTimeout(timeout)

t.test('with replayed webhooks', { timeout }, async (t) => {
  const matrices = Object.keys(replayedPeers).map((name) => ({ name, matrix: meshMatrix(name) }))
  const cluster = await startPeers(
    t,
    matrices.flatMap(({ matrix }) => combinationsOf(matrix)),
  )
  for (const { name, matrix } of matrices) {
    for (const peerPod of peerPods.filter(({ asksVault }) => !asksVault)) {
      await t.test(`${name}, replayed: ${peerPod.name}`, (t) => checkInEveryCombination(t, cluster, matrix, peerPod))
    }
  }
})
