/** AWS permissions of Trident's controller to make volumes of one file system. */
import type { ReadAccess } from '../../render/access.ts'

import { partitionOf } from '../../values/s3/partition.ts'
import { policyDocument } from '../../render/iam-policy.ts'
import { fit } from '../../render/names.ts'
import type { RoleParts } from '../../render/pod-identity-association.ts'
import { explain, type Branch } from '../../render/tree.ts'
import type { Backend } from './render-trident.ts'

const controller = 'trident-controller'

export function tridentRole(
  backend: Backend,
  access: Pick<ReadAccess, 'cluster' | 'trust' | 'bucketRegions'>,
): RoleParts {
  const { cluster } = access
  return {
    access: {
      ...access,
      scope: 'source',
      sources: [],
      role: fit(`${cluster.name}-${backend.tridentNamespace}-${controller}`, 64),
      identities: [{ namespace: backend.tridentNamespace, serviceAccount: controller }],
    },
    policy: tridentPolicy(backend, cluster.accountId),
  }
}

function tridentPolicy({ fileSystemId, region, secretArn }: Backend, accountId: string): Branch {
  const fsx = `arn:${partitionOf(region).name}:fsx:${region}:${accountId}`
  return policyDocument([
    {
      Sid: 'Look',
      Effect: 'Allow',
      Action: ['fsx:DescribeFileSystems', 'fsx:DescribeStorageVirtualMachines', 'fsx:DescribeVolumes'],
      Resource: '*',
    },
    {
      Sid: 'Volumes',
      Effect: 'Allow',
      Action: explain('Not DeleteVolume: the storage class keeps volumes, and so does this role.', [
        'fsx:CreateVolume',
        'fsx:UpdateVolume',
        'fsx:TagResource',
        'fsx:UntagResource',
      ]),
      Resource: explain('Volumes of this file system, and of no other.', [
        `${fsx}:volume/${fileSystemId}/*`,
        `${fsx}:storage-virtual-machine/${fileSystemId}/*`,
      ]),
    },
    { Sid: 'Password', Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secretArn },
  ])
}
