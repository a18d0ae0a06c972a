/** `model-injector render claim` */
import { fileSystemStack } from './render-file-system.ts'
import { renderClaim, type ClaimPlan } from './render.ts'
import { merge, nothing, type Rendering } from '../../render/rendering.ts'
import type { Backend } from './render-trident.ts'
import type { Config } from '../../config/config.ts'
import { trustOf, trustProblems } from '../../render/access-flags.ts'
import type { eksFlags } from '../../render/common-flags.ts'
import { parseFlags, problemIf, type RawOptions, type Values } from '../../flags/flags.ts'
import { fileSystemRequired, flags, volumeRequired, type backendFlags } from './render-flags.ts'
import { imageProblems, productImage } from '../../render/product-image.ts'
import type { FlagResult, RenderCommand } from '../companion.ts'

const help = `
The file system comes first; its outputs are --file-system-id and --secret-arn of the rest. Both may be rendered at once.

Examples:
  model-injector render claim --region eu-west-1 --vpc vpc-… --subnet subnet-… --client-security-group sg-… --cloudformation > file-system.yaml
  model-injector render claim --claim llama --size 200Gi --source s3://models/llama/ -n apps -n ml --file-system-id fs-… \\
    --secret-arn arn:aws:secretsmanager:… --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -`

export const claimRender: RenderCommand = {
  description:
    'FSx for ONTAP by Trident: file system, SVM and secret; StorageClass, backend, shared claim, publisher, claims of other namespaces',
  flags,
  help,
  render: renderFromFlags,
}

function renderFromFlags(options: RawOptions, config: Config): FlagResult<Rendering> {
  const given = (names: readonly string[]): boolean => names.some((name) => options[name] !== undefined)
  const rendersFileSystem = given(['vpc', 'subnet', 'clientSecurityGroup'])
  const rendersVolume = !rendersFileSystem || given(['claim', 'fileSystemId', 'secretArn', 'source'])
  const { values, problems } = parseFlags(
    flags,
    [...(rendersVolume ? volumeRequired : []), ...(rendersFileSystem ? fileSystemRequired : [])],
    options,
  )
  const all = [
    ...problems,
    ...(rendersVolume ? imageProblems(values.image, config) : []),
    ...combinationProblems(values),
  ]
  if (all.length > 0) return { ok: false, problems: all }
  const parts = [rendersFileSystem ? fileSystem(values) : nothing, rendersVolume ? volume(values, config) : nothing]
  return { ok: true, value: merge(parts) }
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
  return renderClaim({
    ...sharedPlan(values, config),
    models: [{ claim, sizeBytes: size, source, namespaces: [...new Set(namespace)] }],
  })
}

export type SharedValues = Values<
  Pick<
    typeof flags,
    keyof typeof backendFlags | keyof typeof eksFlags | 'credentials' | 'oidcProvider' | 'bucketRegion' | 'kmsKey'
  >,
  'fileSystemId' | 'secretArn' | 'accountId' | 'region' | 'cluster'
>

/** The plan without its models. */
export function sharedPlan(values: SharedValues, config: Config): Omit<ClaimPlan, 'models'> {
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
