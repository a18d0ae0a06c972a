/**
 * Runs bench/admission.ts with the webhook that EKS has in every cluster, amazon-eks-pod-identity-webhook, in its own program beside a
 * control plane. It gives the pods of the benchmark Pod Identity, as it would on EKS.
 *
 * node bench/beside-eks.ts [the options of bench/admission.ts]
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startControlPlane } from '../test/kit/cluster/control-plane.ts'
import { startEks } from '../test/kit/peers/real-peers.ts'

const controlPlane = await startControlPlane()
try {
  const identity = { namespace: 'apps', serviceAccount: 'default' }
  const eks = await startEks(controlPlane, { podIdentity: [identity], region: 'eu-west-1' })
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '0', String(eks.pid)], { stdio: 'ignore' })
    const peer = `EKS webhook=${new URL(eks.url).origin}#${eks.pid}`
    const args = [join(import.meta.dirname, 'admission.ts'), '--peer', peer, ...process.argv.slice(2)]
    const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit')) as [number | null]
    process.exitCode = code ?? 1
  } finally {
    await eks.stop()
  }
} finally {
  await controlPlane.stop()
}
