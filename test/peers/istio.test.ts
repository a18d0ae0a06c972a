/**
 * Our webhook with the real injector of Istio in three modes and the real identity webhook of EKS, in every order. Wherever Istio
 * is called, the loader stands and runs as its network needs it.
 */
import t from 'tap'
import type { Pod } from '../../src/pod/pod.ts'
import { admitInAll, checkInEveryCombination, combinationsOf, meshMatrix } from '../kit/peers/check-combinations.ts'
import { describeTurns } from '../kit/peers/combinations.ts'
import { peerPods } from '../kit/peers/peer-pods.ts'
import { loaderOf } from '../kit/peers/pod-parts.ts'
import type { IstioMode } from '../kit/peers/real-peers.ts'
import { startPeers } from '../kit/peers/start-peers.ts'

// The first run on a machine builds the control plane and the other webhooks from source.
const timeout = 60 * 60 * 1000
t.setTimeout(timeout)

/** True where the loader reaches S3 although Istio redirects the traffic of the pod. */
const hasNetwork: Readonly<Record<IstioMode, (pod: Pod) => boolean>> = {
  'istio-native': (pod) =>
    placeOf(pod, 'istio-proxy') >= 0 && placeOf(pod, 'istio-proxy') < placeOf(pod, 'model-loader'),
  'istio-init': (pod) => placeOf(pod, 'model-loader') < placeOf(pod, 'istio-init'),
  'istio-cni': (pod) => placeOf(pod, 'istio-validation') >= 0 && loaderOf(pod)?.securityContext?.runAsUser === 1337,
}

t.test('with the injector of Istio, real', { timeout }, async (t) => {
  const matrices = (Object.keys(hasNetwork) as IstioMode[]).map((mode) => ({ mode, matrix: meshMatrix(mode) }))
  const cluster = await startPeers(
    t,
    matrices.flatMap(({ matrix }) => combinationsOf(matrix)),
  )
  for (const { mode, matrix } of matrices) {
    for (const peerPod of peerPods.filter(({ asksVault }) => !asksVault)) {
      await t.test(`${mode}: ${peerPod.name}`, (t) => checkInEveryCombination(t, cluster, matrix, peerPod))
    }

    await t.test(`${mode}: the loader has network`, async (t) => {
      const { pod } = peerPods.find(({ name }) => name === 'pod-identity')!
      const cutOff = [...(await admitInAll(cluster, pod, matrix.together))].filter(
        ([, admitted]) => !hasNetwork[mode](admitted.pod),
      )
      t.strictSame(
        cutOff.map(([{ turns }]) => describeTurns(turns)),
        [],
      )
    })
  }
})

function placeOf({ spec }: Pod, name: string): number {
  return (spec.initContainers ?? []).findIndex((container) => container.name === name)
}
