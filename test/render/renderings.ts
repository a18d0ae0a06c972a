/** Renderings that the tests of this directory judge: every subject in its variants, as the command line prints it. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runShared } from '../integration/cli/run-shared.ts'

export const clusterArgs = ['--account-id', '111122223333', '--region', 'eu-west-1', '--cluster', 'prod'] as const
const key = 'arn:aws:kms:eu-west-1:111122223333:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab'
const replicaKey = 'arn:aws:kms:eu-central-1:111122223333:key/1b0e5c1e-3c1f-4a2b-9a55-0123456789ab'
export const image =
  'registry.example.com/model-injector@sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'
const fsx = [
  '--file-system-id',
  'fs-0123456789abcdef0',
  '--secret-arn',
  'arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm-AbCdEf',
] as const
const nodes = ['--node-role', 'KarpenterNodeRole', '--kubernetes-version', '1.34'] as const
const pods = ['-n', 'apps', '--service-account', 'my-inference-app'] as const
const ecr =
  '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/llama@sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'

export interface RenderedFiles {
  readonly name: string
  readonly args: readonly string[]
  readonly files: Readonly<Record<string, string>>
}

/** Arguments without where the output goes. */
export const variants: Readonly<Record<string, readonly string[]>> = {
  's3 for one service account': [
    'download',
    '--source',
    's3://my-ml-bucket/model-artifacts/my-model-1.2.3/',
    ...pods,
    ...clusterArgs,
  ],
  's3 for one object with odd names': [
    'download',
    '--source',
    's3://my-ml-bucket/weights ${aws:username}/$a.gguf',
    ...pods,
    ...clusterArgs,
  ],
  's3 for namespaces': [
    'download',
    '--scope',
    'namespace',
    '--source',
    's3://my-ml-bucket/models/',
    '-n',
    'apps',
    '-n',
    'ml',
    '--service-account',
    'reader',
    ...clusterArgs,
  ],
  's3 for service accounts': [
    'download',
    '--scope',
    'service-account',
    '--source',
    's3://my-ml-bucket/models/',
    '-n',
    'apps',
    '--service-account',
    'a',
    '--service-account',
    'b',
    ...clusterArgs,
  ],
  's3 by IRSA': [
    'download',
    '--source',
    's3://my-ml-bucket/llama/',
    ...pods,
    ...clusterArgs,
    '--credentials',
    'irsa',
    '--oidc-provider',
    'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF',
  ],
  's3 that is checked': [
    'download',
    '--source',
    's3://my-ml-bucket/llama/',
    ...pods,
    ...clusterArgs,
    '--checked-by',
    'arn:aws:iam::111122223333:user/alice',
    '--checked-by',
    'arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/bob@example.com',
  ],
  's3 with a bucket': ['download', '--source', 's3://my-ml-bucket/llama/', ...pods, ...clusterArgs, '--create-bucket'],
  's3 with a bucket and its copy': [
    'download',
    '--source',
    's3://my-ml-bucket/llama/',
    ...pods,
    ...clusterArgs,
    '--create-bucket',
    '--replica-region',
    'eu-central-1',
  ],
  's3 with keys': [
    'download',
    '--source',
    's3://my-ml-bucket/llama/',
    ...pods,
    ...clusterArgs,
    '--create-bucket',
    '--kms-key',
    key,
    '--replica-region',
    'eu-central-1',
    '--replica-kms-key',
    replicaKey,
  ],
  's3 in China': [
    'download',
    '--source',
    's3://my-ml-bucket/llama/',
    ...pods,
    '--account-id',
    '111122223333',
    '--region',
    'cn-north-1',
    '--cluster',
    'prod',
    '--kms-key',
    'arn:aws-cn:kms:cn-north-1:111122223333:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab',
  ],
  'fsx, all of it': [
    'claim',
    '--claim',
    'some-model',
    '--size',
    '200Gi',
    '--source',
    's3://my-ml-bucket/some-model/',
    '-n',
    'apps',
    '-n',
    'ml',
    ...fsx,
    ...clusterArgs,
    '--image',
    image,
    '--prune-older-than',
    '30d',
    '--required-tag',
    'status=published',
    '--vpc',
    'vpc-01234567',
    '--subnet',
    'subnet-01234567',
    '--client-security-group',
    'sg-01234567',
  ],
  'fsx, a file system in two zones': [
    'claim',
    '--region',
    'eu-west-1',
    '--vpc',
    'vpc-01234567',
    '--subnet',
    'subnet-01234567',
    '--subnet',
    'subnet-12345678',
    '--client-security-group',
    'sg-01234567',
    '--route-table',
    'rtb-01234567',
    '--throughput',
    '2048',
    '--capacity',
    '4096',
  ],
  'ami with files': [
    'node',
    '--path',
    '/opt/models/llama 1.2.3',
    '--source',
    's3://my-ml-bucket/llama/1.2.3/',
    '--size',
    '16Gi',
    ...nodes,
    ...clusterArgs,
    '--image',
    ecr,
    '--expect',
    'objects=3',
  ],
  'ami with an image': [
    'node',
    '--oci',
    ecr,
    '--size',
    '16Gi',
    ...nodes,
    ...clusterArgs,
    '--arch',
    'arm64',
    '--instance-type',
    'g5g.xlarge',
    '--build-subnet',
    'subnet-01234567',
    '--build-security-group',
    'sg-01234567',
  ],
  mountpoint: [
    'mountpoint',
    '--source',
    's3://my-ml-bucket/llama/1.2.3/',
    '-n',
    'apps',
    '-n',
    'ml',
    '--service-account',
    'my-inference-app',
    ...clusterArgs,
    '--cache',
    '60Gi',
  ],
}

/** Runs `render … -o` and reads what was written. */
export async function renderFiles(args: readonly string[], stdin?: string): Promise<Readonly<Record<string, string>>> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-render-'))
  try {
    const { code, stderr } = await runShared(['render', ...args, '-o', directory], stdin === undefined ? {} : { stdin })
    if (code !== 0) throw new Error(`render ${args.join(' ')} ended with ${String(code)}: ${stderr}`)
    return await readFiles(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function readFiles(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(directory)
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const)),
  )
}

let all: Promise<readonly RenderedFiles[]> | undefined

/** All variants, rendered once for a test file. */
export function renderedVariants(): Promise<readonly RenderedFiles[]> {
  return (all ??= renderAll())
}

/** One process for all of them: each would take a second to start on a busy machine. */
async function renderAll(): Promise<RenderedFiles[]> {
  const parent = await mkdtemp(join(tmpdir(), 'model-injector-render-'))
  try {
    const commands = Object.values(variants).map((args, i) => ['render', ...args, '-o', join(parent, String(i))])
    await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'run-commands.ts'),
      JSON.stringify(commands),
    ])
    return await Promise.all(
      Object.entries(variants).map(async ([name, args], i) => ({
        name,
        args,
        files: await readFiles(join(parent, String(i))),
      })),
    )
  } finally {
    await rm(parent, { recursive: true })
  }
}

/** A model's directory, its large files without content. */
export async function modelDirectory(parent: string): Promise<string> {
  const directory = join(parent, 'model')
  await mkdir(join(directory, 'tokenizer'), { recursive: true })
  for (const name of ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']) {
    await writeFile(join(directory, name), '')
    await truncate(join(directory, name), 65 * 2 ** 20)
  }
  await writeFile(join(directory, 'config.json'), '{}\n')
  await writeFile(join(directory, 'tokenizer', 'merges and more.txt'), 'a b\n')
  return directory
}
