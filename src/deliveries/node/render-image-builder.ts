/** CloudFormation for EC2 Image Builder: a pipeline that builds machine images with the model. */
import { Gi } from '../../values/quantity.ts'
import type { ReadAccess } from '../../render/access.ts'
import { type EksCluster } from '../../render/arn.ts'
import { partitionOf } from '../../values/s3/partition.ts'
import { bakeDocument, type Baked } from './render-bake-component.ts'
import { policyDocument, readPolicy } from '../../render/iam-policy.ts'
import { digest } from '../../render/names.ts'
import { pullStatements } from '../../render/registry.ts'
import type { Stack } from '../../render/rendering.ts'
import { explain, plain, type Branch, type Tree } from '../../render/tree.ts'
import { trustPolicy } from '../../render/trust-policy.ts'

export interface BuildPlan {
  /** Name of everything in the stack. */
  readonly name: string
  readonly cluster: EksCluster
  readonly baked: Baked
  readonly sizeBytes: number
  /** An AMI id, or `ssm:` and a parameter that holds one. */
  readonly parentImage: string
  readonly buildInstanceType: string
  readonly buildSubnet?: string | undefined
  readonly buildSecurityGroup?: string | undefined
  readonly kmsKey?: string | undefined
  readonly imageTags: Readonly<Record<string, string>>
}

/** Space for the system and container images, in addition to the model. */
const systemGiB = 30

export function rootVolumeGiB(sizeBytes: number): number {
  return Math.ceil((sizeBytes * 1.05) / Gi) + systemGiB
}

export function imageStack(plan: BuildPlan): Stack {
  const { name, cluster } = plan
  return {
    name: name.replace(/^model-/, 'image-'),
    description: 'Machine images with a model in them.',
    region: cluster.region,
    resources: {
      BuildRole: buildRole(plan),
      BuildProfile: { Type: 'AWS::IAM::InstanceProfile', Properties: { Roles: [{ Ref: 'BuildRole' }] } },
      Component: component(plan),
      Recipe: recipe(plan),
      Infrastructure: infrastructure(plan),
      Distribution: distribution(plan),
      Pipeline: pipeline(plan),
    },
    outputs: { PipelineArn: { Value: { 'Fn::GetAtt': ['Pipeline', 'Arn'] } } },
  }
}

export function pipelineArn({ name, cluster: { region, accountId } }: BuildPlan): string {
  return `arn:${partitionOf(region).name}:imagebuilder:${region}:${accountId}:image-pipeline/${name}`
}

function buildRole(plan: BuildPlan): Tree {
  const managed = (policy: string): string => `arn:${partitionOf(plan.cluster.region).name}:iam::aws:policy/${policy}`
  const access: ReadAccess = {
    cluster: plan.cluster,
    role: plan.name,
    trust: { kind: 'instance-profile' },
    scope: 'source',
    identities: [],
    sources: plan.baked.kind === 'files' ? [plan.baked.source] : [],
    bucketRegions: plan.baked.kind === 'files' ? [plan.baked.bucketRegion] : [],
    kmsKey: plan.kmsKey,
  }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: trustPolicy(access),
      ManagedPolicyArns: explain('Permissions of Image Builder for its steps on the build host.', [
        managed('EC2InstanceProfileForImageBuilder'),
        managed('AmazonSSMManagedInstanceCore'),
      ]),
      Policies: rolePolicies(plan, access),
    },
  }
}

function rolePolicies({ baked }: BuildPlan, access: ReadAccess): readonly Tree[] {
  const pulls = pullStatements(baked.kind === 'files' ? baked.loaderImage : baked.reference)
  return [
    ...(baked.kind === 'files' ? [{ PolicyName: 'read-model', PolicyDocument: readPolicy(access) }] : []),
    ...(pulls.length === 0 ? [] : [{ PolicyName: 'pull-image', PolicyDocument: policyDocument(pulls) }]),
  ]
}

function component({ name, baked }: BuildPlan): Tree {
  const data = bakeDocument(baked)
  return {
    Type: 'AWS::ImageBuilder::Component',
    Properties: {
      Name: explain(
        'A component cannot be changed, so one that does something else has another name.',
        `${name}-${digest(data, 8)}`,
      ),
      Version: '1.0.0',
      Platform: 'Linux',
      Data: data,
    },
  }
}

function recipe(plan: BuildPlan): Tree {
  const properties: Branch = {
    Version: '1.0.0',
    ParentImage: explain('By its parameter, so that every build starts from the newest patches.', plan.parentImage),
    Components: [{ ComponentArn: { Ref: 'Component' } }],
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/xvda',
        Ebs: {
          VolumeSize: rootVolumeGiB(plan.sizeBytes),
          VolumeType: 'gp3',
          Throughput: 1000,
          Iops: 4000,
          DeleteOnTermination: true,
          Encrypted: explain('Models are worth as much on a snapshot as in the bucket.', true),
        },
      },
    ],
  }
  const content = JSON.stringify([plain(properties), bakeDocument(plan.baked)])
  return {
    Type: 'AWS::ImageBuilder::ImageRecipe',
    Properties: { Name: `${plan.name}-${digest(content, 8)}`, ...properties },
  }
}

function infrastructure({ name, buildInstanceType, buildSubnet, buildSecurityGroup }: BuildPlan): Tree {
  return {
    Type: 'AWS::ImageBuilder::InfrastructureConfiguration',
    Properties: {
      Name: name,
      InstanceProfileName: { Ref: 'BuildProfile' },
      InstanceTypes: [buildInstanceType],
      ...(buildSubnet === undefined ? {} : { SubnetId: buildSubnet }),
      ...(buildSecurityGroup === undefined ? {} : { SecurityGroupIds: [buildSecurityGroup] }),
      TerminateInstanceOnFailure: true,
      InstanceMetadataOptions: explain('Containers of the build host reach its role only by the network of the host.', {
        HttpTokens: 'required',
        HttpPutResponseHopLimit: 1,
      }),
    },
  }
}

function distribution({ name, cluster, imageTags }: BuildPlan): Tree {
  return {
    Type: 'AWS::ImageBuilder::DistributionConfiguration',
    Properties: {
      Name: name,
      Distributions: [
        {
          Region: cluster.region,
          AmiDistributionConfiguration: {
            Name: `${name}-{{ imagebuilder:buildDate }}`,
            AmiTags: explain('The EC2NodeClass finds its images by them.', imageTags),
          },
        },
      ],
    },
  }
}

function pipeline({ name }: BuildPlan): Tree {
  return {
    Type: 'AWS::ImageBuilder::ImagePipeline',
    Properties: {
      Name: name,
      ImageRecipeArn: { Ref: 'Recipe' },
      InfrastructureConfigurationArn: { Ref: 'Infrastructure' },
      DistributionConfigurationArn: { Ref: 'Distribution' },
      ImageTestsConfiguration: { ImageTestsEnabled: true, TimeoutMinutes: 180 },
      Schedule: explain(
        'Weekly, if the parent has changed; Karpenter replaces nodes of the older image, as the disruption budgets allow.',
        {
          ScheduleExpression: 'cron(0 4 ? * sun *)',
          PipelineExecutionStartCondition: 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE',
        },
      ),
      Status: 'ENABLED',
    },
  }
}
