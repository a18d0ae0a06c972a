/** The rows of the closed table of checks that several deliveries share. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'

export const sharedChecks = {
  namespace: row({
    about: 'The namespace is there.',
    why: 'claims, service accounts and secrets of pods have to be in the namespace of the pods',
    remedy: 'name another namespace, or create it',
  }),
  'model-request': row({
    about: 'Workloads of the namespace request a model by this delivery, and the webhook does not refuse them.',
    why: 'a workload whose annotations are refused gets no pods at all',
    remedy: 'fix the annotations of the pod template; model-injector why shows all of them',
  }),
  claim: row({
    about: 'claim, mountpoint: the claim that pods mount is there.',
    why: 'pods stay Pending: "persistentvolumeclaim not found"',
    remedy: 'apply what model-injector render prints for this delivery',
  }),
  'claim-bound': row({
    about: 'claim, mountpoint: the claim is bound to a volume, and that volume to the claim.',
    why: 'pods stay Pending until it is: "pod has unbound immediate PersistentVolumeClaims"',
    remedy: 'see the events of the claim: kubectl describe pvc',
  }),
  'claim-access': row({
    about: 'claim, mountpoint: the claim may be mounted on several nodes (ReadOnlyMany or ReadWriteMany).',
    why: 'with ReadWriteOnce only pods of one node get the volume, and the others hang in ContainerCreating: "Multi-Attach error"',
    remedy:
      'access modes cannot be changed: delete the claim when no pod mounts it, and create it again with ReadOnlyMany',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout(sharedChecks)
