/** Permissions of the roles, as an IAM simulator and an IAM linter see it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import t from 'tap'
import { runPythonTool } from '../kit/tools/python-tools.ts'
import { renderedVariants } from './renderings.ts'

t.setTimeout(20 * 60 * 1000)

type Policy = Readonly<Record<string, unknown>>

interface Role {
  readonly policy: Policy
  readonly trust: Policy
}

const clusterArn = 'arn:aws:eks:eu-west-1:111122223333:cluster/prod'
const accountId = '111122223333'

async function roleOf(variant: string, name: string): Promise<Role> {
  const files = (await renderedVariants()).find((candidate) => candidate.name === variant)?.files ?? {}
  return {
    policy: JSON.parse(files[`${name}-policy.json`] ?? '') as Policy,
    trust: JSON.parse(files[`${name}-trust-policy.json`] ?? '') as Policy,
  }
}

interface Session {
  readonly namespace: string
  readonly serviceAccount: string
  readonly cluster?: string
}

function tagsOf(
  { namespace, serviceAccount, cluster = clusterArn }: Session,
  key: 'PrincipalTag' | 'RequestTag',
): Record<string, string> {
  return {
    [`aws:${key}/kubernetes-namespace`]: namespace,
    [`aws:${key}/kubernetes-service-account`]: serviceAccount,
    [`aws:${key}/eks-cluster-arn`]: cluster,
  }
}

/** The policy that every key has from the start: policies of the account decide. */
const keyPolicy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: 'kms:*', Resource: '*' },
  ],
}

async function allows(
  policy: Policy,
  action: string,
  resource: string,
  contextVariables: Record<string, string | string[]>,
): Promise<boolean> {
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'role', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(action.startsWith('kms:') ? { resourcePolicy: keyPolicy } : {}),
      request: {
        action,
        principal: `arn:aws:sts::${accountId}:assumed-role/role/session`,
        resource: { resource, accountId },
        contextVariables,
      },
    },
    {},
  )
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors))
  return response.overallResult === 'Allowed'
}

function mayList(role: Role, session: Session, bucket: string, prefix: string | undefined): Promise<boolean> {
  return allows(role.policy, 's3:ListBucket', `arn:aws:s3:::${bucket}`, {
    ...tagsOf(session, 'PrincipalTag'),
    ...(prefix === undefined ? {} : { 's3:prefix': prefix }),
  })
}

function mayRead(role: Role, session: Session, bucket: string, key: string): Promise<boolean> {
  return allows(role.policy, 's3:GetObject', `arn:aws:s3:::${bucket}/${key}`, tagsOf(session, 'PrincipalTag'))
}

/** A trust policy is the policy of the role as a resource. */
async function mayBecome(
  role: Role,
  session: Session,
  { sourceArn = clusterArn, action = 'sts:AssumeRole' } = {},
): Promise<boolean> {
  const response = await runSimulation(
    {
      identityPolicies: [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: role.trust,
      request: {
        action,
        principal: 'pods.eks.amazonaws.com',
        resource: { resource: `arn:aws:iam::${accountId}:role/role`, accountId },
        contextVariables: {
          ...tagsOf(session, 'RequestTag'),
          'aws:SourceAccount': accountId,
          'aws:SourceArn': sourceArn,
        },
      },
    },
    {},
  )
  if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors))
  return response.overallResult === 'Allowed'
}

const app = { namespace: 'apps', serviceAccount: 'my-inference-app' }

t.test('the role of one service account reads its model, and no sibling of it', async (t) => {
  const role = await roleOf('s3 for one service account', 'prod-apps-my-inference-app-models')
  const [bucket, model] = ['my-ml-bucket', 'model-artifacts/my-model-1.2.3/']
  t.ok(await mayList(role, app, bucket, model))
  t.ok(await mayList(role, app, bucket, `${model}shards/`))
  t.ok(await mayRead(role, app, bucket, `${model}config.json`))
  t.notOk(await mayList(role, app, bucket, undefined), 'the whole bucket')
  t.notOk(await mayList(role, app, bucket, ''), 'the whole bucket by an empty prefix')
  t.notOk(await mayList(role, app, bucket, 'model-artifacts/'), 'the directory above')
  t.notOk(
    await mayList(role, app, bucket, 'model-artifacts/my-model-1.2.3'),
    'without the slash, which takes in my-model-1.2.3-secret',
  )
  t.notOk(await mayList(role, app, bucket, 'model-artifacts/my-model-1.2.3-secret/'))
  t.notOk(await mayRead(role, app, bucket, 'model-artifacts/my-model-1.2.3-secret/config.json'))
  t.notOk(await mayRead(role, app, 'another-bucket', `${model}config.json`))
  t.notOk(
    await allows(
      role.policy,
      's3:PutObject',
      `arn:aws:s3:::${bucket}/${model}config.json`,
      tagsOf(app, 'PrincipalTag'),
    ),
  )
})

t.test('the same role is worth nothing to another namespace, service account or cluster', async (t) => {
  const role = await roleOf('s3 for one service account', 'prod-apps-my-inference-app-models')
  const others = [
    { ...app, namespace: 'ml' },
    { ...app, serviceAccount: 'other' },
    { ...app, cluster: clusterArn.replace('prod', 'test') },
  ]
  for (const session of others) {
    t.notOk(await mayList(role, session, 'my-ml-bucket', 'model-artifacts/my-model-1.2.3/'), JSON.stringify(session))
    t.notOk(
      await mayRead(role, session, 'my-ml-bucket', 'model-artifacts/my-model-1.2.3/config.json'),
      JSON.stringify(session),
    )
  }
  t.notOk(
    await allows(
      role.policy,
      's3:GetObject',
      'arn:aws:s3:::my-ml-bucket/model-artifacts/my-model-1.2.3/config.json',
      {},
    ),
    'a session without tags',
  )
})

t.test('only the named pods of the named cluster become the role', async (t) => {
  const role = await roleOf('s3 for one service account', 'prod-apps-my-inference-app-models')
  t.ok(await mayBecome(role, app))
  t.ok(await mayBecome(role, app, { action: 'sts:TagSession' }))
  t.notOk(await mayBecome(role, { ...app, namespace: 'ml' }))
  t.notOk(await mayBecome(role, { ...app, serviceAccount: 'other' }))
  t.notOk(await mayBecome(role, app, { sourceArn: clusterArn.replace('prod', 'test') }))
})

t.test('a checker of a role assumes it with the tags of its pods, and with no others', async (t) => {
  const { trust } = await roleOf('s3 that is checked', 'prod-apps-my-inference-app-models')
  const reserved = `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef`
  const may = async (principal: string, principalArn: string, session: Session, action: string): Promise<boolean> => {
    const response = await runSimulation(
      {
        identityPolicies: [
          {
            name: 'own',
            policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:*', Resource: '*' }] },
          },
        ],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: trust,
        request: {
          action,
          principal,
          resource: { resource: `arn:aws:iam::${accountId}:role/role`, accountId },
          contextVariables: { ...tagsOf(session, 'RequestTag'), 'aws:PrincipalArn': principalArn },
        },
      },
      {},
    )
    if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors))
    return response.overallResult === 'Allowed'
  }
  const user = (name: string): readonly [string, string] => [
    `arn:aws:iam::${accountId}:user/${name}`,
    `arn:aws:iam::${accountId}:user/${name}`,
  ]
  const bob = [
    `arn:aws:sts::${accountId}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/bob@example.com`,
    reserved,
  ] as const
  for (const action of ['sts:AssumeRole', 'sts:TagSession']) {
    for (const checker of [user('alice'), bob]) {
      t.ok(await may(...checker, app, action), `${checker[0]} ${action}`)
      t.notOk(await may(...checker, { ...app, namespace: 'ml' }, action), `${checker[0]} for another namespace`)
      t.notOk(
        await may(...checker, { ...app, cluster: clusterArn.replace('prod', 'test') }, action),
        `${checker[0]} for another cluster`,
      )
    }
    t.notOk(await may(...user('mallory'), app, action), 'somebody else')
    t.notOk(
      await may(bob[0].replace('SSO_Admin', 'SSO_Other'), reserved.replace('SSO_Admin', 'SSO_Other'), app, action),
      'a session of another role',
    )
  }
})

t.test('one role for all namespaces lets each read only the directory of its name', async (t) => {
  const role = await roleOf('s3 for namespaces', 'prod-reader-models')
  const [apps, ml] = [
    { namespace: 'apps', serviceAccount: 'reader' },
    { namespace: 'ml', serviceAccount: 'reader' },
  ]
  for (const [own, other] of [
    [apps, ml],
    [ml, apps],
  ] as const) {
    t.ok(await mayList(role, own, 'my-ml-bucket', `models/${own.namespace}/`))
    t.ok(await mayRead(role, own, 'my-ml-bucket', `models/${own.namespace}/llama/config.json`))
    t.notOk(await mayList(role, own, 'my-ml-bucket', `models/${other.namespace}/`))
    t.notOk(await mayRead(role, own, 'my-ml-bucket', `models/${other.namespace}/llama/config.json`))
    t.notOk(await mayList(role, own, 'my-ml-bucket', 'models/'))
  }
  t.notOk(
    await mayRead(role, { ...apps, namespace: 'app' }, 'my-ml-bucket', 'models/apps/x'),
    'whose name is the beginning of another',
  )
  t.notOk(
    await mayRead(role, { ...apps, cluster: clusterArn.replace('prod', 'test') }, 'my-ml-bucket', 'models/apps/x'),
    'the namespace of that name in another cluster',
  )
  t.notOk(
    await allows(role.policy, 's3:GetObject', 'arn:aws:s3:::my-ml-bucket/models//x', {
      'aws:PrincipalTag/eks-cluster-arn': clusterArn,
    }),
    'without the tag the variable matches nothing',
  )
})

t.test(
  'one role for all service accounts lets each read only the directory of its name in that of its namespace',
  async (t) => {
    const role = await roleOf('s3 for service accounts', 'prod-a-models')
    const [a, b] = [
      { namespace: 'apps', serviceAccount: 'a' },
      { namespace: 'apps', serviceAccount: 'b' },
    ]
    t.ok(await mayRead(role, a, 'my-ml-bucket', 'models/apps/a/x'))
    t.ok(await mayList(role, b, 'my-ml-bucket', 'models/apps/b/'))
    t.notOk(await mayRead(role, a, 'my-ml-bucket', 'models/apps/b/x'))
    t.notOk(await mayRead(role, a, 'my-ml-bucket', 'models/ml/a/x'))
    t.notOk(await mayList(role, a, 'my-ml-bucket', 'models/apps/'))
  },
)

t.test('a dollar sign in a key is no variable', async (t) => {
  const role = await roleOf('s3 for one object with odd names', 'prod-apps-my-inference-app-models')
  t.ok(await mayRead(role, app, 'my-ml-bucket', 'weights ${aws:username}/$a.gguf'))
  t.ok(
    await mayList(role, app, 'my-ml-bucket', 'weights ${aws:username}/$a.gguf/'),
    'to tell that a slash was forgotten',
  )
  const named = { ...tagsOf(app, 'PrincipalTag'), 'aws:username': 'mallory' }
  t.notOk(await allows(role.policy, 's3:GetObject', 'arn:aws:s3:::my-ml-bucket/weights mallory/$a.gguf', named))
})

t.test('a key is decrypted for S3 alone', async (t) => {
  const role = await roleOf('s3 with keys', 'prod-apps-my-inference-app-models')
  const key = 'arn:aws:kms:eu-west-1:111122223333:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab'
  t.ok(
    await allows(role.policy, 'kms:Decrypt', key, {
      ...tagsOf(app, 'PrincipalTag'),
      'kms:ViaService': 's3.eu-west-1.amazonaws.com',
    }),
  )
  t.notOk(await allows(role.policy, 'kms:Decrypt', key, tagsOf(app, 'PrincipalTag')))
  t.notOk(
    await allows(role.policy, 'kms:Decrypt', key, {
      ...tagsOf(app, 'PrincipalTag'),
      'kms:ViaService': 'ec2.eu-west-1.amazonaws.com',
    }),
  )
})

t.test('with IRSA the subject decides, and there are no tags to compare', async (t) => {
  const role = await roleOf('s3 by IRSA', 'prod-apps-my-inference-app-models')
  const provider = 'oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF'
  t.ok(await allows(role.policy, 's3:GetObject', 'arn:aws:s3:::my-ml-bucket/llama/x', {}))
  t.strictSame(role.trust.Statement, [
    {
      Sid: 'WebIdentity',
      Effect: 'Allow',
      Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${provider}` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          [`${provider}:sub`]: 'system:serviceaccount:apps:my-inference-app',
          [`${provider}:aud`]: 'sts.amazonaws.com',
        },
      },
    },
  ])
})

t.test('Trident manages volumes of its file system, and neither removes one nor reads another secret', async (t) => {
  const { policy } = await roleOf('fsx, all of it', 'prod-trident-trident-controller')
  const volume = (fileSystem: string): string =>
    `arn:aws:fsx:eu-west-1:111122223333:volume/${fileSystem}/fsvol-0123456789abcdef0`
  t.ok(await allows(policy, 'fsx:UpdateVolume', volume('fs-0123456789abcdef0'), {}))
  t.notOk(await allows(policy, 'fsx:UpdateVolume', volume('fs-99999999999999999'), {}))
  t.notOk(await allows(policy, 'fsx:DeleteVolume', volume('fs-0123456789abcdef0'), {}))
  t.ok(
    await allows(
      policy,
      'secretsmanager:GetSecretValue',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm-AbCdEf',
      {},
    ),
  )
  t.notOk(
    await allows(
      policy,
      'secretsmanager:GetSecretValue',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf',
      {},
    ),
  )
})

t.test('the policy of a bucket lets its readers in, and no request without TLS', async (t) => {
  const files = (await renderedVariants()).find(({ name }) => name === 'mountpoint')?.files ?? {}
  const resourcePolicy = JSON.parse(files['my-ml-bucket-bucket-policy.json'] ?? '') as Policy
  const read = async (principal: string, key: string, tls: 'true' | 'false'): Promise<string> => {
    const response = await runSimulation(
      {
        identityPolicies: [],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy,
        request: {
          action: 's3:GetObject',
          principal,
          resource: { resource: `arn:aws:s3:::my-ml-bucket/${key}`, accountId },
          contextVariables: { 'aws:SecureTransport': tls },
        },
      },
      {},
    )
    if (response.resultType === 'error') throw new Error(JSON.stringify(response.errors))
    return response.overallResult
  }
  const reader = `arn:aws:sts::${accountId}:assumed-role/prod-my-inference-app-models/session`
  t.equal(await read(reader, 'llama/1.2.3/x', 'true'), 'Allowed')
  t.equal(await read(reader, 'llama/1.2.3/x', 'false'), 'ExplicitlyDenied')
  t.equal(await read(reader, 'llama/1.2.30/x', 'true'), 'ImplicitlyDenied')
  t.equal(await read(reader.replace('my-inference-app', 'other'), 'llama/1.2.3/x', 'true'), 'ImplicitlyDenied')
})

/** Findings of the linter about deliberate choices, each with its reason. */
const meant = [
  // Describe actions of FSx know no resources, and ECR's login is for a whole registry.
  /RESOURCE_STAR/,
]

/** The linter knows variables, but none with a dash or a dollar sign in its name, and no braces outside of them. */
function simplifyVariables(policy: string): string {
  return policy
    .replace(/\$\{aws:PrincipalTag\/[\w-]+\}/g, '${aws:username}')
    .replaceAll('${$}{aws:username}', 'x')
    .replaceAll('${$}', 'x')
}

t.test('no policy has anything that an IAM linter remarks', async (t) => {
  const policies = (await renderedVariants()).flatMap(({ name, files }) =>
    Object.entries(files)
      .filter(
        ([file]) =>
          file.endsWith('-policy.json') && !file.endsWith('trust-policy.json') && !file.endsWith('bucket-policy.json'),
      )
      .map(([file, text]) => ({ name, file, text })),
  )
  t.ok(policies.length >= 10, String(policies.length))
  const directory = t.testdir()
  for (const [i, { text }] of policies.entries()) await writeFile(join(directory, `${i}.json`), simplifyVariables(text))
  const { output } = await runPythonTool('parliament', ['--directory', directory, '--include_policy_extension', 'json'])
  t.strictSame(
    output.split('\n').filter((line) => line !== '' && !meant.some((pattern) => pattern.test(line))),
    [],
  )
})

t.test(
  'the linter would notice an action that does not exist, and a condition that the action does not know',
  async (t) => {
    const { policy } = await roleOf('s3 for one service account', 'prod-apps-my-inference-app-models')
    const directory = t.testdir()
    await writeFile(
      join(directory, 'broken.json'),
      JSON.stringify(policy).replace('s3:GetObject', 's3:GetObjekt').replace('"s3:prefix"', '"s3:prefixes"'),
    )
    const { output } = await runPythonTool('parliament', [
      '--directory',
      directory,
      '--include_policy_extension',
      'json',
    ])
    t.match(output, 'GetObjekt')
    t.match(output, 's3:prefixes')
  },
)
