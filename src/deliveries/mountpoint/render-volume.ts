/** A volume of the Mountpoint CSI driver that shows one prefix of a bucket, and its claim. */
import { mountpointClaimName } from './inject.ts'
import { formatBytes } from '../../values/quantity.ts'
import type { S3Source } from '../../values/source.ts'
import { fit } from '../../render/names.ts'
import { explain, type Tree } from '../../render/tree.ts'

export interface MountpointVolume {
  /** The prefix. */
  readonly source: S3Source
  readonly namespace: string
  /** Name of the claim; undefined for the webhook's default. */
  readonly claim?: string | undefined
  readonly region: string
  /** Cache size on a node's disk; undefined for no cache. */
  readonly cacheBytes?: number | undefined
}

export const mountpointDriver = 's3.csi.aws.com'

export function mountpointObjects(volume: MountpointVolume): readonly Tree[] {
  return [persistentVolume(volume), persistentVolumeClaim(volume)]
}

function claimName({ claim, source }: MountpointVolume): string {
  return claim ?? mountpointClaimName(source)
}

/** The driver treats volumes of one handle as the same mount, so the handle contains the namespace. */
function volumeName(volume: MountpointVolume): string {
  return fit(`${claimName(volume)}.${volume.namespace}`, 253)
}

function persistentVolume(volume: MountpointVolume): Tree {
  const { source, namespace, region, cacheBytes } = volume
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(volume) },
    spec: {
      accessModes: ['ReadOnlyMany'],
      capacity: explain('Required by the API, ignored by the driver.', { storage: '1Gi' }),
      storageClassName: explain('Made by hand; there is nothing to provision.', ''),
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: explain('For this claim, and for no other that would fit.', {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name: claimName(volume),
        namespace,
      }),
      mountOptions: [
        'read-only',
        `region ${region}`,
        explain(
          'With the slash at its end: "llama" alone would be the beginning of "llama-2", too.',
          `prefix ${source.key}`,
        ),
        explain('Apps that are not root may read, too.', 'allow-other'),
        explain('The objects of a version do not change, so they are looked up once.', 'metadata-ttl indefinite'),
      ],
      csi: {
        driver: mountpointDriver,
        readOnly: true,
        volumeHandle: explain('Two volumes of one handle would be one to the driver.', volumeName(volume)),
        volumeAttributes: {
          bucketName: source.bucket,
          authenticationSource: explain(
            "The pod's own service account, not the driver's: a namespace reads what its own role allows.",
            'pod',
          ),
          ...(cacheBytes === undefined
            ? {}
            : {
                cache: explain('Repeated reads come from the disk of the node.', 'emptyDir'),
                cacheEmptyDirSizeLimit: formatBytes(cacheBytes),
              }),
        },
      },
    },
  }
}

function persistentVolumeClaim(volume: MountpointVolume): Tree {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName(volume), namespace: volume.namespace },
    spec: {
      accessModes: ['ReadOnlyMany'],
      storageClassName: explain('Empty, or the default class would make another volume.', ''),
      volumeName: volumeName(volume),
      resources: { requests: { storage: '1Gi' } },
    },
  }
}
