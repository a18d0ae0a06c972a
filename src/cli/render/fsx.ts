/** `model-injector render fsx` */
import { Command } from 'commander'
import {
  parseCron,
  parseFileSystemId,
  parseS3Prefix,
  parseSecretArn,
  parseSecurityGroupId,
  parseSubnetId,
  parseSvmName,
  parseTag,
  parseVpcId,
  parseWhole,
  parseRouteTableId,
} from '../../render/aws-names.ts'
import { fileSystemStack } from '../../render/file-system.ts'
import { renderFsx, type FsxPlan } from '../../render/fsx.ts'
import { merge, nothing, type Rendering } from '../../render/rendering.ts'
import type { Backend } from '../../render/trident.ts'
import { parseImage, parseLabelName, parseObjectName } from '../../values/names.ts'
import { parsePositiveBytes } from '../../values/quantity.ts'
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'
import type { Config } from '../../config.ts'
import { readConfig } from '../read-config.ts'
import { trustOf, trustProblems } from './access.ts'
import { clusterFlags, identityFlags, roleFlags } from './common-flags.ts'
import { addFlags, fail, parseFlags, problemIf, type Values } from './flags.ts'
import { imageProblems, productImage } from './product-image.ts'
import { addOutputOptions, writeRendering } from './write.ts'

/** What every model on the file system has in common, here and in `render -f`. */
export const backendFlags = {
  fileSystemId: {
    term: '--file-system-id <id>',
    description: 'the FSx for ONTAP file system',
    accepted: 'as fs-0123456789abcdef0',
    parse: parseFileSystemId,
  },
  secretArn: {
    term: '--secret-arn <arn>',
    description: 'secret with username and password of the storage virtual machine',
    accepted: 'the whole ARN, with the six characters at its end',
    parse: parseSecretArn,
  },
  svm: {
    term: '--svm <name>',
    description: 'the storage virtual machine',
    accepted: 'its name',
    parse: parseSvmName,
    default: 'models',
  },
  storageClass: {
    term: '--storage-class <name>',
    description: 'storage class of all claims',
    accepted: 'the name of a StorageClass',
    parse: parseObjectName,
    default: 'models-ontap-nas',
  },
  tridentNamespace: {
    term: '--trident-namespace <name>',
    description: 'namespace of Trident',
    accepted: 'a DNS label',
    parse: parseLabelName,
    default: 'trident',
  },
  storeNamespace: {
    term: '--store-namespace <name>',
    description: 'namespace of the shared claim and the publisher',
    accepted: 'a DNS label',
    parse: parseLabelName,
    default: 'model-store',
  },
  image: {
    term: '--image <image>',
    description: "image of the publisher (default: the loader's image of the configuration)",
    accepted: 'an image, best with its digest',
    parse: parseImage,
  },
  publisherServiceAccount: {
    term: '--publisher-service-account <name>',
    description: 'service account of the publisher',
    accepted: 'the name of a ServiceAccount',
    parse: parseObjectName,
    default: 'model-publisher',
  },
  schedule: {
    term: '--schedule <cron>',
    description: 'when the publisher looks for new versions',
    accepted: 'a schedule of five fields',
    parse: parseCron,
    default: '*/15 * * * *',
  },
  requiredTag: {
    term: '--required-tag <key=value>',
    description: 'object tag without which a version is not published',
    accepted: 'as status=published',
    parse: parseTag,
  },
  pruneOlderThan: {
    term: '--prune-older-than <age>',
    description: 'also a CronJob that removes versions that no pod has mounted for so long',
    accepted: 'days or hours, as 30d',
    parse: parseAge,
  },
} as const

const fileSystemFlags = {
  vpc: {
    term: '--vpc <id>',
    description: 'file system: its VPC',
    accepted: 'as vpc-0123456789abcdef0',
    parse: parseVpcId,
  },
  subnet: {
    term: '--subnet <id>',
    description: 'file system: its subnet, or two in different zones',
    accepted: 'as subnet-0123456789abcdef0',
    parse: parseSubnetId,
    many: true,
  },
  clientSecurityGroup: {
    term: '--client-security-group <id>',
    description: "file system: the nodes' security group",
    accepted: 'as sg-0123456789abcdef0',
    parse: parseSecurityGroupId,
    many: true,
  },
  routeTable: {
    term: '--route-table <id>',
    description: "file system in two zones: route tables of the nodes' subnets",
    accepted: 'as rtb-0123456789abcdef0',
    parse: parseRouteTableId,
    many: true,
  },
  capacity: {
    term: '--capacity <GiB>',
    description: 'file system: SSD storage',
    accepted: '1024 to 196608',
    parse: parseWhole(1024, 196_608),
    default: '1024',
  },
  throughput: {
    term: '--throughput <MBps>',
    description: 'file system: throughput',
    accepted: '128, 256, 512, 1024, 2048, 4096',
    parse: parseThroughput,
    default: '512',
  },
} as const

const flags = {
  claim: {
    term: '--claim <name>',
    description: 'name of the claim, as in pvc://NAME/versions/VERSION',
    accepted: 'the name of a PersistentVolumeClaim',
    parse: parseObjectName,
  },
  size: {
    term: '--size <quantity>',
    description: 'size of the volume, for all versions together',
    accepted: 'a Kubernetes quantity of at least 20Mi, as 200Gi',
    parse: parseVolumeSize,
  },
  source: {
    term: '--source <s3://…/>',
    description: 'what is published: each directory below it is a version',
    accepted: 's3://bucket/prefix/',
    parse: parseS3Prefix,
  },
  namespace: identityFlags.namespace,
  ...backendFlags,
  ...clusterFlags,
  credentials: roleFlags.credentials,
  oidcProvider: roleFlags.oidcProvider,
  bucketRegion: roleFlags.bucketRegion,
  kmsKey: roleFlags.kmsKey,
  ...fileSystemFlags,
} as const

const volumeRequired = [
  'claim',
  'size',
  'source',
  'namespace',
  'fileSystemId',
  'secretArn',
  'accountId',
  'region',
  'cluster',
] as const
const fileSystemRequired = ['vpc', 'subnet', 'clientSecurityGroup', 'region'] as const

const help = `
The file system comes first; its outputs are --file-system-id and --secret-arn of the rest. Both may be asked for at once.

Examples:
  model-injector render fsx --region eu-west-1 --vpc vpc-… --subnet subnet-… --client-security-group sg-… --cloudformation > file-system.yaml
  model-injector render fsx --claim llama --size 200Gi --source s3://models/llama/ -n apps -n ml --file-system-id fs-… \\
    --secret-arn arn:aws:secretsmanager:… --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -`

export function fsxCommand(): Command {
  const command = new Command('fsx').description(
    'FSx for ONTAP by Trident: file system, StorageClass, backend, shared claim, publisher, claims of other namespaces',
  )
  addOutputOptions(addFlags(command, flags)).option(
    '--config <file>',
    "operator's configuration file (default: the built-in configuration)",
  )
  return command.addHelpText('after', help).action(async () => {
    await writeRendering(await renderFromFlags(command), command)
  })
}

async function renderFromFlags(command: Command): Promise<Rendering> {
  const options = command.opts<{
    config?: string
    image?: string
    vpc?: string
    subnet?: string[]
    clientSecurityGroup?: string[]
    claim?: string
    fileSystemId?: string
    secretArn?: string
    source?: string
  }>()
  const wantsFileSystem = [options.vpc, options.subnet, options.clientSecurityGroup].some(
    (value) => value !== undefined,
  )
  const wantsVolume =
    !wantsFileSystem ||
    [options.claim, options.fileSystemId, options.secretArn, options.source].some((value) => value !== undefined)
  const { values, problems } = parseFlags(
    flags,
    [...(wantsVolume ? volumeRequired : []), ...(wantsFileSystem ? fileSystemRequired : [])],
    command.opts(),
  )
  const config = await readConfig(options.config)
  const all = [
    ...problems,
    ...(wantsVolume ? imageProblems(options.image, config) : []),
    ...combinationProblems(values),
  ]
  if (all.length > 0) fail(all, command)
  return merge([wantsFileSystem ? fileSystem(values) : nothing, wantsVolume ? volume(values, config) : nothing])
}

function combinationProblems(values: Values<typeof flags, never>): readonly string[] {
  return [
    ...problemIf(values.subnet.length > 2, '--subnet is given more than twice; a file system is in one or two zones'),
    ...problemIf(
      values.namespace.includes(values.storeNamespace),
      `-n ${values.storeNamespace} is the namespace of the shared claim itself; its pods mount that`,
    ),
    ...trustProblems(values),
  ]
}

type FileSystemValues = Values<typeof flags, (typeof fileSystemRequired)[number]>
type VolumeValues = Values<typeof flags, (typeof volumeRequired)[number]>

function fileSystem({
  region,
  vpc,
  subnet,
  clientSecurityGroup,
  routeTable,
  capacity,
  throughput,
  svm,
}: FileSystemValues): Rendering {
  const plan = {
    region,
    vpcId: vpc,
    subnetIds: subnet,
    clientSecurityGroups: clientSecurityGroup,
    routeTableIds: routeTable,
    capacityGiB: capacity,
    throughputMBps: throughput,
    svm,
  }
  return { ...nothing, stacks: [fileSystemStack(plan)] }
}

function volume(values: VolumeValues, config: Config): Rendering {
  const { claim, size, source, namespace } = values
  return renderFsx({
    ...sharedPlan(values, config),
    models: [{ claim, sizeBytes: size, source, namespaces: [...new Set(namespace)] }],
  })
}

export type SharedValues = Values<
  Pick<
    typeof flags,
    keyof typeof backendFlags | keyof typeof clusterFlags | 'credentials' | 'oidcProvider' | 'bucketRegion' | 'kmsKey'
  >,
  'fileSystemId' | 'secretArn' | 'accountId' | 'region' | 'cluster'
>

/** All of the plan but the models. */
export function sharedPlan(values: SharedValues, config: Config): Omit<FsxPlan, 'models'> {
  const { accountId, region, cluster: name, kmsKey, requiredTag, schedule, storeNamespace } = values
  const bucketRegion = values.bucketRegion ?? region
  return {
    backend: backendOf(values),
    publisher: {
      namespace: storeNamespace,
      serviceAccount: values.publisherServiceAccount,
      image: productImage(values.image, config),
      imagePullSecrets: config.loader.imagePullSecrets,
      schedule,
      requiredTag,
      bucketRegion,
    },
    pruneOlderThan: values.pruneOlderThan,
    access: { cluster: { name, accountId, region }, trust: trustOf(values), bucketRegions: [bucketRegion], kmsKey },
  }
}

function backendOf({ svm, tridentNamespace, storageClass, fileSystemId, region, secretArn }: SharedValues): Backend {
  return { name: `${fileSystemId}-${svm}`, tridentNamespace, storageClass, fileSystemId, region, svm, secretArn }
}

/** Trident makes no smaller volume. */
export const leastVolumeBytes = 20 * 2 ** 20

export function parseVolumeSize(text: string): Parsed<number> {
  const bytes = parsePositiveBytes(text)
  return bytes.ok && bytes.value < leastVolumeBytes
    ? unreadable('is less than 20Mi, the smallest volume of Trident')
    : bytes
}

function parseAge(text: string): Parsed<string> {
  return /^[1-9]\d{0,4}[dh]$/.test(text) ? parsed(text) : unreadable('is not an age')
}

function parseThroughput(text: string): Parsed<number> {
  return ['128', '256', '512', '1024', '2048', '4096'].includes(text)
    ? parsed(Number(text))
    : unreadable('is none of the throughputs of FSx for ONTAP')
}
