/** Facts without a flag are read from the cluster; without a cluster flags give all of them; contradictions are refused at once. */
import t from 'tap'
import {
  startFakeAPIServer,
  writeKubeconfig,
  type FakeAnswer,
  type FakeRequest,
} from '../unit/cluster/fake-api-server.ts'
import { runCLI } from '../integration/cli/run-cli.ts'
import {
  accountBucket,
  check,
  prodClusterArn,
  giveRole,
  operator,
  rendered,
  renderRole,
  resetWorld,
  startWorld,
  type Run,
} from './identity-world.ts'

t.setTimeout(20 * 60 * 1000)

const directory = t.testdir({})
const world = await startWorld(`${directory}/world`)
t.teardown(() => world.stop())
const role = await renderRole(rendered.role)
const byIRSA = await renderRole([
  ...rendered.role,
  '--credentials',
  'irsa',
  '--oidc-provider',
  'oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF',
])
const source = `s3://${accountBucket}/models/apps/llama/`

interface Namespace {
  readonly account?: Readonly<Record<string, string>> | 'absent' | 'forbidden'
  readonly annotations?: Readonly<Record<string, string>>
  readonly context?: string
  readonly cluster?: string
}

function answerAs({ account = {}, annotations }: Namespace): (request: FakeRequest) => FakeAnswer {
  const template = {
    metadata: { annotations },
    spec: { serviceAccountName: 'my-inference-app', containers: [{ name: 'app', image: 'x' }] },
  }
  const other = {
    metadata: {
      annotations: { 'models.example.io/source': `s3://${accountBucket}/other/`, 'models.example.io/mount-path': '/m' },
    },
    spec: { serviceAccountName: 'other', containers: [{ name: 'app', image: 'x' }] },
  }
  return ({ path, method }) => {
    if (method !== 'GET') return { status: 405, body: { message: 'nothing is written' } }
    if (path.endsWith('/serviceaccounts/my-inference-app')) {
      if (account === 'absent') return { status: 404, body: { message: 'not found' } }
      if (account === 'forbidden') return { status: 403, body: { message: 'forbidden' } }
      return {
        body: {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'my-inference-app', namespace: 'apps', annotations: account },
        },
      }
    }
    const isDeployments = path.endsWith('/namespaces/apps/deployments')
    if (isDeployments && annotations !== undefined) {
      return {
        body: {
          items: [
            ['my-app', template],
            ['other', other],
          ].map(([name, spec]) => ({
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            metadata: { name, namespace: 'apps' },
            spec: { template: spec },
          })),
        },
      }
    }
    return /\/mutatingwebhookconfigurations\/./.test(path) ? { status: 404, body: {} } : { body: { items: [] } }
  }
}

async function checkIn(namespace: Namespace, args: readonly string[]): Promise<Run> {
  resetWorld(world)
  giveRole(world, role)
  const server = await startFakeAPIServer(answerAs(namespace))
  try {
    const { context = prodClusterArn, cluster } = namespace
    const kubeconfig = await writeKubeconfig(`${directory}/config`, server.url, {
      context,
      ...(cluster !== undefined && { cluster }),
    })
    const run = await check(world, operator(world), ['--kubeconfig', kubeconfig, ...args])
    t.ok(
      server.requests.every(({ method }) => method === 'GET'),
      'nothing is written in the cluster',
    )
    return run
  } finally {
    await server.close()
  }
}

/** Never mentioned here: no webhook is installed in these clusters. */
function problemsOf({ problems }: Run): Run['problems'] {
  return problems.filter(([id]) => id !== 'configuration')
}

const annotated = { 'models.example.io/source': source, 'models.example.io/mount-path': '/models/llama' }

t.test(
  'the cluster says what its pods read, and which cluster it is; the role of EKS Pod Identity is named',
  async (t) => {
    const run = await checkIn({ annotations: annotated }, ['--role', role.arn])
    t.strictSame(problemsOf(run), [])
    t.match(run.findings.find(({ id }) => id === 'wanted-prefix')?.what, source)
    t.notMatch(run.stdout, '/other/', 'what other service accounts read is not tried')
    t.match(JSON.parse(run.stdout), {
      identity: {
        namespace: 'apps',
        serviceAccount: 'my-inference-app',
        credentials: 'pod-identity',
        role: role.arn,
        clusterArn: prodClusterArn,
      },
    })
  },
)

t.test('a context with a name of its own is known by what its cluster is called, or by eksctl', async (t) => {
  for (const name of [{ context: 'prod', cluster: prodClusterArn }, { context: 'alice@prod.eu-west-1.eksctl.io' }]) {
    const run = await checkIn({ ...name, annotations: annotated }, ['--role', role.arn])
    t.equal(run.findings.find(({ id }) => id === 'cluster-arn')?.what, prodClusterArn)
    t.strictSame(problemsOf(run), [])
  }
})

t.test('a context that does not say which cluster it is, is an error', async (t) => {
  const run = await checkIn({ context: 'kind', annotations: annotated }, ['--role', role.arn])
  t.strictSame(problemsOf(run), [['cluster-arn', 'error']])
  t.strictSame(
    world.sts.calls.map(({ action }) => action),
    ['GetCallerIdentity'],
  )
})

t.test('the role of IRSA is an annotation of the service account, and the session has no tags', async (t) => {
  const run = await checkIn(
    {
      account: { 'eks.amazonaws.com/role-arn': role.arn },
      annotations: { ...annotated, 'models.example.io/credentials': 'irsa' },
    },
    [],
  )
  t.strictSame(problemsOf(run), [['role-assumed', 'error']], 'its trust policy asks for tags')
  t.strictSame(world.sts.calls.at(-1)?.tags, {})
  giveRole(world, byIRSA)
  const fine = await check(world, operator(world), [
    '--role',
    byIRSA.arn,
    '--credentials',
    'irsa',
    '--source',
    source,
    '--region',
    'eu-west-1',
  ])
  t.strictSame(fine.problems, [])
})

t.test('the region of the annotation is where pods look', async (t) => {
  const run = await checkIn({ annotations: { ...annotated, 'models.example.io/region': 'us-west-2' } }, [
    '--role',
    role.arn,
  ])
  t.strictSame(problemsOf(run), [['bucket-region', 'error']])
  t.match(run.findings.find(({ id }) => id === 'bucket-region')?.remedy, 'models.example.io/region: eu-west-1')
})

t.test(
  'the association of EKS Pod Identity is not to be seen in the cluster: the command shows where it is',
  async (t) => {
    const run = await checkIn({ annotations: annotated }, [])
    t.strictSame(problemsOf(run), [['role-known', 'error']])
    t.match(run.findings.find(({ id }) => id === 'role-known')?.commands, [
      /aws eks describe-pod-identity-association --cluster-name prod .*--namespace apps --service-account my-inference-app/,
    ])
  },
)

const unknownRoles: readonly (readonly [what: string, namespace: Namespace, says: RegExp])[] = [
  [
    'a service account that is not there',
    { account: 'absent' },
    /^there is no service account apps\/my-inference-app$/,
  ],
  ['a service account that may not be looked at', { account: 'forbidden' }, /HTTP 403/],
  ['a service account without the annotation', { account: {} }, /has no annotation eks\.amazonaws\.com\/role-arn/],
  [
    'an annotation that is no role',
    { account: { 'eks.amazonaws.com/role-arn': 'admin' } },
    /is not the ARN of a role: admin$/,
  ],
]

for (const [what, namespace, says] of unknownRoles) {
  t.test(`${what} is reported`, async (t) => {
    const run = await checkIn({ ...namespace, annotations: annotated }, ['--credentials', 'irsa', '--source', source])
    t.strictSame(problemsOf(run), [['role-known', 'error']])
    t.match(run.findings.find(({ id }) => id === 'role-known')?.what, says)
  })
}

t.test('a role that is named for a service account that is not there gets a warning', async (t) => {
  const run = await checkIn({ account: 'absent', annotations: annotated }, ['--role', role.arn])
  t.strictSame(problemsOf(run), [['role-known', 'warning']])
  t.equal(run.code, 2, 'the configuration was not found')
})

t.test('pods that read nothing leave nothing to prove', async (t) => {
  const run = await checkIn({}, ['--role', role.arn])
  t.strictSame(problemsOf(run), [
    ['wanted-prefix', 'error'],
    ['other-prefix', 'unchecked'],
  ])
})

t.test('without a kubeconfig, what is missing is said, with the flag that names it', async (t) => {
  resetWorld(world)
  const { code, stderr, problems, findings } = await check(world, operator(world), [])
  t.equal(code, 1)
  t.equal(stderr, '')
  t.strictSame(problems, [
    ['role-known', 'error'],
    ['cluster-arn', 'error'],
    ['wanted-prefix', 'error'],
  ])
  for (const flag of ['--role', '--cluster-arn', '--source']) {
    t.ok(
      findings.some(({ remedy }) => remedy?.includes(flag)),
      flag,
    )
  }
})

t.test('a kubeconfig that was named, and is not there, ends the command', async (t) => {
  const { code, stdout, stderr } = await check(world, operator(world), ['--kubeconfig', `${directory}/none`])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /^model-injector: the kubeconfig .*none cannot be read/)
})

t.test('everything that is wrong in the options is one message', async (t) => {
  const { code, stdout, stderr } = await runCLI([
    'check',
    'apps',
    '--identity',
    'apps',
    '--role',
    'admin',
    '--source',
    's3://bucket',
    '--other',
    'x',
    '--cluster-arn',
    'prod',
    '--region',
    'Ireland',
    '--credentials',
    'keys',
    '-n',
    'apps',
    '--server-url',
    'https://x',
    '--claim',
    'x',
  ])
  t.equal(code, 64)
  t.equal(stdout, '')
  t.match(stderr, /^error: 11 flags are missing or wrong:\n/)
  for (const part of [
    '--identity <namespace/serviceaccount> "apps" is not NAMESPACE/SERVICEACCOUNT; accepted: as apps/my-inference-app',
    '--role <arn> "admin" is not the ARN of a role',
    '"s3://bucket" names a whole bucket',
    '--other <s3://…> "x" has no scheme',
    '--cluster-arn <arn> "prod" is not the ARN of an EKS cluster',
    '--region <name> "Ireland" is not an AWS region',
    '--credentials <how> "keys" is none of the accepted words; accepted: pod-identity, irsa',
    '--namespace is the first part of --identity',
    '--server-url is about the webhook',
    'the namespace "apps" belongs to --delivery',
    '--claim <name> belongs to --delivery',
  ]) {
    t.ok(stderr.includes(part), `${part}\n${stderr}`)
  }
})

t.test('its options are nothing to the other checks', async (t) => {
  const alone = await runCLI(['check', '--role', role.arn, '--other', source, '--source', source])
  t.equal(alone.code, 64)
  for (const part of [
    '--role <arn> belongs to --identity',
    '--other <s3://…> belongs to --identity',
    '--source <s3://…/> belongs to --delivery or --identity',
  ]) {
    t.ok(alone.stderr.includes(part), alone.stderr)
  }
  const both = await runCLI(['check', '--identity', 'apps/x', '--delivery', 'claim', 'apps'])
  t.equal(both.code, 64)
  t.match(both.stderr, '--identity and --delivery are two checks')
})
