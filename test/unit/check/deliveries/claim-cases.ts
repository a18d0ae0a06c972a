/** Faults of a claim that Trident shares. */
import type { RequestedModel } from '../../../../src/deliveries/shared/requested-model.ts'
import type { Case } from './case.ts'
import { added, all, changed, gone, object, workload } from './good-worlds.ts'

const [consumer, source] = ['apps/llama', 'model-store/llama']
const claim = 'PersistentVolumeClaim'
const shareFrom = 'trident.netapp.io/shareFromPVC'
const shareTo = 'trident.netapp.io/shareToNamespace'
const pending = changed(claim, consumer, { spec: { volumeName: null }, status: { phase: 'Pending' } })
const annotated = (annotations: object, id = consumer): ReturnType<typeof changed> =>
  changed(claim, id, { metadata: { annotations } })
const unbound = ['claim-bound', 'unchecked'] as const
const named = (from?: RequestedModel['from']): readonly RequestedModel[] => [
  { source: { scheme: 'pvc', claim: 'llama', path: undefined, uri: 'pvc://llama' }, from, consumers: [] },
]

export const claimCases: readonly Case[] = [
  {
    what: 'a claim that is not there',
    change: gone(claim, consumer),
    problems: [['claim', 'error']],
    says: /there is no claim apps\/llama/,
  },
  {
    what: 'a claim that is not there, whose source is named',
    change: gone(claim, consumer),
    options: { named: named({ namespace: 'model-store', name: 'llama' }) },
    problems: [
      ['claim', 'error'],
      ['share-annotation', 'unchecked'],
      ['shared-class', 'unchecked'],
      ['shared-size', 'unchecked'],
    ],
    command:
      /^echo '\{.*"trident\.netapp\.io\/shareFromPVC":"model-store\/llama".*"storageClassName":"ontap-nas".*"storage":"20Gi".*' \| kubectl create -f -$/,
  },
  {
    what: 'a claim that is being deleted',
    change: changed(claim, consumer, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    problems: [['claim', 'warning']],
    says: /is being deleted/,
  },
  {
    what: 'a claim that is pending for an unknown reason',
    change: pending,
    problems: [['claim-bound', 'error']],
    says: /^apps\/llama is Pending$/,
    command: /^kubectl describe pvc llama -n apps$/,
  },
  {
    what: 'a claim whose volume is gone',
    change: gone('PersistentVolume', 'pvc-2'),
    problems: [['claim-bound', 'error']],
    says: /volume pvc-2, which is not there/,
  },
  {
    what: 'a claim whose volume is for another',
    change: changed('PersistentVolume', 'pvc-2', { spec: { claimRef: { namespace: 'ml' } } }),
    problems: [['claim-bound', 'error']],
    says: /which is for ml\/llama/,
  },
  {
    what: 'a claim for one node',
    change: changed(claim, consumer, { spec: { accessModes: ['ReadWriteOnce'] } }),
    problems: [['claim-access', 'error']],
    command: /^kubectl delete pvc llama -n apps$/,
  },

  {
    what: 'no Trident',
    change: gone('CSIDriver', 'csi.trident.netapp.io'),
    problems: [['trident', 'error']],
    says: /no CSIDriver csi\.trident\.netapp\.io/,
  },
  {
    what: 'no definitions of Trident',
    change: (world) => ({
      ...world,
      unknownKinds: ['tridentvolumereferences', 'tridentbackendconfigs', 'tridentvolumes'],
    }),
    problems: [
      ['trident', 'error'],
      ['volume-reference', 'unchecked'],
    ],
    says: /knows no TridentVolumeReferences; .*knows no TridentBackendConfigs/,
  },
  {
    what: 'a controller that does not run',
    change: changed('Deployment', 'trident/trident-controller', { status: { readyReplicas: 0 } }),
    problems: [['trident', 'error']],
    says: /trident\/trident-controller has 0 ready pods/,
    command: /^kubectl describe deployment trident-controller -n trident$/,
  },
  {
    what: 'no backend',
    change: gone('TridentBackendConfig', 'trident/svm1'),
    problems: [['trident-backend', 'warning']],
    says: /has the driver ontap-nas/,
  },
  {
    what: 'a backend that Trident refused',
    change: changed('TridentBackendConfig', 'trident/svm1', {
      status: { phase: '', lastOperationStatus: 'Failed', message: 'unauthorized' },
    }),
    problems: [['trident-backend', 'error']],
    says: /^trident\/svm1 is Failed, unauthorized$/,
  },
  {
    what: 'a backend with a part of the ARN',
    change: changed('TridentBackendConfig', 'trident/svm1', {
      spec: { credentials: { name: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm1' } },
      status: { phase: '', lastOperationStatus: 'Failed' },
    }),
    problems: [['trident-backend', 'error']],
    says: /no whole ARN of a secret, with the six characters/,
  },
  {
    what: 'a backend in a namespace that Trident does not read',
    change: all(
      gone('TridentBackendConfig', 'trident/svm1'),
      added(
        object('trident.netapp.io/v1', 'TridentBackendConfig', 'model-store/svm1', {
          spec: { storageDriverName: 'ontap-nas' },
        }),
      ),
    ),
    problems: [['trident-backend', 'error']],
    says: /^model-store\/svm1 was not looked at by Trident, which runs in trident and reads no other namespace$/,
  },

  {
    what: 'an annotation that is no name',
    change: all(pending, annotated({ [shareFrom]: 'llama' })),
    problems: [unbound, ['share-annotation', 'error']],
    says: /is "llama", which is not NAMESPACE\/NAME/,
  },
  {
    what: 'a clone',
    change: all(pending, annotated({ 'trident.netapp.io/cloneFromPVC': 'x' })),
    problems: [unbound, ['share-annotation', 'error']],
    says: /has both trident\.netapp\.io\/cloneFromPVC and /,
  },
  {
    what: 'an annotation in addition to that of a claim that is bound',
    change: annotated({ 'trident.netapp.io/cloneFromPVC': 'x' }),
    problems: [['share-annotation', 'warning']],
    says: /is bound already, but could not be created again$/,
  },
  {
    what: 'a volume of its own that cannot be filled',
    change: annotated({ [shareFrom]: null }),
    problems: [['share-annotation', 'error']],
    says: /a new, empty volume that cannot be filled/,
  },
  {
    what: 'a share of another claim than the one named',
    change: all(pending, annotated({ [shareFrom]: 'ml/llama' })),
    options: { named: named({ namespace: 'model-store', name: 'llama' }) },
    problems: [unbound, ['share-annotation', 'error']],
    says: /shares ml\/llama, not model-store\/llama/,
    command: /^kubectl delete pvc llama -n apps$/,
  },

  {
    what: 'a source that is not there',
    change: all(pending, gone(claim, source)),
    problems: [unbound, ['source-claim', 'error']],
    says: /there is no claim model-store\/llama/,
  },
  {
    what: 'a source that is pending',
    change: all(pending, changed(claim, source, { spec: { volumeName: null }, status: { phase: 'Pending' } })),
    problems: [unbound, ['source-claim', 'error']],
    says: /^model-store\/llama is Pending$/,
  },
  {
    what: 'a source that waits for a pod',
    change: all(
      pending,
      changed(claim, source, { spec: { volumeName: null }, status: { phase: 'Pending' } }),
      changed('StorageClass', 'ontap-nas', { volumeBindingMode: 'WaitForFirstConsumer' }),
    ),
    problems: [unbound, ['source-claim', 'error'], ['storage-class', 'warning']],
    says: /its class waits for a first pod$/,
  },
  {
    what: 'a source that is being deleted',
    change: changed(claim, source, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    problems: [['source-claim', 'warning']],
    says: /its files go with the last claim that shares it/,
  },
  {
    what: 'a blank in the list of namespaces',
    change: all(pending, annotated({ [shareTo]: 'ml, apps' }, source)),
    problems: [unbound, ['source-shared', 'error']],
    says: /"ml, apps": Trident reads the blank as part of the name/,
    command: /^kubectl annotate pvc llama -n model-store --overwrite trident\.netapp\.io\/shareToNamespace=ml,apps$/,
  },
  {
    what: 'a source that is shared to others',
    change: all(pending, annotated({ [shareTo]: 'ml' }, source)),
    problems: [unbound, ['source-shared', 'error']],
    says: /is shared to "ml", not to apps/,
    command: /=ml,apps$/,
  },
  {
    what: 'a source that is shared to no namespace',
    change: all(pending, annotated({ [shareTo]: null }, source)),
    problems: [unbound, ['source-shared', 'error']],
    says: /shared to no namespace, so not to apps/,
    command: /=apps$/,
  },
  {
    what: 'no TridentVolumeReference',
    change: all(pending, gone('TridentVolumeReference', consumer)),
    problems: [unbound, ['volume-reference', 'error']],
    command:
      /^echo '\{"apiVersion":"trident\.netapp\.io\/v1","kind":"TridentVolumeReference","metadata":\{"name":"llama","namespace":"apps"\},"spec":\{"pvcName":"llama","pvcNamespace":"model-store"\}\}' \| kubectl apply -f -$/,
  },
  {
    what: 'a TridentVolumeReference of another claim',
    change: all(pending, changed('TridentVolumeReference', consumer, { spec: { pvcNamespace: 'store' } })),
    problems: [unbound, ['volume-reference', 'error']],
    says: /names store\/llama, not model-store\/llama/,
    command:
      /^kubectl patch tridentvolumereference llama -n apps --type merge -p '\{"spec":\{"pvcName":"llama","pvcNamespace":"model-store"\}\}'$/,
  },
  {
    what: 'another storage class',
    change: all(pending, changed(claim, consumer, { spec: { storageClassName: 'gp3' } })),
    problems: [unbound, ['shared-class', 'error']],
    says: /has the storage class gp3, its source ontap-nas/,
    command: /^kubectl delete pvc llama -n apps$/,
  },
  {
    what: 'a share that is larger',
    change: all(pending, changed(claim, consumer, { spec: { resources: { requests: { storage: '30Gi' } } } })),
    problems: [unbound, ['shared-size', 'error']],
    says: /asks for 30Gi, and its source has 20Gi/,
  },
  {
    what: 'a share that is too small for Trident',
    change: all(pending, changed(claim, consumer, { spec: { resources: { requests: { storage: '1Mi' } } } })),
    problems: [unbound, ['shared-size', 'error']],
    says: /no volume below 20Mi/,
  },

  {
    what: 'a source that is a share',
    change: all(pending, annotated({ [shareFrom]: 'x/y' }, source)),
    problems: [unbound, ['source-volume', 'error']],
    says: /is itself a share of x\/y/,
  },
  {
    what: 'a source that Trident does not manage',
    change: all(pending, annotated({ 'trident.netapp.io/notManaged': 'true' }, source)),
    problems: [unbound, ['source-volume', 'error']],
    says: /imported as not managed/,
  },
  {
    what: 'a source of another driver',
    change: all(pending, changed('PersistentVolume', 'pvc-1', { spec: { csi: { driver: 'efs.csi.aws.com' } } })),
    problems: [unbound, ['source-volume', 'error']],
    says: /is of efs\.csi\.aws\.com, not of Trident/,
  },
  {
    what: 'a source of blocks',
    change: all(
      pending,
      changed('PersistentVolume', 'pvc-1', { spec: { csi: { volumeAttributes: { protocol: 'block' } } } }),
    ),
    problems: [unbound, ['source-volume', 'error']],
    says: /has the protocol block/,
  },
  {
    what: 'a source that is orphaned',
    change: all(pending, changed('TridentVolume', 'trident/pvc-1', { orphaned: true })),
    problems: [unbound, ['source-volume', 'error']],
    says: /is orphaned/,
  },
  {
    what: 'a source that is offline',
    change: all(pending, changed('TridentVolume', 'trident/pvc-1', { state: 'missing_backend' })),
    problems: [unbound, ['source-volume', 'error']],
    says: /is missing_backend/,
  },
  {
    what: 'a class that is not there',
    change: gone('StorageClass', 'ontap-nas'),
    problems: [['storage-class', 'error']],
    says: /there is no storage class ontap-nas/,
  },
  {
    what: 'a class of another provisioner',
    change: changed('StorageClass', 'ontap-nas', { provisioner: 'ebs.csi.aws.com' }),
    problems: [['storage-class', 'error']],
    says: /ontap-nas is of ebs\.csi\.aws\.com, not of Trident/,
  },
  {
    what: 'a class of blocks',
    change: changed('StorageClass', 'ontap-nas', { parameters: { backendType: 'ontap-san' } }),
    problems: [
      ['trident-backend', 'warning'],
      ['storage-class', 'error'],
    ],
    says: /no TridentBackendConfig has the driver ontap-san/,
  },
  {
    what: 'a class with a file system',
    change: changed('StorageClass', 'ontap-nas', { parameters: { fsType: 'ext4' } }),
    problems: [['storage-class', 'warning']],
    says: /fsType ext4, which means nothing for NFS/,
  },
  {
    what: 'a class with nconnect alone',
    change: changed('StorageClass', 'ontap-nas', { mountOptions: ['nconnect=16'] }),
    problems: [['storage-class', 'warning']],
    command:
      /^kubectl patch storageclass ontap-nas --type merge -p '\{"mountOptions":\["nfsvers=4\.1","nconnect=16"\]\}'$/,
  },
  {
    what: 'a volume that is deleted with its claim',
    change: changed('PersistentVolume', 'pvc-1', { spec: { persistentVolumeReclaimPolicy: 'Delete' } }),
    problems: [['reclaim-policy', 'warning']],
    command: /^kubectl patch pv pvc-1 --type merge -p '\{"spec":\{"persistentVolumeReclaimPolicy":"Retain"\}\}'$/,
  },

  {
    what: 'a workload that may write',
    change: added(
      workload(
        {},
        { volumes: [{ name: 'm', persistentVolumeClaim: { claimName: 'llama' } }] },
        'StatefulSet',
        'writer',
      ),
    ),
    problems: [['read-only-mount', 'warning']],
    says: /^statefulset\/writer mounts apps\/llama without readOnly/,
    command:
      /^kubectl patch statefulset writer -n apps --type strategic -p '\{"spec":\{"template":\{"spec":\{"volumes":\[\{"name":"m","persistentVolumeClaim":\{"claimName":"llama","readOnly":true\}\}\]\}\}\}\}'$/,
  },
  {
    what: 'the current version',
    change: annotatedModel('pvc://llama/current'),
    problems: [['model-path', 'warning']],
    says: /may be another version after a restart/,
  },
  {
    what: 'a model without a version',
    change: annotatedModel('pvc://llama'),
    problems: [['model-path', 'warning']],
    says: /names no version/,
  },
]

function annotatedModel(source: string): ReturnType<typeof changed> {
  return changed('Deployment', 'apps/my-app', {
    spec: { template: { metadata: { annotations: { 'models.example.io/source': source } } } },
  })
}
