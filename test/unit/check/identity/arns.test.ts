/** Facts in ARNs and in the names of contexts. */
import t from 'tap'
import { callerOf, clusterOfContext, parseClusterArn, parseRoleArn } from '../../../../src/check/identity/arns.ts'

const uuid = '0b0e5c1e-3c1f-4a2b-9a55-0123456789ab'

const callers: readonly (readonly [arn: string, caller: object])[] = [
  ['arn:aws:iam::111122223333:root', { kind: 'root' }],
  ['arn:aws:iam::111122223333:user/team/alice', { kind: 'user', name: 'alice' }],
  ['arn:aws-cn:sts::111122223333:assumed-role/admin/alice', { kind: 'role', name: 'admin', session: 'alice' }],
  [
    'arn:aws:sts::111122223333:assumed-role/nodes/i-0123456789abcdef0',
    { kind: 'node', name: 'nodes', session: 'i-0123456789abcdef0' },
  ],
  ['arn:aws:sts::111122223333:assumed-role/nodes/i-01234567', { kind: 'node', name: 'nodes', session: 'i-01234567' }],
  ['arn:aws:sts::111122223333:assumed-role/ci/i-am-ci', { kind: 'role', name: 'ci', session: 'i-am-ci' }],
  [
    `arn:aws:sts::111122223333:assumed-role/reader/eks-prod-my-app-7d4b9-${uuid}`,
    { kind: 'pod', name: 'reader', session: `eks-prod-my-app-7d4b9-${uuid}` },
  ],
  ['arn:aws:sts::111122223333:federated-user/bob', { kind: 'other' }],
]

for (const [arn, caller] of callers) {
  t.test(`${arn} is known for what it is`, (t) => {
    t.strictSame(callerOf(arn), caller)
    t.end()
  })
}

t.test('the ARN of a role is read with its path; other ARNs are refused', (t) => {
  t.strictSame(parseRoleArn('arn:aws:iam::111122223333:role/team/reader'), {
    ok: true,
    value: {
      arn: 'arn:aws:iam::111122223333:role/team/reader',
      partition: 'aws',
      accountId: '111122223333',
      name: 'reader',
    },
  })
  for (const text of [
    'reader',
    'arn:aws:iam::1:role/reader',
    'arn:aws:iam::111122223333:user/reader',
    'arn:aws:sts::111122223333:assumed-role/reader/x',
    'arn:aws:iam::111122223333:role/a b',
  ]) {
    t.notOk(parseRoleArn(text).ok, text)
  }
  t.end()
})

t.test('the ARN of a cluster is read; other ARNs are refused', (t) => {
  t.match(parseClusterArn('arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/prod'), {
    ok: true,
    value: { region: 'us-gov-west-1', accountId: '111122223333', name: 'prod' },
  })
  for (const text of [
    'prod',
    'arn:aws:eks:eu-west-1:111122223333:nodegroup/prod/x/y',
    'arn:aws:ecs:eu-west-1:111122223333:cluster/prod',
  ]) {
    t.notOk(parseClusterArn(text).ok, text)
  }
  t.end()
})

t.test('a context says which cluster it is where aws or eksctl named it', (t) => {
  t.match(clusterOfContext('arn:aws:eks:eu-west-1:111122223333:cluster/prod'), {
    name: 'prod',
    region: 'eu-west-1',
    accountId: '111122223333',
  })
  t.strictSame(clusterOfContext('alice@prod.eu-west-1.eksctl.io'), { name: 'prod', region: 'eu-west-1' })
  t.strictSame(clusterOfContext('kind-kind'), {})
  t.end()
})
