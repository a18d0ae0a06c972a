/** The rows of the closed table for `check --delivery mountpoint`. */
import { row } from '../../diagnosis/check-row.ts'
import { findingsAbout } from '../../diagnosis/finding.ts'
import { sharedChecks } from '../shared/checks.ts'

export const mountpointChecks = {
  'csi-driver': row({
    about:
      'mountpoint: the Mountpoint CSI driver is installed, runs on the nodes, and learns for which pods it mounts (podInfoOnMount).',
    why: 'without it pods hang in ContainerCreating: "driver name s3.csi.aws.com not found"',
    remedy: 'install the EKS add-on aws-mountpoint-s3-csi-driver',
  }),
  'static-volume': row({
    about: 'mountpoint: claim and volume are made for each other: storageClassName "", volumeName, claimRef.',
    why: 'the driver makes no volumes itself; a default storage class would make one of another kind, and a volume without claimRef may go to another claim',
    remedy: 'apply what model-injector render mountpoint prints',
  }),
  'volume-driver': row({
    about: 'mountpoint: the volume is one of s3.csi.aws.com.',
    why: 'the app would get the files of some other volume',
    remedy: 'apply what model-injector render mountpoint prints, under a name of its own',
  }),
  'volume-handle': row({
    about: 'mountpoint: no other volume of the cluster has the same volumeHandle.',
    why: 'two volumes of one handle are one to the kubelet: a pod may get the model of the other',
    remedy:
      'the handle cannot be changed: when no pod mounts it, delete the volume with its claim, and create both again',
  }),
  'mount-source': row({
    about: 'mountpoint: the volume shows the bucket and the prefix of the annotation, and the prefix ends in a slash.',
    why: 'the app gets what the volume shows, whatever the annotation says; without the slash the driver refuses the prefix',
    remedy: 'correct the volume; pods that run keep what they have mounted',
  }),
  'mount-options': row({
    about: 'mountpoint: the volume is mounted read-only, in the right region, and readable by the user of the app.',
    why: 'without allow-other or an fsGroup only root may read: "Permission denied"',
    remedy: 'correct mountOptions of the volume; pods that run keep theirs',
  }),
  'mount-identity': row({
    about: "mountpoint: the volume is read with the identity of the pod's service account (authenticationSource: pod).",
    why: "with the driver's own role every namespace reads what the driver may read, and the role of the pods counts for nothing",
    remedy:
      'attributes of a volume cannot be changed: when no pod mounts it, delete it with its claim, and create both again',
  }),
  'service-account': row({
    about: 'mountpoint: the service account whose role reads the bucket is there.',
    why: 'pods of a service account that is not there are not created',
    remedy: 'create it; model-injector render download prints it with its role',
  }),
  'headroom-gate': row({
    about: 'mountpoint: the scheduling gate is added exactly where the driver takes it away again.',
    why: 'a gate that is never removed keeps pods in SchedulingGated; without it Karpenter leaves no room for the pod of Mountpoint',
    remedy: 'set mountpoint.headroomGate of the configuration as the driver is installed',
  }),
} as const

export const { ok, warning, error, unchecked } = findingsAbout({ ...sharedChecks, ...mountpointChecks })
