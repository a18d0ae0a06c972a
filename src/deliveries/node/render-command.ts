/** `model-injector render node` */
import { renderNode, type BakedNodePlan } from './render.ts'
import {
  parseImageDigest,
  parseInstanceType,
  parseKubernetesVersion,
  parseParentImage,
  parseRoleName,
  parseS3Source,
  parseSecurityGroupId,
  parseSubnetId,
  parseTagValue,
  parseWhole,
} from '../../render/parse-aws-names.ts'
import { imageBuilderExpression, type Baked } from './render-bake-component.ts'
import type { Rendering } from '../../render/rendering.ts'
import type { Config } from '../../config/config.ts'
import { expectationForms, parseExpectation } from '../../values/expectation.ts'
import { parseImage } from '../../values/names.ts'
import { parseWord } from '../../values/parsed.ts'
import { parseAbsolutePath } from '../../values/path.ts'
import { parsePositiveBytes } from '../../values/quantity.ts'
import { eksFlags, roleFlags } from '../../render/common-flags.ts'
import { parseFlags, problemIf, type RawOptions, type Values } from '../../flags/flags.ts'
import { imageProblems, productImage } from '../../render/product-image.ts'
import type { FlagResult, RenderCommand } from '../companion.ts'

const architectures = ['amd64', 'arm64'] as const

/** Flags shared by all images and nodes of a cluster, here and in `render -f`. */
export const nodeFlags = {
  nodeRole: {
    term: '--node-role <name>',
    description: "IAM role of Karpenter's nodes",
    accepted: 'the name of an IAM role',
    parse: parseRoleName,
  },
  kubernetesVersion: {
    term: '--kubernetes-version <1.x>',
    description: 'version of the EKS image to build on',
    accepted: 'as 1.34',
    parse: parseKubernetesVersion,
  },
  parentImage: {
    term: '--parent-image <ami>',
    description: 'another image to build on, as one with drivers of GPUs (default: the AL2023 image of EKS)',
    accepted: 'ami-…, ssm:/parameter',
    parse: parseParentImage,
  },
  arch: {
    term: '--arch <name>',
    description: 'architecture of image and nodes',
    accepted: architectures.join(', '),
    parse: parseWord(architectures),
    default: 'amd64',
  },
  instanceType: {
    term: '--instance-type <type>',
    description: 'type of the nodes (default: any of categories c, m, r, g and p)',
    accepted: 'as g6.2xlarge',
    parse: parseInstanceType,
    many: true,
  },
  cpuLimit: {
    term: '--cpu-limit <cores>',
    description: 'most cores of the NodePool',
    accepted: '1 to 100000',
    parse: parseWhole(1, 100_000),
    default: '1000',
  },
  discovery: {
    term: '--discovery <value>',
    description: 'value of karpenter.sh/discovery on subnets and security groups (default: the name of the cluster)',
    accepted: 'the value of a tag',
    parse: parseTagValue,
  },
  buildInstanceType: {
    term: '--build-instance-type <type>',
    description: 'type of the build host (default: m7i.xlarge, or m7g.xlarge for arm64)',
    accepted: 'as m7i.xlarge',
    parse: parseInstanceType,
  },
  buildSubnet: {
    term: '--build-subnet <id>',
    description: 'subnet of the build host (default: that of the default VPC)',
    accepted: 'as subnet-0123456789abcdef0',
    parse: parseSubnetId,
  },
  buildSecurityGroup: {
    term: '--build-security-group <id>',
    description: 'security group of the build host, required with --build-subnet',
    accepted: 'as sg-0123456789abcdef0',
    parse: parseSecurityGroupId,
  },
  image: {
    term: '--image <image>',
    description: 'image of the loader (default: that of the configuration)',
    accepted: 'an image, best with its digest',
    parse: parseImage,
  },
} as const

const flags = {
  path: {
    term: '--path <path>',
    description: 'directory of the model on the node, as in node:///PATH',
    accepted: 'an absolute path',
    parse: parseAbsolutePath,
  },
  source: {
    term: '--source <s3://…>',
    description: 'the model',
    accepted: 's3://bucket/prefix/, s3://bucket/key',
    parse: parseS3Source,
  },
  expect: {
    term: '--expect <what>',
    description: 'contents that the model must have, or no image is made',
    accepted: expectationForms,
    parse: parseExpectation,
  },
  oci: {
    term: '--oci <image@digest>',
    description: 'instead of files: an image that is in the store of containerd already when the node starts',
    accepted: 'registry/repository@sha256:HEX',
    parse: parseImageDigest,
  },
  size: {
    term: '--size <quantity>',
    description: 'size of the model',
    accepted: 'a Kubernetes quantity, as 20Gi',
    parse: parsePositiveBytes,
  },
  ...eksFlags,
  ...nodeFlags,
  bucketRegion: roleFlags.bucketRegion,
  kmsKey: roleFlags.kmsKey,
} as const

const required = ['size', 'accountId', 'region', 'cluster', 'nodeRole'] as const

export type NodeValues = Values<
  Pick<typeof flags, keyof typeof nodeFlags | keyof typeof eksFlags | 'bucketRegion' | 'kmsKey'>,
  'accountId' | 'region' | 'cluster' | 'nodeRole'
>

const help = `
Examples:
  model-injector render node --path /opt/models/llama-1.2.3 --source s3://models/llama/1.2.3/ --size 16Gi --node-role KarpenterNodeRole \\
    --kubernetes-version 1.34 --account-id 111122223333 --region eu-west-1 --cluster prod -o llama/
  model-injector render node --oci 111122223333.dkr.ecr.eu-west-1.amazonaws.com/llama@sha256:… --size 16Gi …`

export const nodeRender: RenderCommand = {
  description: 'a model in the machine image: Image Builder pipeline, EC2NodeClass and NodePool of Karpenter',
  flags,
  help,
  render: renderFromFlags,
}

function renderFromFlags(options: RawOptions, config: Config): FlagResult<Rendering> {
  const isOfFiles = options.oci === undefined
  const { values, problems } = parseFlags(
    flags,
    [...required, ...(isOfFiles ? (['source', 'path'] as const) : [])],
    options,
  )
  const all = [...problems, ...(isOfFiles ? imageProblems(values.image, config) : []), ...combinationProblems(values)]
  if (all.length > 0) return { ok: false, problems: all }
  const plan = { ...nodePlan(values, config), baked: bakedOf(values, config), sizeBytes: values.size }
  return { ok: true, value: renderNode(plan) }
}

function combinationProblems(values: Values<typeof flags, never>): readonly string[] {
  const { oci, source, path, expect } = values
  return [
    ...problemIf(
      oci !== undefined && [source, path, expect].some((value) => value !== undefined),
      '--oci stands instead of --source, --path and --expect',
    ),
    ...problemIf(
      [source?.uri, path].some((text) => text?.includes(imageBuilderExpression) === true),
      '--source and --path may not have {{ in them, which Image Builder would replace',
    ),
    ...nodeProblems(values),
  ]
}

export function nodeProblems({
  kubernetesVersion,
  parentImage,
  buildSubnet,
  buildSecurityGroup,
}: Pick<
  Values<typeof flags, never>,
  'kubernetesVersion' | 'parentImage' | 'buildSubnet' | 'buildSecurityGroup'
>): readonly string[] {
  return [
    ...problemIf(
      kubernetesVersion === undefined && parentImage === undefined,
      `${nodeFlags.kubernetesVersion.term} is required, or ${nodeFlags.parentImage.term}`,
    ),
    ...problemIf(
      (buildSubnet === undefined) !== (buildSecurityGroup === undefined),
      '--build-subnet and --build-security-group belong together',
    ),
  ]
}

type BakedValues = Values<typeof flags, (typeof required)[number] | 'source' | 'path'>

function bakedOf(values: BakedValues, config: Config): Baked {
  if (values.oci !== undefined) return { kind: 'image', reference: values.oci }
  return filesOf(values, { path: values.path, source: values.source, expect: values.expect }, config)
}

export function filesOf(
  values: Pick<NodeValues, 'image' | 'bucketRegion' | 'region'>,
  what: Pick<Extract<Baked, { kind: 'files' }>, 'path' | 'source' | 'expect'>,
  config: Config,
): Baked {
  return {
    kind: 'files',
    ...what,
    loaderImage: productImage(values.image, config),
    bucketRegion: values.bucketRegion ?? values.region,
  }
}

/** The plan without the model. */
export function nodePlan(values: NodeValues, { annotationPrefix }: Config): Omit<BakedNodePlan, 'baked' | 'sizeBytes'> {
  const {
    accountId,
    region,
    cluster: name,
    arch,
    instanceType,
    nodeRole,
    cpuLimit,
    buildSubnet,
    buildSecurityGroup,
    kmsKey,
  } = values
  return {
    cluster: { name, accountId, region },
    annotationPrefix,
    nodeRole,
    cpuLimit,
    buildSubnet,
    buildSecurityGroup,
    kmsKey,
    architecture: arch,
    instanceTypes: instanceType,
    discovery: values.discovery ?? name,
    parentImage: values.parentImage ?? eksImage(values.kubernetesVersion ?? '', arch),
    buildInstanceType: values.buildInstanceType ?? (arch === 'arm64' ? 'm7g.xlarge' : 'm7i.xlarge'),
  }
}

function eksImage(version: string, arch: 'amd64' | 'arm64'): string {
  return `ssm:/aws/service/eks/optimized-ami/${version}/amazon-linux-2023/${arch === 'arm64' ? 'arm64' : 'x86_64'}/standard/recommended/image_id`
}
