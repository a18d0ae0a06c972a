/** `model-injector render` as users run it: what is asked for, what goes where, and what it finds out itself. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import type { RunResult } from '../integration/cli/run-cli.ts'
import { runShared } from '../integration/cli/run-shared.ts'
import { clusterArgs, image, modelDirectory, renderFiles } from './renderings.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(300_000)

const prefix = 'models.example.io/'

interface Rendered {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

function deployment(
  name: string,
  annotations: Readonly<Record<string, string>>,
  namespace: string | undefined = 'apps',
  spec: object = {},
): object {
  const template = {
    metadata: {
      annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [prefix + key, value])),
    },
    spec: { ...spec, containers: [{ name: 'app', image: 'app' }] },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, ...(namespace === '' ? {} : { namespace }) },
    spec: { template },
  }
}

function list(...items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

async function renderManifests(
  stdin: string,
  args: readonly string[] = clusterArgs,
): Promise<RunResult & { objects: string[] }> {
  const result = await runShared(['render', '-f', '-', ...args], { stdin })
  const objects = parseAllDocuments(result.stdout)
    .map((document) => document.toJS() as Partial<Rendered> | null)
    .filter((object) => object?.metadata !== undefined) as Rendered[]
  return {
    ...result,
    objects: objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`),
  }
}

const s3 = { source: 's3://my-ml-bucket/llama/', 'service-account': 'reader' }
const fsxArgs = [
  '--file-system-id',
  'fs-0123456789abcdef0',
  '--secret-arn',
  'arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm-AbCdEf',
  '--image',
  image,
]

t.test('every flag that is missing or wrong is named in one answer, with what it takes', async (t) => {
  const { code, stdout, stderr } = await runShared([
    'render',
    'download',
    '--source',
    's3://my-ml-bucket',
    '--account-id',
    '1',
    '-n',
    'Apps',
    '--cluster',
    'prod',
  ])
  t.equal(code, 64)
  t.equal(stdout, '')
  t.match(stderr, 'error: 5 flags are missing or wrong:\n')
  for (const part of [
    '--source <s3://…> "s3://my-ml-bucket" names a whole bucket',
    '-n, --namespace <name> "Apps" is not a DNS label',
    '--service-account <name> is required',
    '--account-id <id> "1" is not an AWS account id; accepted: 12 digits',
    '--region <name> is required; accepted: as eu-west-1',
  ]) {
    t.ok(stderr.includes(part), part)
  }
})

t.test('flags that contradict each other are refused together', async (t) => {
  const base = ['--source', 's3://my-ml-bucket/a/', '-n', 'apps', '--service-account', 'x', ...clusterArgs]
  const cases: readonly (readonly [args: readonly string[], problem: string])[] = [
    [['download', ...base, '--credentials', 'irsa'], '--oidc-provider <host/path> is required'],
    [
      ['download', ...base, '--credentials', 'irsa', '--oidc-provider', 'oidc.example.com/x', '--scope', 'namespace'],
      'need the session tags',
    ],
    [['download', ...base, '--replica-region', 'eu-central-1'], '--replica-region belongs to --create-bucket'],
    [['download', ...base, '--create-bucket', '--replica-region', 'eu-west-1'], 'the region of the bucket itself'],
    [['claim', '--region', 'eu-west-1', '--vpc', 'vpc-01234567'], '--subnet <id> is required'],
    [
      ['node', '--oci', 'x', '--size', '1Gi', '--source', 's3://my-ml-bucket/a/', ...clusterArgs],
      '--node-role <name> is required',
    ],
    [
      [
        'node',
        '--path',
        '/opt/{{x}}',
        '--source',
        's3://my-ml-bucket/a/',
        '--size',
        '1Gi',
        '--node-role',
        'x',
        '--kubernetes-version',
        '1.34',
        '--image',
        image,
        ...clusterArgs,
      ],
      'which Image Builder would replace',
    ],
    [
      [
        'node',
        '--path',
        '/opt/x',
        '--source',
        's3://my-ml-bucket/a/',
        '--size',
        '1Gi',
        '--node-role',
        'x',
        '--kubernetes-version',
        '1.34',
        ...clusterArgs,
      ],
      '--image <image> is required',
    ],
  ]
  for (const [args, problem] of cases) {
    const { code, stderr } = await runShared(['render', ...args])
    t.equal(code, 64, args.join(' '))
    t.ok(stderr.includes(problem), stderr)
  }
})

t.test('the default is the Kubernetes objects, and stderr says what there is besides', async (t) => {
  const { code, stdout, stderr } = await renderManifests(list(deployment('app', s3)))
  t.equal(code, 0)
  t.strictSame((parse(stdout) as Rendered).metadata, { name: 'reader', namespace: 'apps' })
  t.equal(stderr, 'not printed: --cloudformation, --commands; -o DIRECTORY writes everything\n')
})

t.test('a delivery is rendered by the older name of its system, too', async (t) => {
  for (const [alias, delivery] of [
    ['s3', 'download'],
    ['fsx', 'claim'],
    ['ami', 'node'],
    ['oci', 'image'],
  ] as const) {
    const [old, now] = await Promise.all([alias, delivery].map((name) => runShared(['render', name, '--help'])))
    t.equal(old?.stdout, now?.stdout)
    t.match(now?.stdout, `render ${delivery}|${alias} `)
  }
})

t.test('a template is chosen by its name where there are several', async (t) => {
  const args = [
    'download',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'apps',
    '--service-account',
    'x',
    ...clusterArgs,
    '--create-bucket',
  ]
  const unnamed = await runShared(['render', ...args, '--cloudformation'])
  t.equal(unnamed.code, 64)
  t.match(unnamed.stderr, 'access, bucket')
  const named = await runShared(['render', ...args, '--cloudformation', 'bucket'])
  t.match(parse(named.stdout), {
    AWSTemplateFormatVersion: '2010-09-09',
    Resources: { Bucket: { Type: 'AWS::S3::Bucket' } },
  })
  t.match(named.stdout, /^# aws cloudformation deploy --region eu-west-1 --stack-name model-bucket/)
})

t.test('a directory gets every file, and its script can be run', async (t) => {
  const directory = join(t.testdir(), 'new', 'one')
  const { code, stdout } = await runShared([
    'render',
    'mountpoint',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'apps',
    '--service-account',
    'x',
    ...clusterArgs,
    '-o',
    directory,
  ])
  t.equal(code, 0)
  const names = (await readdir(directory)).sort()
  t.strictSame(names, [
    'cloudformation-access.yaml',
    'cloudformation-policy-my-ml-bucket.yaml',
    'commands.sh',
    'kubernetes.yaml',
    'my-ml-bucket-bucket-policy.json',
    'prod-apps-x-models-policy.json',
    'prod-apps-x-models-trust-policy.json',
  ])
  t.strictSame(
    stdout.trim().split('\n').sort(),
    names.map((name) => join(directory, name)),
  )
  t.equal((await stat(join(directory, 'commands.sh'))).mode & 0o111, 0o111)
  t.match(await readFile(join(directory, 'commands.sh'), 'utf8'), 'cd "$(dirname "$0")"')
})

t.test('a directory that cannot be written is an error of its own', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  const { code, stderr } = await runShared([
    'render',
    'download',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'apps',
    '--service-account',
    'x',
    ...clusterArgs,
    '-o',
    file,
  ])
  t.equal(code, 2)
  t.match(stderr, `model-injector: ${file}: file already exists`)
})

t.test('the flags of the output exclude each other, and are reported with all others', async (t) => {
  const download = await runShared(['render', 'download', '--commands', '--cloudformation', '-o', ''])
  t.match(download, { code: 64, stdout: '' })
  for (const problem of [
    '--source <s3://…> is required',
    '--cloudformation [stack] and --commands exclude each other',
    '-o, --output-dir <directory> "" is empty',
  ]) {
    t.ok(download.stderr.includes(`  ${problem}`), problem)
  }
  const manifests = await renderManifests(list(), ['--kubernetes', '--cloudformation', 'bucket', '-o', 'x'])
  t.match(manifests, { code: 64, stdout: '' })
  t.match(manifests.stderr, '2 flags are missing or wrong')
})

t.test('a word that is no command gets the nearest one', async (t) => {
  const words = {
    downlod: 'did you mean download?',
    fsxx: 'did you mean fsx?',
    'app.yaml': 'manifests are named with -f',
  }
  for (const [word, hint] of Object.entries(words)) {
    const { code, stdout, stderr } = await runShared(['render', word])
    t.strictSame([code, stdout], [64, ''])
    t.match(stderr, `error: unknown command "${word}"; ${hint}\n`)
  }
})

t.test('all models of a service account are in one role, whichever pods ask for them', async (t) => {
  const { stdout } = await renderManifests(
    list(
      deployment('one', {
        ...s3,
        'source.b': 's3://other-bucket/x/',
        'source.c': 's3://my-ml-bucket/one.gguf',
        'expect.c': `manifest=sums@sha256:${'0'.repeat(64)}`,
      }),
      deployment('two', s3),
      deployment('three', { source: 's3://my-ml-bucket/elsewhere/' }, 'ml', { serviceAccountName: 'reader' }),
    ),
    [...clusterArgs, '--cloudformation'],
  )
  const { Resources } = parse(stdout) as {
    Resources: Record<
      string,
      {
        Type: string
        Properties: {
          RoleName?: string
          Policies?: { PolicyDocument: { Statement: { Sid: string; Resource: unknown }[] } }[]
        }
      }
    >
  }
  const roles = Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Role')
    .map(({ Properties }) => Properties)
  t.strictSame(
    roles.map(({ RoleName }) => RoleName),
    ['prod-apps-reader-models', 'prod-ml-reader-models'],
  )
  const statements = roles[0]?.Policies?.[0]?.PolicyDocument.Statement ?? []
  t.strictSame(
    statements.map(({ Sid }) => Sid),
    ['List', 'List2', 'Read'],
  )
  t.strictSame(statements.at(-1)?.Resource, [
    'arn:aws:s3:::my-ml-bucket/llama/*',
    'arn:aws:s3:::other-bucket/x/*',
    'arn:aws:s3:::my-ml-bucket/one.gguf',
    'arn:aws:s3:::my-ml-bucket/sums',
  ])
})

t.test('each delivery gets what it needs, and a claim of two namespaces is shared to both', async (t) => {
  const { code, objects, stderr } = await renderManifests(
    list(
      deployment('a', {
        'source.nfs': 'pvc://llama/versions/1',
        'source.fuse': 's3://my-ml-bucket/llama/',
        'delivery.fuse': 'mountpoint',
        'service-account': 'reader',
      }),
      deployment('b', { source: 'pvc://llama/versions/2' }, 'ml'),
      deployment('c', { source: 'node:///opt/llama', 'source.again': 'node:///opt/llama' }, 'ml'),
      deployment('d', { source: `oci://registry.example.com/x@sha256:${'0'.repeat(64)}` }),
      deployment('e', { source: 's3://my-ml-bucket/open/', credentials: 'anonymous' }),
      deployment('f', { source: 's3://my-ml-bucket/keyed/', credentials: 'secret/keys' }),
    ),
    [
      ...clusterArgs,
      ...fsxArgs,
      '--node-role',
      'nodes',
      '--kubernetes-version',
      '1.34',
      '--origin',
      'pvc://llama=s3://my-ml-bucket/llama/',
      '--size',
      'pvc://llama=200Gi',
      '--origin',
      'node:///opt/llama=s3://my-ml-bucket/llama/1/',
      '--size',
      'node:///opt/llama=16Gi',
    ],
  )
  t.equal(code, 0, stderr)
  t.strictSame(
    objects.map((object) => object.replace(/-[0-9a-f]{8}$/, '').replace(/mp-[0-9a-f]{16}/, 'mp')),
    [
      'ServiceAccount apps/reader',
      'PersistentVolume /mp.apps',
      'PersistentVolumeClaim apps/mp',
      'Namespace /model-store',
      'StorageClass /models-ontap-nas',
      'TridentBackendConfig trident/fs-0123456789abcdef0-models',
      'ServiceAccount model-store/model-publisher',
      'PersistentVolumeClaim model-store/llama',
      'Job model-store/publish-llama',
      'CronJob model-store/publish-llama',
      'TridentVolumeReference apps/llama',
      'PersistentVolumeClaim apps/llama',
      'TridentVolumeReference ml/llama',
      'PersistentVolumeClaim ml/llama',
      'EC2NodeClass /model-llama',
      'NodePool /model-llama',
    ],
  )
  t.match(stderr, /oci:\/\/.*: needs no companion resources/)
  t.match(stderr, 's3://my-ml-bucket/open/: is read without credentials')
  t.match(stderr, 'the Secret apps/keys has AWS_ACCESS_KEY_ID')
})

t.test('values that no manifest has are required as flags, for each object that needs them', async (t) => {
  const { code, stdout, stderr } = await renderManifests(
    list(deployment('a', { source: 'pvc://llama', 'source.baked': 'node:///opt/x' })),
    [],
  )
  t.equal(code, 64)
  t.equal(stdout, '')
  for (const flag of [
    '--account-id',
    '--region',
    '--cluster',
    '--file-system-id',
    '--secret-arn',
    '--node-role',
    '--kubernetes-version',
    '--image',
    '--origin pvc://llama=',
    '--size pvc://llama=',
    '--origin node:///opt/x=',
    '--size node:///opt/x=',
  ]) {
    t.ok(stderr.includes(`  ${flag}`), flag)
  }
  t.notMatch((await renderManifests(list(deployment('a', s3)), [])).stderr, 'file-system-id', 'and nothing else is')
})

t.test('objects of the manifests are left out, and no flag is required for them', async (t) => {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader' } }
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'llama', namespace: 'apps' } }
  const { code, objects, stderr } = await renderManifests(
    list(account, claim, deployment('a', { ...s3, 'source.nfs': 'pvc://llama' }, '')),
    [...clusterArgs, '-n', 'apps'],
  )
  t.equal(code, 0, stderr)
  t.strictSame(objects, [])
})

t.test('only what is chosen is rendered', async (t) => {
  const { objects } = await renderManifests(
    list(deployment('a', { ...s3, 'source.nfs': 'pvc://llama', 'source.baked': 'node:///opt/x' })),
    [...clusterArgs, '--only', 'download'],
  )
  t.strictSame(objects, ['ServiceAccount apps/reader'])
  const image = await renderManifests(
    list(deployment('a', { ...s3, 'source.oci': `oci://registry.example.com/llama@sha256:${'0'.repeat(64)}` })),
    ['--only', 'image'],
  )
  t.match(image, { code: 0, objects: [], stderr: 'model-injector render image shows how' })
})

t.test('a workload with mistakes is denied in the words of the webhook, and the others are rendered', async (t) => {
  const { code, objects, stderr } = await renderManifests(
    list(deployment('bad', { source: 's3://my-ml-bucket', sise: '1Gi' }), deployment('good', s3)),
  )
  t.equal(code, 1)
  t.strictSame(objects, ['ServiceAccount apps/reader'])
  t.match(stderr, 'deployment/bad denied (namespace apps):\n')
  t.match(stderr, 'did you mean models.example.io/size?')
  t.match(stderr, 'names a whole bucket')
})

t.test('a service account that is shared by everybody is warned about, and not rendered', async (t) => {
  const { stdout, stderr } = await renderManifests(list(deployment('a', { source: s3.source })))
  t.notMatch(stdout, 'kind: ServiceAccount')
  t.match(stderr, 'every pod of apps that names no service account gets this role')
})

t.test('IRSA of the pods asks for its provider, and a service account has one way to its role', async (t) => {
  const irsa = { ...s3, credentials: 'irsa' }
  t.match(
    (await renderManifests(list(deployment('a', irsa)))).stderr,
    '--oidc-provider <host/path> is required, because pods ask for credentials: irsa',
  )
  const both = await renderManifests(list(deployment('a', irsa), deployment('b', s3)), [
    ...clusterArgs,
    '--oidc-provider',
    'oidc.example.com/x',
  ])
  t.equal(both.code, 64)
  t.match(both.stderr, 'apps/reader is used with credentials: pod-identity and with credentials: irsa')
  const { stdout } = await renderManifests(list(deployment('a', irsa)), [
    ...clusterArgs,
    '--oidc-provider',
    'oidc.example.com/x',
  ])
  t.match(parse(stdout), {
    metadata: {
      annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/prod-apps-reader-models' },
    },
  })
})

t.test('a pod that opted out needs nothing', async (t) => {
  const { code, stdout, stderr } = await renderManifests(list(deployment('a', { ...s3, inject: 'false' })), [])
  t.equal(code, 0)
  t.equal(stdout, '')
  t.match(stderr, 'no pod or pod template in these files asks for a model')
})

t.test("the operator's prefix and image are those of the configuration", async (t) => {
  const config = join(
    t.testdir({
      'config.yaml': `annotationPrefix: ml.example.com/\ndefaults: {image: ${image}}\nloader: {imagePullSecrets: [pull]}\n`,
    }),
    'config.yaml',
  )
  const files = await renderFiles([
    'node',
    '--path',
    '/opt/x',
    '--source',
    's3://my-ml-bucket/a/',
    '--size',
    '1Gi',
    '--node-role',
    'x',
    '--kubernetes-version',
    '1.34',
    '--config',
    config,
    ...clusterArgs,
  ])
  t.match(files['kubernetes.yaml'], /node\.ml\.example\.com\/[0-9a-f]{16}: present/)
  t.match(files['kubernetes.yaml'], 'key: ml.example.com/baked')
  t.match(Object.values(files).join(''), image)
  const claims = await renderFiles([
    'claim',
    '--claim',
    'a',
    '--size',
    '1Gi',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'apps',
    ...fsxArgs.slice(0, 4),
    '--config',
    config,
    ...clusterArgs,
  ])
  t.match(claims['kubernetes.yaml'], image)
  t.match(claims['kubernetes.yaml'], 'imagePullSecrets:\n')
})

t.test('the namespace of the shared claim is no namespace that it is shared to', async (t) => {
  const { code, stderr } = await runShared([
    'render',
    'claim',
    '--claim',
    'a',
    '--size',
    '1Gi',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'model-store',
    ...fsxArgs,
    ...clusterArgs,
  ])
  t.equal(code, 64)
  t.match(stderr, '-n model-store is the namespace of the shared claim itself')
})

async function publisherJob(args: readonly string[] = []): Promise<Rendered | undefined> {
  const { stdout } = await runShared([
    'render',
    'claim',
    '--claim',
    'a',
    '--size',
    '1Gi',
    '--source',
    's3://my-ml-bucket/a/',
    '-n',
    'apps',
    ...fsxArgs,
    ...clusterArgs,
    ...args,
  ])
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Rendered)
    .find(({ kind }) => kind === 'Job')
}

t.test('a Job that would say something else has another name, because a Job cannot be changed', async (t) => {
  const nameWith = async (args: readonly string[]): Promise<string | undefined> =>
    (await publisherJob(args))?.metadata.name
  t.equal(await nameWith([]), await nameWith(['--schedule', '0 * * * *']))
  t.not(await nameWith([]), await nameWith(['--required-tag', 'status=published']))
})

t.test('the publisher has the region of the bucket as an option, and AWS_REGION is left to the cluster', async (t) => {
  const text = JSON.stringify(await publisherJob(['--bucket-region', 'us-west-2']))
  t.ok(text.includes('"--region","us-west-2"'), text)
  t.notMatch(text, /AWS_REGION/)
})

t.test('a list of files stands for a directory that is on another machine', async (t) => {
  const directory = t.testdir()
  await writeFile(
    join(directory, 'files.txt'),
    `${'0'.repeat(64)}  ./config.json\n70000000 model 1.safetensors\nREADME.md\n`,
  )
  const { code, stdout, stderr } = await runShared([
    'render',
    'image',
    '--repository',
    'registry.example.com/x',
    '--tag',
    '1',
    '--directory',
    '/data/x',
    '--files',
    join(directory, 'files.txt'),
  ])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    'COPY --link --chmod=0644 ["README.md","config.json","/model/"]\nCOPY --link --chmod=0644 ["model 1.safetensors","/model/"]',
  )
  t.match(stdout, '\n  /data/x\n')
  t.match(stdout, 'oci://registry.example.com/x@$digest#model')
})

t.test('files that no image can be built of are named', async (t) => {
  const directory = await modelDirectory(t.testdir())
  await writeFile(join(directory, 'what?.json'), '')
  await writeFile(join(directory, 'a$b.json'), '')
  const { code, stderr } = await runShared([
    'render',
    'image',
    '--repository',
    'registry.example.com/x',
    '--tag',
    '1',
    '--directory',
    directory,
  ])
  t.equal(code, 2)
  t.match(stderr, '"what?.json" has one of')
  t.match(stderr, '"a$b.json" has one of')
  const missing = await runShared([
    'render',
    'image',
    '--repository',
    'registry.example.com/x',
    '--tag',
    '1',
    '--directory',
    join(directory, 'none'),
  ])
  t.match(missing.stderr, 'none: no such file or directory')
})

t.test('without anything to do it shows its help', async (t) => {
  const { code, stderr } = await runShared(['render'])
  t.equal(code, 64)
  t.match(stderr, 'Usage: model-injector render -f FILE [options] | COMMAND [options]')
})
