/** The rows of the closed table for `check --delivery claim`. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'
import { sharedChecks } from '../shared/checks.ts'

export const claimChecks = {
  trident: row({
    about: 'claim: Trident is installed, with the resources by which it shares volumes.',
    why: 'only Trident makes and shares volumes of ONTAP; without it claims stay Pending',
    remedy: 'install Trident: on EKS the add-on netapp_trident-operator, elsewhere its Helm chart',
  }),
  'trident-backend': row({
    about: 'claim: Trident has a backend for the driver of the storage class, and has accepted it.',
    why: 'without one Trident makes no volume, and the source claim stays Pending',
    remedy: 'see what Trident says: kubectl get tridentbackendconfigs -A, and the log of its controller',
  }),
  'share-annotation': row({
    about:
      'claim: the claim says which one it shares, as NAMESPACE/NAME in trident.netapp.io/shareFromPVC, and nothing that excludes sharing.',
    why: 'without it Trident makes a new, empty volume instead of sharing the one with the models',
    remedy: 'annotations of a claim are read when it is created: delete it when no pod mounts it, and create it again',
  }),
  'source-claim': row({
    about: 'claim: the claim that is shared is there and bound.',
    why: 'Trident shares nothing that has no volume yet: "source PVC is not bound"',
    remedy:
      'apply what model-injector render claim prints, and see the events of the source claim: kubectl describe pvc',
  }),
  'source-shared': row({
    about:
      'claim: the source claim is shared to this namespace by trident.netapp.io/shareToNamespace, without blanks between the names.',
    why: 'Trident shares only with the namespaces that the source names, and does not trim them',
    remedy: 'add the namespace to the annotation of the source claim',
  }),
  'volume-reference': row({
    about: 'claim: a TridentVolumeReference in the namespace of the pods names the source claim.',
    why: 'with it the namespace agrees to the sharing; without it Trident refuses',
    remedy: 'create a TridentVolumeReference with pvcNamespace and pvcName of the source claim',
  }),
  'shared-class': row({
    about: 'claim: the claim has the storage class of its source.',
    why: 'Trident shares within one storage class only',
    remedy:
      'the class of a claim cannot be changed: delete the claim when no pod mounts it, and create it again with that of the source',
  }),
  'shared-size': row({
    about: 'claim: the claim asks for no more than its source has, and for 20Mi or more.',
    why: 'Trident refuses a share that is larger than what is shared; it is no quota, so the same size does no harm',
    remedy: 'delete the claim when no pod mounts it, and create it again with the size of the source',
  }),
  'source-volume': row({
    about:
      'claim: the volume of the source is one of Trident by NFS, online, managed by Trident, and not itself shared from elsewhere.',
    why: 'Trident shares no block volumes, no shares of shares, and nothing that it does not manage or reach',
    remedy: 'keep the models on a volume of a class with backendType ontap-nas, and share that',
  }),
  'storage-class': row({
    about: "claim: the storage class is Trident's, by NFS, binds at once, and has no settings that contradict NFS.",
    why: 'only volumes by NFS are shared; a class that waits for a first pod leaves the source unbound, and what shares it with it',
    remedy: 'use the storage class that model-injector render claim prints',
  }),
  'reclaim-policy': row({
    about: 'claim: the volume with the models is kept when its claim is deleted (Retain).',
    why: 'with Delete, the deletion of the source claim deletes every version of the model',
    remedy: 'set persistentVolumeReclaimPolicy of the volume to Retain',
  }),
  'read-only-mount': row({
    about: 'claim: no workload of the namespace mounts a shared claim writable.',
    why: 'ReadOnlyMany alone mounts nothing read-only: Trident looks at readOnly of the volume in the pod, and one pod could change the files of all',
    remedy:
      'set persistentVolumeClaim.readOnly: true in the volumes of the pod template, or leave the claim to model-injector, which does',
  }),
  'model-path': row({
    about: 'claim: the source names a version on the volume.',
    why: 'current may lead to another version after the restart of a container; without a path the app gets the whole volume, and nothing is checked before it starts',
    remedy: 'name a version, as pvc://CLAIM/versions/VERSION',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout({ ...sharedChecks, ...claimChecks })
