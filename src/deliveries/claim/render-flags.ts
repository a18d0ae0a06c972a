/** Flags of `model-injector render claim`, with their parsers. */
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
} from '../../render/parse-aws-names.ts'
import { parseAgeSeconds } from '../../values/duration.ts'
import { parseImage, parseLabelName, parseObjectName } from '../../values/names.ts'
import { parsePositiveBytes } from '../../values/quantity.ts'
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'
import { eksFlags, identityFlags, roleFlags } from '../../render/common-flags.ts'

/** Flags shared by all models on a file system, here and in `render -f`. */
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
    accepted: 'an age, as 30d',
    parse: parseAgeText,
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

export const flags = {
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
    description: 'the published prefix: each directory below it is a version',
    accepted: 's3://bucket/prefix/',
    parse: parseS3Prefix,
  },
  namespace: identityFlags.namespace,
  ...backendFlags,
  ...eksFlags,
  credentials: roleFlags.credentials,
  oidcProvider: roleFlags.oidcProvider,
  bucketRegion: roleFlags.bucketRegion,
  kmsKey: roleFlags.kmsKey,
  ...fileSystemFlags,
} as const

export const volumeRequired = [
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
export const fileSystemRequired = ['vpc', 'subnet', 'clientSecurityGroup', 'region'] as const

/** Trident's smallest volume. */
export const leastVolumeBytes = 20 * 2 ** 20

function parseVolumeSize(text: string): Parsed<number> {
  const bytes = parsePositiveBytes(text)
  return bytes.ok && bytes.value < leastVolumeBytes
    ? unreadable('is less than 20Mi, the smallest volume of Trident')
    : bytes
}

/** The publisher reads it again, so it stays as it was written. */
function parseAgeText(text: string): Parsed<string> {
  const age = parseAgeSeconds(text)
  return age.ok ? parsed(text) : age
}

function parseThroughput(text: string): Parsed<number> {
  return ['128', '256', '512', '1024', '2048', '4096'].includes(text)
    ? parsed(Number(text))
    : unreadable('is none of the throughputs of FSx for ONTAP')
}
