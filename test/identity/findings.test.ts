/** Each way in which a role can be wrong gives its finding, and no other: by the real command, a real S3 server, and policies that are evaluated. */
import t from 'tap'
import { identityChecks } from '../../src/check/identity/checks.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import type { Severity } from '../../src/diagnosis/finding.ts'
import type { Keys, IAMPolicy } from '../kit/aws/aws-account.ts'
import {
  accountId,
  accountBucket,
  check,
  prodClusterArn,
  giveRole,
  operator,
  rendered,
  renderRole,
  resetWorld,
  sessionOf,
  startWorld,
  type Rendered,
  type Run,
  type IdentityWorld,
} from './identity-world.ts'

t.setTimeout(20 * 60 * 1000)

const world = await startWorld(t.testdir({}))
t.teardown(() => world.stop())

const roles = {
  apps: await renderRole(rendered.role),
  namespaces: await renderRole(rendered.namespaces),
  accounts: await renderRole(rendered.accounts),
  shared: await renderRole(rendered.shared),
  unchecked: await renderRole(rendered.role, []),
  byIRSA: await renderRole([
    ...rendered.role,
    '--credentials',
    'irsa',
    '--oidc-provider',
    'oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF',
  ]),
  forNode: await renderRole(rendered.role, [`arn:aws:iam::${accountId}:role/nodes`]),
  forPod: await renderRole(rendered.role, [`arn:aws:iam::${accountId}:role/ci`]),
  forSSO: await renderRole(rendered.role, [
    `arn:aws:sts::${accountId}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com`,
  ]),
  forPodByIRSA: {
    trust: policyOf({
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${accountId}:role/ci` },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
    }),
  },
  withKey: await renderRole([
    ...rendered.role,
    '--kms-key',
    `arn:aws:kms:eu-west-1:${accountId}:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab`,
  ]),
} as const

const source = `s3://${accountBucket}/models/apps/llama/`
const podTags = {
  'eks-cluster-arn': prodClusterArn,
  'eks-cluster-name': 'prod',
  'kubernetes-namespace': 'ci',
  'kubernetes-service-account': 'runner',
  'kubernetes-pod-name': 'runner-1',
  'kubernetes-pod-uid': 'x',
}

function statement(
  Action: string | readonly string[],
  Resource: string | readonly string[],
  Condition?: IAMPolicy,
): object {
  return { Effect: 'Allow', Action, Resource, ...(Condition && { Condition }) }
}

function policyOf(...Statement: readonly object[]): IAMPolicy {
  return { Version: '2012-10-17', Statement }
}

/** `whom` is a principal, which some kinds of policy must name. */
function deny(Action: string, whom: object = {}): IAMPolicy {
  return policyOf({ ...statement('*', '*'), ...whom }, { Effect: 'Deny', Action, Resource: '*', ...whom })
}

const bucketArn = `arn:aws:s3:::${accountBucket}`
const listOwn = statement('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': 'models/apps/*' } })
const readOwn = statement('s3:GetObject', `${bucketArn}/models/apps/*`)

function having(policy: IAMPolicy): Rendered {
  return { ...roles.apps, policy }
}

interface Case {
  readonly role?: Rendered & { readonly boundary?: IAMPolicy }
  /** Arguments in addition to the role and the cluster; the source without them. */
  readonly args?: readonly string[]
  readonly keys?: (world: IdentityWorld) => Keys | undefined
  readonly env?: (world: IdentityWorld) => Readonly<Record<string, string>>
  readonly arrange?: (world: IdentityWorld) => unknown
}

async function run({
  role = roles.apps,
  args = ['--source', source],
  keys = operator,
  env,
  arrange,
}: Case): Promise<Run> {
  resetWorld(world)
  await arrange?.(world)
  giveRole(world, role)
  return check(world, keys(world), ['--role', role.arn, '--cluster-arn', prodClusterArn, ...args], env?.(world))
}

const refusedHost = 'http://127.0.0.1:9'
const onlySts = policyOf(statement('sts:*', '*'))
const nodeSession = (w: IdentityWorld): Keys => sessionOf(w, 'nodes', 'i-0123456789abcdef0')
const denyFor = (action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Principal: '*', Action: action, Resource: [bucketArn, `${bucketArn}/*`] }],
})

type Problem = readonly [id: string, severity: Severity]

const cases: readonly (readonly [what: string, arranged: Case, problems: readonly Problem[], says: RegExp])[] = [
  [
    'the role of a node that asks',
    { keys: nodeSession, role: roles.unchecked },
    [
      ['node-role', 'error'],
      ['role-assumed', 'error'],
    ],
    /the caller is the role nodes of the instance i-0123456789abcdef0:/,
  ],
  [
    'the role of a node that may assume the role',
    { keys: nodeSession, role: roles.forNode },
    [
      ['node-role', 'error'],
      ['node-role', 'error'],
    ],
    /may assume the role of these pods: so may every pod/,
  ],
  [
    'the root user',
    { keys: (w) => sessionOf(w, '', '', { arn: `arn:aws:iam::${accountId}:root` }) },
    [['node-role', 'error']],
    /^the caller is the root user/,
  ],

  [
    'a trust policy without principals',
    { role: roles.unchecked, keys: (w) => operator(w, { policy: policyOf() }) },
    [['role-assumed', 'error']],
    /HTTP 403: AccessDenied: User: .*alice is not authorized to perform: sts:AssumeRole on resource: .*role\/prod-apps/,
  ],
  [
    'a role that does not exist',
    {
      role: { ...roles.apps, arn: `arn:aws:iam::${accountId}:role/none` },
      arrange: (w) => {
        w.account.roles.clear()
      },
      args: ['--source', source, '--role', `arn:aws:iam::${accountId}:role/other`],
    },
    [['role-assumed', 'error']],
    /role\/other: HTTP 403: AccessDenied/,
  ],
  [
    'a role of another namespace',
    { args: ['--source', source, '--identity', 'ml/my-inference-app'] },
    [['role-assumed', 'error']],
    /sts:AssumeRole/,
  ],
  [
    'a service control policy against it',
    {
      arrange: ({ account }) => {
        account.guards.serviceControlPolicy = deny('sts:AssumeRole')
      },
    },
    [['role-assumed', 'error']],
    /explicit deny in a service control policy/,
  ],
  [
    'an STS that has gone mad',
    {
      arrange: ({ sts }) => {
        for (let i = 0; i < 3; i++) {
          sts.refuseNext({
            status: 400,
            code: 'RegionDisabledException',
            message: 'STS is not activated in this region',
          })
        }
      },
    },
    [['caller', 'error']],
    /RegionDisabledException: STS is not activated in this region/,
  ],

  [
    'a trust policy without sts:TagSession',
    {
      role: { ...roles.apps, trust: withoutTagSession(roles.apps.trust) },
      keys: (w) => operator(w, { policy: policyOf(statement('sts:AssumeRole', '*')) }),
    },
    [['session-tags', 'error']],
    /not authorized to perform: sts:TagSession/,
  ],
  [
    'a pod of EKS Pod Identity that asks',
    {
      keys: (w) =>
        sessionOf(w, 'ci', 'eks-prod-runner-1-0b0e5c1e-3c1f-4a2b-9a55-0123456789ab', {
          tags: podTags,
          transitive: Object.keys(podTags),
        }),
      role: roles.forPod,
    },
    [['session-tags', 'error']],
    /conflicts with a transitive tag key from the calling session/,
  ],
  [
    'a pod of EKS Pod Identity that asks for a role of IRSA',
    {
      keys: (w) =>
        sessionOf(w, 'ci', 'eks-prod-runner-1-0b0e5c1e-3c1f-4a2b-9a55-0123456789ab', {
          tags: podTags,
          transitive: Object.keys(podTags),
        }),
      role: { ...roles.byIRSA, trust: roles.forPodByIRSA.trust },
      args: ['--source', source, '--credentials', 'irsa'],
    },
    [['session-tags', 'warning']],
    /whose own tags are passed on/,
  ],
  [
    'names that leave no room for tags',
    { args: ['--source', source, '--identity', `apps/${'a'.repeat(250)}`] },
    [['session-tags', 'error']],
    /Packed size of session tags consumes 1\d\d% of allotted space/,
  ],

  [
    'a bucket in another region than pods look in',
    { args: ['--source', source, '--region', 'us-west-2'] },
    [['bucket-region', 'error']],
    /^my-ml-bucket is in eu-west-1, and pods look in us-west-2$/,
  ],

  [
    'a policy that does not let list',
    { role: having(policyOf(readOwn)) },
    [['prefix-listed', 'error']],
    /s3:\/\/my-ml-bucket\/models\/apps\/llama\/: HTTP 403: AccessDenied: User: .* is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::my-ml-bucket" because no identity-based policy allows/,
  ],
  [
    'a policy for the tags of another namespace',
    { role: having(JSON.parse(JSON.stringify(roles.apps.policy).replaceAll('"apps"', '"ml"')) as IAMPolicy) },
    [['prefix-listed', 'error']],
    /s3:ListBucket/,
  ],
  [
    'a policy for another cluster',
    {
      role: having(
        JSON.parse(JSON.stringify(roles.namespaces.policy).replaceAll('cluster/prod', 'cluster/test')) as IAMPolicy,
      ),
    },
    [['prefix-listed', 'error']],
    /s3:ListBucket/,
  ],
  [
    'the policy of an endpoint',
    {
      arrange: ({ account }) => {
        account.guards.endpointPolicy = deny('s3:ListBucket', { Principal: '*' })
      },
    },
    [['prefix-listed', 'error']],
    /explicit deny in a VPC endpoint policy/,
  ],
  [
    'the policy of the bucket',
    {
      arrange: ({ account }) => {
        account.guards.bucketPolicy = denyFor('s3:ListBucket')
      },
    },
    [['prefix-listed', 'error']],
    /explicit deny in a resource-based policy/,
  ],
  [
    'a permissions boundary',
    { role: { ...roles.apps, boundary: policyOf(statement('s3:GetObject', '*')) } },
    [['prefix-listed', 'error']],
    /no permissions boundary allows/,
  ],
  [
    'a bucket that is not there',
    {
      args: ['--source', 's3://no-such-bucket/models/apps/llama/'],
      role: having(policyOf(statement('s3:*', '*', { StringLike: { 's3:prefix': '*apps*' } }))),
    },
    [['prefix-listed', 'error']],
    /^there is no bucket no-such-bucket$/,
  ],
  [
    'an S3 that does not answer',
    { env: () => ({ AWS_ENDPOINT_URL_S3: refusedHost }) },
    [
      ['prefix-listed', 'error'],
      ['other-prefix', 'error'],
      ['whole-bucket', 'unchecked'],
    ],
    /models\/apps\/llama\/: no answer: .*ECONNREFUSED/,
  ],

  [
    'a prefix below which nothing is',
    { args: ['--source', `s3://${accountBucket}/models/apps/Llama/`], role: roles.namespaces },
    [['prefix-filled', 'error']],
    /^nothing is below s3:\/\/my-ml-bucket\/models\/apps\/Llama\/$/,
  ],
  [
    'a prefix with nothing but its marker',
    {
      args: ['--source', `s3://${accountBucket}/models/apps/marked/`],
      role: roles.namespaces,
      arrange: ({ s3 }) => {
        s3.forge(accountBucket, { key: 'models/apps/marked/', body: '' })
      },
    },
    [['prefix-filled', 'error']],
    /^nothing is below/,
  ],
  [
    'a prefix without its slash',
    { args: ['--source', `s3://${accountBucket}/models/apps/llama`], role: roles.namespaces },
    [['prefix-filled', 'error']],
    /^there is no object s3:\/\/my-ml-bucket\/models\/apps\/llama, but objects below .*llama\/$/,
  ],
  [
    'an object that is not there',
    { args: ['--source', `s3://${accountBucket}/models/apps/llama.gguf`], role: roles.namespaces },
    [['prefix-filled', 'error']],
    /^there is no object s3:\/\/my-ml-bucket\/models\/apps\/llama\.gguf$/,
  ],

  [
    'a policy that does not let read',
    { role: having(policyOf(listOwn)) },
    [['object-read', 'error']],
    /models\/apps\/llama\/config\.json: HTTP 403: .* s3:GetObject on resource: "arn:aws:s3:::my-ml-bucket\/models\/apps\/llama\/config\.json" because no identity-based policy/,
  ],
  [
    'a key of the bucket that the role may not use',
    {
      arrange: ({ account }) => {
        account.guards.kmsKeys.set(
          accountBucket,
          `arn:aws:kms:eu-west-1:${accountId}:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab`,
        )
      },
    },
    [['object-read', 'error']],
    /kms:Decrypt on the resource associated with this ciphertext/,
  ],
  [
    'a model that is archived',
    {
      arrange: ({ s3 }) => {
        s3.forge(accountBucket, { key: 'models/apps/llama/weights.bin', body: 'x', storageClass: 'GLACIER' })
      },
    },
    [['object-read', 'error']],
    /weights\.bin is archived/,
  ],
  [
    'an object that S3 cannot give',
    {
      arrange: ({ s3 }) => {
        s3.fault({
          match: { operation: 'get', key: /apps/ },
          times: 'always',
          action: { kind: 'status', status: 500, code: 'InternalError' },
        })
      },
    },
    [['object-read', 'error']],
    /HTTP 500: InternalError/,
  ],

  [
    'a role that lists everything',
    { role: having(policyOf(statement('s3:ListBucket', bucketArn), readOwn)) },
    [
      ['other-prefix', 'error'],
      ['whole-bucket', 'warning'],
    ],
    /^the session lists s3:\/\/my-ml-bucket\/models\/ml\/; the session lists .*no-such-namespace\/$/,
  ],
  [
    'a role that lists all namespaces',
    {
      role: having(
        policyOf(statement('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': 'models/*' } }), readOwn),
      ),
    },
    [['other-prefix', 'error']],
    /^the session lists/,
  ],
  [
    'a role that reads all namespaces',
    { role: having(policyOf(listOwn, statement('s3:GetObject', `${bucketArn}/models/*`))) },
    [['other-prefix', 'error']],
    /^the session may read s3:\/\/my-ml-bucket\/models\/ml\/mistral\/weights\.bin; /,
  ],
  [
    'a role that reads all namespaces, of whose objects the operator may not list any',
    {
      role: having(policyOf(listOwn, statement('s3:GetObject', `${bucketArn}/models/*`))),
      keys: (w) => operator(w, { policy: onlySts }),
    },
    [['other-prefix', 'error']],
    /^the session may read s3:\/\/my-ml-bucket\/models\/no-such-namespace\/model-injector-check$/,
  ],
  [
    'a role of the namespace that reads for all its service accounts',
    {
      role: having(
        policyOf(statement('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': 'models/apps/*' } }), readOwn),
      ),
      args: ['--source', `s3://${accountBucket}/models/apps/my-inference-app/`],
    },
    [['other-prefix', 'error']],
    /the session lists s3:\/\/my-ml-bucket\/models\/apps\/no-such-service-account\/$/,
  ],
  [
    'something that was named, and is read',
    {
      role: roles.namespaces,
      args: ['--source', source, '--other', `s3://${accountBucket}/models/apps/llama/weights.bin`],
    },
    [['other-prefix', 'error']],
    /^the session may read s3:\/\/my-ml-bucket\/models\/apps\/llama\/weights\.bin$/,
  ],
  [
    'a path in which no directory is of the namespace',
    { role: roles.shared, args: ['--source', `s3://${accountBucket}/shared/llama/`] },
    [['other-prefix', 'unchecked']],
    /no directory of s3:\/\/my-ml-bucket\/shared\/llama\/ is named apps/,
  ],
  [
    'a neighbour of whom S3 tells nothing',
    {
      role: having(
        policyOf(statement('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': 'models/*' } }), readOwn),
      ),
      keys: (w) => operator(w, { policy: onlySts }),
      arrange: ({ s3 }) => {
        s3.fault({
          match: { operation: 'list', where: ({ prefix }) => prefix === 'models/no-such-namespace/' },
          times: 'always',
          action: { kind: 'status', status: 500, code: 'InternalError' },
        })
      },
    },
    [['other-prefix', 'error']],
    /no-such-namespace\/ could not be tried: HTTP 500/,
  ],
  [
    'a role that lists the root of the bucket',
    {
      role: having(
        policyOf(
          statement('s3:ListBucket', bucketArn, { StringLike: { 's3:prefix': ['', 'models/apps/*'] } }),
          readOwn,
        ),
      ),
    },
    [['whole-bucket', 'warning']],
    /^the session lists all of s3:\/\/my-ml-bucket$/,
  ],
]

function withoutTagSession(trust: IAMPolicy): IAMPolicy {
  return JSON.parse(
    JSON.stringify(trust).replaceAll(/\["sts:AssumeRole","sts:TagSession"\]/g, '"sts:AssumeRole"'),
  ) as IAMPolicy
}

const broken = new Set<string>()

for (const [what, arranged, problems, says] of cases) {
  t.test(`${what} is reported`, async (t) => {
    const { code, stderr, problems: reported, findings } = await run(arranged)
    t.equal(stderr, '')
    t.strictSame(
      reported,
      problems,
      JSON.stringify(
        findings.filter(({ severity }) => severity !== 'ok'),
        null,
        1,
      ),
    )
    t.ok(
      findings.some(({ severity, what: text }) => severity !== 'ok' && says.test(text)),
      JSON.stringify(findings, null, 1),
    )
    const has = (wanted: Severity): boolean => findings.some(({ severity }) => severity === wanted)
    t.equal(code, has('error') ? exitCodes.findings : has('unchecked') ? exitCodes.couldNotLook : exitCodes.good)
    for (const { severity, why, remedy } of findings) {
      t.equal(
        typeof why === 'string' && typeof remedy === 'string' && remedy !== '',
        severity === 'error' || severity === 'warning',
      )
    }
    for (const [id, severity] of reported) if (severity !== 'unchecked') broken.add(id)
  })
}

const fine: readonly (readonly [
  what: string,
  arranged: Case,
  says: readonly (readonly [id: string, text: RegExp])[],
])[] = [
  [
    'a role for one service account',
    {},
    [
      [
        'other-prefix',
        /^refused: s3:\/\/my-ml-bucket\/models\/ml\/, s3:\/\/my-ml-bucket\/models\/no-such-namespace\/$/,
      ],
      ['session-tags', /a pod of apps\/my-inference-app in prod \(the session token is \d\d % full\)$/],
    ],
  ],
  ['a role for all namespaces', { role: roles.namespaces }, [['whole-bucket', /^refused/]]],
  [
    'a role for all service accounts',
    { role: roles.accounts, args: ['--source', `s3://${accountBucket}/models/apps/my-inference-app/`] },
    [['other-prefix', /models\/apps\/no-such-service-account\/$/]],
  ],
  [
    'a path that is not of a namespace, with what must not be read',
    {
      role: roles.shared,
      args: [
        '--source',
        `s3://${accountBucket}/shared/llama/`,
        '--other',
        `s3://${accountBucket}/models/ml/`,
        '--other',
        `s3://${accountBucket}/models/ml/mistral/weights.bin`,
      ],
    },
    [
      [
        'other-prefix',
        /^refused: s3:\/\/my-ml-bucket\/models\/ml\/, s3:\/\/my-ml-bucket\/models\/ml\/mistral\/weights\.bin$/,
      ],
    ],
  ],
  [
    'two sources, one of them an object',
    {
      role: roles.namespaces,
      args: ['--source', source, '--source', `s3://${accountBucket}/models/apps/llama/weights.bin`],
    },
    [
      ['wanted-prefix', /weights\.bin$/],
      ['prefix-filled', /^the object is there$/],
    ],
  ],
  [
    'an operator who may do nothing but become the role',
    { keys: (w) => operator(w, { policy: onlySts }) },
    [['other-prefix', /^refused: s3:\/\/my-ml-bucket\/models\/no-such-namespace\/$/]],
  ],
  [
    'a model whose objects are all empty',
    {
      arrange: async ({ server }) => {
        await server.putObject(accountBucket, 'models/apps/empty/done', '')
      },
      role: roles.namespaces,
      args: ['--source', `s3://${accountBucket}/models/apps/empty/`],
    },
    [['object-read', /^models\/apps\/empty\/done, which is empty$/]],
  ],
  [
    'an empty object before the others',
    {
      arrange: ({ s3 }) => {
        s3.forge(accountBucket, { key: 'models/apps/llama/.done', body: '' })
      },
    },
    [['object-read', /^the first byte of models\/apps\/llama\/config\.json$/]],
  ],
  [
    'a key of the bucket',
    {
      role: roles.withKey,
      arrange: ({ account }) => {
        account.guards.kmsKeys.set(
          accountBucket,
          `arn:aws:kms:eu-west-1:${accountId}:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab`,
        )
      },
    },
    [['object-read', /first byte/]],
  ],
  [
    'a session of a role of IAM Identity Center',
    {
      keys: (w) =>
        sessionOf(w, 'AWSReservedSSO_Admin_0123456789abcdef', 'alice@example.com', {
          principalArn: `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef`,
        }),
      role: roles.forSSO,
    },
    [['node-role', /^a session of the role AWSReservedSSO_Admin/]],
  ],
  [
    'a pod of an association without session tags',
    { keys: (w) => sessionOf(w, 'ci', 'eks-prod-runner-1-0b0e5c1e-3c1f-4a2b-9a55-0123456789ab'), role: roles.forPod },
    [['node-role', /^a pod of EKS Pod Identity, with the role ci$/]],
  ],
  [
    'a service account whose name leaves no room for all tags',
    {
      args: ['--source', source, '--identity', `apps/${'a'.repeat(150)}`],
      role: { ...roles.namespaces, trust: roles.namespaces.trust },
    },
    [['session-tags', /in prod, without the name and uid of a pod, for which there was no room/]],
  ],
  [
    'IRSA, whose sessions have no tags',
    { role: roles.byIRSA, args: ['--source', source, '--credentials', 'irsa'] },
    [['session-tags', /^none, as pods that use IRSA have none$/]],
  ],
]

for (const [what, arranged, says] of fine) {
  t.test(`${what} is fine`, async (t) => {
    const { code, stderr, problems, findings } = await run(arranged)
    t.equal(stderr, '')
    t.strictSame(
      problems,
      [],
      JSON.stringify(
        findings.filter(({ severity }) => severity !== 'ok'),
        null,
        1,
      ),
    )
    t.equal(code, 0)
    for (const [id, text] of says) {
      t.ok(
        findings.some((finding) => finding.id === id && text.test(finding.what)),
        `${id}: ${JSON.stringify(findings)}`,
      )
    }
  })
}

t.test('the session is that of a pod, read-only and short, and nothing is written anywhere', async (t) => {
  await run({})
  const [who, assume, ...others] = world.sts.calls
  t.match([who, others], [{ action: 'GetCallerIdentity' }, []])
  t.match(assume, {
    action: 'AssumeRole',
    durationSeconds: 900,
    sessionName: 'model-injector-check-apps-my-inference-app',
    tags: {
      'eks-cluster-arn': prodClusterArn,
      'eks-cluster-name': 'prod',
      'kubernetes-namespace': 'apps',
      'kubernetes-service-account': 'my-inference-app',
      'kubernetes-pod-name': /./,
      'kubernetes-pod-uid': /^[0-9a-f-]{36}$/,
    },
  })
  t.strictSame(Object.keys(assume?.tags ?? {}).sort(), [...(assume?.transitive ?? [])].sort())
  const { Statement } = assume?.policy as unknown as {
    Statement: readonly { Effect: string; Action: string | readonly string[] }[]
  }
  t.strictSame(
    Statement.flatMap(({ Effect, Action }) => [Effect, Action].flat()),
    ['Allow', 's3:ListBucket', 's3:GetObject', 'Allow', 'kms:Decrypt'],
  )
  t.ok(world.s3.requests.every(({ method }) => method === 'GET'))
  t.ok(world.s3.requests.filter(({ operation }) => operation === 'get').every(({ range }) => range === 'bytes=0-0'))
})

t.test('every check of the table is broken by some case, so that none is never wrong', (t) => {
  const elsewhere = ['role-known', 'cluster-arn', 'wanted-prefix']
  t.strictSame(
    Object.keys(identityChecks)
      .filter((id) => !broken.has(id))
      .sort(),
    elsewhere.sort(),
    'the rest is in cluster.test.ts',
  )
  t.end()
})
