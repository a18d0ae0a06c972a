/**
 * CloudFormation for the file system: FSx for ONTAP, its storage virtual machine, and the secret that Trident reads.
 */
import type { Stack } from '../../render/rendering.ts'
import { explain, type Branch, type Tree } from '../../render/tree.ts'

export interface FileSystemPlan {
  readonly region: string
  readonly vpcId: string
  /** One subnet, or two in different zones. */
  readonly subnetIds: readonly string[]
  /** Security groups of the nodes. */
  readonly clientSecurityGroups: readonly string[]
  /** Route tables of the nodes' subnets; for a file system in two zones. */
  readonly routeTableIds: readonly string[]
  readonly capacityGiB: number
  readonly throughputMBps: number
  readonly svm: string
  readonly kmsKey?: string | undefined
}

export function fileSystemStack(plan: FileSystemPlan): Stack {
  return {
    name: 'file-system',
    description: 'FSx for ONTAP for shared models.',
    region: plan.region,
    resources: {
      SecurityGroup: securityGroup(plan),
      FileSystem: fileSystem(plan),
      SvmSecret: svmSecret(),
      Svm: svm(plan),
    },
    outputs: {
      FileSystemId: { Description: 'For --file-system-id.', Value: { Ref: 'FileSystem' } },
      SecretArn: { Description: 'For --secret-arn.', Value: { Ref: 'SvmSecret' } },
    },
  }
}

function securityGroup({ vpcId, clientSecurityGroups }: FileSystemPlan): Tree {
  const rule = (port: number, description: string): Branch[] =>
    clientSecurityGroups.map((group) => ({
      IpProtocol: 'tcp',
      FromPort: port,
      ToPort: port,
      SourceSecurityGroupId: group,
      Description: description,
    }))
  return {
    Type: 'AWS::EC2::SecurityGroup',
    Properties: {
      GroupDescription: 'Nodes to FSx for ONTAP',
      VpcId: vpcId,
      SecurityGroupIngress: explain('NFS 4.1 needs one port; Trident manages over HTTPS.', [
        ...rule(2049, 'NFS'),
        ...rule(443, 'ONTAP REST, for Trident'),
      ]),
    },
  }
}

function fileSystem({ subnetIds, routeTableIds, capacityGiB, throughputMBps, kmsKey }: FileSystemPlan): Tree {
  const isMultiZone = subnetIds.length > 1
  return {
    Type: 'AWS::FSx::FileSystem',
    DeletionPolicy: explain('The models outlive the stack.', 'Retain'),
    UpdateReplacePolicy: 'Retain',
    Properties: {
      FileSystemType: 'ONTAP',
      StorageType: 'SSD',
      StorageCapacity: capacityGiB,
      SubnetIds: subnetIds,
      SecurityGroupIds: [{ 'Fn::GetAtt': ['SecurityGroup', 'GroupId'] }],
      ...(kmsKey === undefined ? {} : { KmsKeyId: kmsKey }),
      OntapConfiguration: {
        DeploymentType: isMultiZone
          ? 'MULTI_AZ_1'
          : explain(
              'One zone: traffic to nodes of other zones is paid for, and stops when the zone does.',
              'SINGLE_AZ_1',
            ),
        ...(isMultiZone ? { PreferredSubnetId: subnetIds[0] ?? '' } : {}),
        ...(isMultiZone && routeTableIds.length > 0
          ? {
              RouteTableIds: explain(
                'The address of a file system in two zones is in no subnet; nodes find it by these.',
                routeTableIds,
              ),
            }
          : {}),
        ThroughputCapacity: throughputMBps,
        AutomaticBackupRetentionDays: explain('No backups: all that is on it can be published again from S3.', 0),
      },
    },
  }
}

function svmSecret(): Tree {
  return {
    Type: 'AWS::SecretsManager::Secret',
    DeletionPolicy: explain('The file system stays, and this is its password.', 'Retain'),
    UpdateReplacePolicy: 'Retain',
    Properties: {
      Description: 'Administrator of the storage virtual machine, for Trident',
      GenerateSecretString: explain('Made by AWS and seen by nobody; Trident reads the keys username and password.', {
        SecretStringTemplate: '{"username":"vsadmin"}',
        GenerateStringKey: 'password',
        PasswordLength: 32,
        ExcludePunctuation: true,
      }),
    },
  }
}

function svm({ svm: name }: FileSystemPlan): Tree {
  return {
    Type: 'AWS::FSx::StorageVirtualMachine',
    Properties: {
      FileSystemId: { Ref: 'FileSystem' },
      Name: name,
      RootVolumeSecurityStyle: 'UNIX',
      SvmAdminPassword: { 'Fn::Sub': '{{resolve:secretsmanager:${SvmSecret}:SecretString:password}}' },
    },
  }
}
