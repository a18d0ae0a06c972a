/** Faults of a prefix that Mountpoint shows. */
import type { Case } from './case.ts'
import { added, all, changed, configText, gone, mountpointClaim, mountpointVolume, object } from './good-worlds.ts'

const id = `apps/${mountpointClaim}`
const claim = 'PersistentVolumeClaim'
const inBucket = { driver: 's3.csi.aws.com', volumeHandle: mountpointVolume }
const asks = (spec: object): ReturnType<typeof changed> => changed(claim, id, { spec })
const shows = (spec: object): ReturnType<typeof changed> => changed('PersistentVolume', mountpointVolume, { spec })
const options = (...mountOptions: readonly string[]): ReturnType<typeof changed> => shows({ mountOptions })
const pending = changed(claim, id, { status: { phase: 'Pending' } })
const unbound = ['claim-bound', 'unchecked'] as const
const gated = changed('ConfigMap', 'model-injector/settings', {
  data: { 'config.yaml': `${configText}mountpoint: { headroomGate: true }\n` },
})
const runsAs = (securityContext: object): ReturnType<typeof changed> =>
  changed('Deployment', 'apps/my-app', { spec: { template: { spec: { securityContext } } } })
const headroom = changed('Deployment', 'kube-system/s3-csi-controller', {
  spec: { template: { spec: { containers: [{ name: 'controller', env: [{ name: 'MOUNTPOINT_HEADROOM_IMAGE' }] }] } } },
})
const waiting = object('v1', 'Pod', 'apps/waits', {
  spec: { containers: [], schedulingGates: [{ name: 's3.csi.aws.com/reserve-headroom-for-mppod' }] },
  status: { phase: 'Pending' },
})

export const mountpointCases: readonly Case[] = [
  {
    what: 'a claim that is not there',
    change: gone(claim, id),
    problems: [['claim', 'error']],
    says: /though the volume mp-\w+\.apps is meant for it$/,
  },
  {
    what: 'a claim for one node',
    change: asks({ accessModes: ['ReadWriteOncePod'] }),
    problems: [['claim-access', 'error']],
    command: /^kubectl delete pvc mp-/,
  },
  {
    what: 'a claim that is pending for an unknown reason',
    change: pending,
    problems: [['claim-bound', 'error']],
    says: /is Pending$/,
  },
  {
    what: 'a volume that an earlier claim had',
    change: all(
      pending,
      changed('PersistentVolume', mountpointVolume, {
        spec: { claimRef: { uid: 'earlier' } },
        status: { phase: 'Released' },
      }),
    ),
    problems: [['claim-bound', 'error']],
    says: /was that of an earlier claim .*, and is Released$/,
    command: /^kubectl patch pv \S+ --type merge -p '\{"spec":\{"claimRef":\{"uid":null,"resourceVersion":null\}\}\}'$/,
  },

  {
    what: 'no driver',
    change: gone('CSIDriver', 's3.csi.aws.com'),
    problems: [['csi-driver', 'error']],
    says: /no CSIDriver s3\.csi\.aws\.com/,
  },
  {
    what: 'a driver that gets no pod info',
    change: changed('CSIDriver', 's3.csi.aws.com', { spec: { podInfoOnMount: false } }),
    problems: [['csi-driver', 'error']],
    says: /podInfoOnMount/,
  },
  {
    what: 'a driver that does not run everywhere',
    change: changed('DaemonSet', 'kube-system/s3-csi-node', { status: { numberReady: 1 } }),
    problems: [['csi-driver', 'warning']],
    says: /ready on 1 of 2 nodes/,
  },
  {
    what: 'a node that waits for the driver',
    change: changed('Node', 'node-1', {
      spec: { taints: [{ key: 's3.csi.aws.com/agent-not-ready', effect: 'NoExecute' }] },
    }),
    problems: [['csi-driver', 'warning']],
    says: /1 of 1 nodes wait for the driver/,
  },

  {
    what: 'a class in the claim',
    change: all(pending, asks({ volumeName: null, storageClassName: 'gp3' })),
    problems: [unbound, ['static-volume', 'error']],
    says: /names no volume, and has the storage class gp3/,
    command: /^kubectl delete pvc mp-\w+ -n apps$/,
  },
  {
    what: 'no class in the claim',
    change: all(pending, asks({ volumeName: null, storageClassName: null })),
    problems: [unbound, ['static-volume', 'error']],
    says: /no storageClassName, which leaves the choice to the cluster/,
  },
  {
    what: 'a claim that names no volume',
    change: all(pending, asks({ volumeName: null })),
    problems: [unbound, ['static-volume', 'error']],
    says: /names no volume$/,
  },
  {
    what: 'a claim without any volume',
    change: all(pending, asks({ volumeName: null }), gone('PersistentVolume', mountpointVolume)),
    problems: [unbound, ['static-volume', 'error']],
  },
  {
    what: 'a claim whose volume is not there',
    change: all(pending, gone('PersistentVolume', mountpointVolume)),
    problems: [unbound, ['static-volume', 'error']],
    says: /there is no volume mp-/,
  },
  {
    what: 'a volume for any claim',
    change: all(pending, shows({ claimRef: null })),
    problems: [unbound, ['static-volume', 'error']],
    says: /for any claim that fits \(no claimRef\), not for apps\/mp-/,
    command:
      /^kubectl patch pv \S+ --type merge -p '\{"spec":\{"claimRef":\{"apiVersion":"v1","kind":"PersistentVolumeClaim","namespace":"apps","name":"mp-\w+"\}\}\}'$/,
  },
  {
    what: 'a volume for the claim of another namespace',
    change: all(pending, shows({ claimRef: { namespace: 'ml', uid: null } })),
    problems: [unbound, ['static-volume', 'error']],
    says: /is for ml\/mp-\w+, not for apps\/mp-/,
  },
  {
    what: 'a volume of another driver',
    change: shows({ csi: { driver: 'efs.csi.aws.com' } }),
    problems: [['volume-driver', 'error']],
    says: /is of efs\.csi\.aws\.com/,
  },
  {
    what: 'another volume with the same handle',
    change: added(object('v1', 'PersistentVolume', 'other', { spec: { csi: inBucket } })),
    problems: [['volume-handle', 'error']],
    says: /and so has other$/,
    command: /^kubectl delete pvc mp-/,
  },

  {
    what: 'a prefix without its slash',
    change: options('read-only', 'region eu-west-1', 'prefix llama/1.2.3', 'allow-other'),
    problems: [['mount-source', 'error']],
    says: /llama\/1\.2\.3, does not end in a slash/,
    command: /"prefix llama\/1\.2\.3\/"/,
  },
  {
    what: 'another prefix',
    change: options('read-only', 'prefix=llama-2/', 'allow-other'),
    problems: [['mount-source', 'error']],
    says: /shows the prefix llama-2\/, not llama\/1\.2\.3\//,
  },
  {
    what: 'no prefix',
    change: options('read-only', 'allow-other'),
    problems: [['mount-source', 'error']],
    says: /shows the whole bucket my-ml-bucket/,
  },
  {
    what: 'another bucket',
    change: shows({ csi: { volumeAttributes: { bucketName: 'other' } } }),
    problems: [['mount-source', 'error']],
    says: /shows the bucket other, not my-ml-bucket/,
    command: /^kubectl delete pvc mp-/,
  },
  {
    what: 'another region',
    change: options('read-only', 'region us-east-1', 'prefix llama/1.2.3/', 'allow-other'),
    problems: [['mount-options', 'error']],
    says: /looks for the bucket in us-east-1, the annotation says eu-west-1/,
    command: /"mountOptions":\["read-only","prefix llama\/1\.2\.3\/","allow-other","region eu-west-1"\]/,
  },
  {
    what: 'a volume that only root may read, and an app that is not root',
    change: options('read-only', 'prefix llama/1.2.3/'),
    problems: [['mount-options', 'error']],
    says: /deployment\/my-app runs neither as root nor with an fsGroup/,
  },
  {
    what: 'a volume that only root may read, and an app with an unknown user',
    change: all(options('read-only', 'prefix llama/1.2.3/'), runsAs({ runAsUser: null })),
    problems: [['mount-options', 'warning']],
    says: /only root may read, unless the pod has an fsGroup/,
  },
  {
    what: 'a volume that is not read-only',
    change: options('prefix llama/1.2.3/', 'allow-other'),
    problems: [['mount-options', 'warning']],
    says: /not read-only by itself/,
    command: /"read-only"\]/,
  },
  {
    what: "the driver's identity",
    change: shows({ csi: { volumeAttributes: { authenticationSource: 'driver' } } }),
    problems: [['mount-identity', 'warning']],
    says: /identity of the driver, not of the pod/,
  },
  {
    what: 'no service account',
    change: gone('ServiceAccount', 'apps/my-app'),
    problems: [['service-account', 'error']],
    command: /^kubectl create serviceaccount my-app -n apps$/,
  },

  {
    what: 'a gate that the driver does not take away',
    change: all(gated, added(waiting)),
    problems: [['headroom-gate', 'error']],
    says: /without the feature that takes it away; pods that wait for its removal: 1, as waits$/,
  },
  {
    what: 'a gate and no controller',
    change: all(gated, gone('Deployment', 'kube-system/s3-csi-controller')),
    problems: [['headroom-gate', 'error']],
    says: /no Deployment s3-csi-controller is there/,
  },
  {
    what: 'a driver that waits for the gate',
    change: headroom,
    problems: [['headroom-gate', 'warning']],
    says: /and the webhook adds none/,
  },
]

export const mountpointFine: readonly Pick<Case, 'what' | 'change'>[] = [
  { what: 'a gate that the driver takes away', change: all(gated, headroom) },
  { what: 'a class in a claim that is bound to its volume', change: asks({ storageClassName: 'gp3' }) },
  {
    what: 'options as the driver also reads them',
    change: options('--read-only', '--region=eu-west-1', 'prefix=llama/1.2.3/', '--allow-other'),
  },
  {
    what: 'a volume without allow-other for pods with an fsGroup',
    change: all(options('read-only', 'prefix llama/1.2.3/'), runsAs({ fsGroup: 1000 })),
  },
]
