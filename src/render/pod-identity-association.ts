/** A role with its policy, and the associations that give it to pods: as CloudFormation, and as commands. */
import type { ReadAccess, Identity } from './access.ts'
import { roleArn } from './arn.ts'
import { readPolicy } from './iam-policy.ts'
import { logicalId } from './names.ts'
import { printTreeAsJSON } from './print.ts'
import type { Command, CommandFile, Stack } from './rendering.ts'
import { commandLine } from '../values/shell.ts'
import { trustPolicy } from './trust-policy.ts'
import { explain, type Branch, type Tree } from './tree.ts'

/** Parts of any role, also Trident's and the publisher's. */
export interface RoleParts {
  readonly access: ReadAccess
  readonly policy: Branch
}

const accessStack = { name: 'access', description: 'Roles by which pods read their models.' } as const

export function accessStackOf({ access, policy }: RoleParts): Stack {
  const id = logicalId('Role', access.role)
  const associations =
    access.trust.kind !== 'pod-identity'
      ? []
      : access.identities.map(
          (identity) =>
            [
              logicalId('Association', identity.namespace, identity.serviceAccount),
              association(identity, id, access),
            ] as const,
        )
  return {
    ...accessStack,
    region: access.cluster.region,
    resources: { [id]: role({ access, policy }), ...Object.fromEntries(associations) },
    outputs: { [`${id}Arn`]: { Value: { 'Fn::GetAtt': [id, 'Arn'] } } },
  }
}

function role({ access, policy }: RoleParts): Tree {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: explain('Named, so that people find it; hence CAPABILITY_NAMED_IAM.', access.role),
      AssumeRolePolicyDocument: trustPolicy(access),
      Policies: explain('Inline: no other role shares it, and it goes when the role goes.', [
        { PolicyName: policyName, PolicyDocument: policy },
      ]),
    },
  }
}

const policyName = 'read-models'

function association({ namespace, serviceAccount }: Identity, roleId: string, { cluster }: ReadAccess): Tree {
  return {
    Type: 'AWS::EKS::PodIdentityAssociation',
    Properties: {
      ClusterName: cluster.name,
      Namespace: namespace,
      ServiceAccount: serviceAccount,
      RoleArn: { 'Fn::GetAtt': [roleId, 'Arn'] },
      DisableSessionTags: explain('The policies compare the tags; without them everything is denied.', false),
    },
  }
}

export function accessFiles({ access, policy }: RoleParts): CommandFile[] {
  return [
    { name: trustFile(access), text: printTreeAsJSON(trustPolicy(access)) },
    { name: policyFile(access), text: printTreeAsJSON(policy) },
  ]
}

export function accessCommands({ access }: RoleParts): Command[] {
  return [
    {
      comment: `The role ${access.role}, with its trust policy.`,
      script: commandLine('aws iam create-role', [
        ['--role-name', access.role],
        ['--assume-role-policy-document', `file://${trustFile(access)}`],
      ]),
    },
    {
      comment: 'Its permissions.',
      script: commandLine('aws iam put-role-policy', [
        ['--role-name', access.role],
        ['--policy-name', policyName],
        ['--policy-document', `file://${policyFile(access)}`],
      ]),
    },
    ...(access.trust.kind !== 'pod-identity'
      ? []
      : access.identities.map((identity) => associationCommand(identity, access))),
  ]
}

/** The association may precede the namespace and the service account. */
function associationCommand({ namespace, serviceAccount }: Identity, { cluster, role: name }: ReadAccess): Command {
  return {
    comment: `Pods of ${namespace}/${serviceAccount} that are created from now on get the role.`,
    script: commandLine('aws eks create-pod-identity-association', [
      ['--region', cluster.region],
      ['--cluster-name', cluster.name],
      ['--namespace', namespace],
      ['--service-account', serviceAccount],
      ['--role-arn', roleArn(cluster, name)],
    ]),
  }
}

function trustFile({ role: name }: ReadAccess): string {
  return `${name}-trust-policy.json`
}

function policyFile({ role: name }: ReadAccess): string {
  return `${name}-policy.json`
}

/** All parts for pods that read models from S3. */
export function readerParts(access: ReadAccess): RoleParts {
  return { access, policy: readPolicy(access) }
}
