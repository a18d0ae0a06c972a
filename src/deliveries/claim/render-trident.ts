/** Trident's objects: class, backend and shared claim, and a reference and a claim in each namespace that uses it. */
import { formatBytes } from '../../values/quantity.ts'
import type { S3Source } from '../../values/source.ts'
import { label } from '../../render/names.ts'
import { explain, type Branch, type Tree } from '../../render/tree.ts'

export interface Backend {
  readonly name: string
  readonly tridentNamespace: string
  readonly storageClass: string
  readonly fileSystemId: string
  readonly region: string
  readonly svm: string
  /** Whole ARN, with the six characters at its end. */
  readonly secretArn: string
}

export interface SharedModel {
  /** Name of the claim, both where it is published and where it is used. */
  readonly claim: string
  readonly sizeBytes: number
  /** Prefix that contains the versions. */
  readonly source: S3Source
  /** Namespaces whose pods use it. */
  readonly namespaces: readonly string[]
}

export const provisioner = 'csi.trident.netapp.io'
const driver = 'ontap-nas'

export function storageClass({ storageClass: name }: Backend): Tree {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner,
    parameters: explain('NFS, the only kind that Trident shares; a file system type would mean nothing.', {
      backendType: driver,
    }),
    volumeBindingMode: explain(
      'The claim is bound before the publisher runs, and namespaces that share it need not wait for a first pod.',
      'Immediate',
    ),
    mountOptions: explain('Sixteen connections: a single one does not fill the network of a node.', [
      'nfsvers=4.1',
      'nconnect=16',
    ]),
    reclaimPolicy: explain('A claim that is deleted by mistake leaves the models where they are.', 'Retain'),
    allowVolumeExpansion: true,
  }
}

export function backendConfig(backend: Backend): Tree {
  return {
    apiVersion: 'trident.netapp.io/v1',
    kind: 'TridentBackendConfig',
    metadata: {
      name: label(backend.name),
      namespace: explain("Trident's own: it reads no other.", backend.tridentNamespace),
    },
    spec: {
      version: 1,
      backendName: backend.name,
      storageDriverName: driver,
      svm: backend.svm,
      aws: explain('From the file system Trident finds the management address; none is written here.', {
        fsxFilesystemID: backend.fileSystemId,
        apiRegion: backend.region,
      }),
      credentials: explain(
        'A secret of AWS Secrets Manager with the keys username and password; the password is in no object of the cluster.',
        { name: backend.secretArn, type: 'awsarn' },
      ),
    },
  }
}

export function sharedClaim({ claim, sizeBytes, namespaces }: SharedModel, store: string, backend: Backend): Tree {
  return claimOf(
    {
      name: claim,
      namespace: store,
      annotations:
        namespaces.length === 0
          ? undefined
          : {
              'trident.netapp.io/shareToNamespace': explain(
                'Without blanks: Trident does not trim them, and would share with " ml".',
                namespaces.join(','),
              ),
            },
    },
    'ReadWriteMany',
    sizeBytes,
    backend,
  )
}

export function volumeReference({ claim }: SharedModel, consumer: string, store: string): Tree {
  return {
    apiVersion: 'trident.netapp.io/v1',
    kind: 'TridentVolumeReference',
    metadata: {
      name: label(claim),
      namespace: explain('In the namespace of the pods, which agrees to the sharing.', consumer),
    },
    spec: { pvcName: claim, pvcNamespace: store },
  }
}

export function consumerClaim(
  { claim, sizeBytes }: SharedModel,
  consumer: string,
  store: string,
  backend: Backend,
): Tree {
  return claimOf(
    { name: claim, namespace: consumer, annotations: { 'trident.netapp.io/shareFromPVC': `${store}/${claim}` } },
    'ReadOnlyMany',
    sizeBytes,
    backend,
  )
}

function claimOf(metadata: Branch, accessMode: string, sizeBytes: number, backend: Backend): Tree {
  const isShared = accessMode === 'ReadOnlyMany'
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: {
      storageClassName: isShared
        ? explain('The same class as the shared claim, or Trident refuses.', backend.storageClass)
        : backend.storageClass,
      accessModes: isShared
        ? explain(
            'This alone mounts nothing read-only; model-injector mounts it with persistentVolumeClaim.readOnly.',
            [accessMode],
          )
        : [accessMode],
      resources: {
        requests: {
          storage: isShared
            ? explain('Not larger than the shared claim; it is no quota.', formatBytes(sizeBytes))
            : formatBytes(sizeBytes),
        },
      },
    },
  }
}
