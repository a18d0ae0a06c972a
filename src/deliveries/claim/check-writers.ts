/**
 * Finds workloads that could change the shared files: ReadOnlyMany alone mounts nothing read-only, the volume in the pod
 * has to say so.
 */
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { ok, warning } from './checks.ts'
import { idOf } from '../shared/check-claim.ts'
import type { SharedClaim } from './check-claim.ts'
import { patchByName } from '../../diagnosis/kubectl-commands.ts'
import type { Writer } from '../shared/requested-model.ts'

export function checkClaimWriters(seen: SharedClaim): readonly Finding[] {
  if (seen.writers.length === 0) {
    return [ok('read-only-mount', `no workload mounts ${idOf(seen)} writable`)]
  }
  return seen.writers.map((writer) => {
    const finding = warning(
      'read-only-mount',
      `${writer.title} mounts ${idOf(seen)} without readOnly, and may change what others read`,
    )
    return withCommands(finding, ...readOnly(writer, seen.namespace))
  })
}

/** The pod templates of Jobs and pods are immutable, so there is no command for them. */
function readOnly({ kind, name, claim, volume }: Writer, namespace: string): readonly string[] {
  if (kind === 'Job' || kind === 'Pod') return []
  const template = {
    template: { spec: { volumes: [{ name: volume, persistentVolumeClaim: { claimName: claim, readOnly: true } }] } },
  }
  return [
    patchByName(
      { kind: kind.toLowerCase(), name, namespace },
      { spec: kind === 'CronJob' ? { jobTemplate: { spec: template } } : template },
    ),
  ]
}
