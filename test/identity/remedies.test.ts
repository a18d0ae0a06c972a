/** The commands that the report gives do what they are given for: they are run, as they are, and the check is run again. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/diagnosis/finding.ts'
import { runShared } from '../integration/cli/run-shared.ts'
import { splitCommands } from '../integration/docs/commands.ts'
import type { IAMPolicy } from '../kit/aws/aws-account.ts'
import { placeJq } from '../kit/tools/jq.ts'
import {
  accountBucket,
  check,
  prodClusterArn,
  environmentOf,
  giveRole,
  identity,
  operator,
  rendered,
  renderRole,
  resetWorld,
  sessionOf,
  startWorld,
  type Rendered,
} from './identity-world.ts'

t.setTimeout(20 * 60 * 1000)

const world = await startWorld(t.testdir({}))
t.teardown(() => world.stop())
const source = `s3://${accountBucket}/models/apps/llama/`

function argsOf({ arn }: Rendered): readonly string[] {
  return ['--role', arn, '--cluster-arn', prodClusterArn, '--source', source]
}

/** With the real jq, and an `aws` that knows the one role. */
async function runMends(t: Test, role: Rendered, { commands = [] }: Finding): Promise<IAMPolicy> {
  const directory = t.testdir({ 'trust.json': JSON.stringify(role.trust) })
  const bin = join(directory, 'bin')
  await placeJq(bin)
  const name = role.arn.slice(role.arn.lastIndexOf('/') + 1)
  await writeFile(
    join(bin, 'aws'),
    `#!/bin/sh
case "$*" in
  "iam get-role --role-name ${name} --query Role.AssumeRolePolicyDocument --output json") cat trust.json ;;
  "iam update-assume-role-policy --role-name ${name} --policy-document file://trust-policy.json") cp trust-policy.json updated.json ;;
  *) echo "unknown: $*" >&2; exit 2 ;;
esac
`,
  )
  await chmod(join(bin, 'aws'), 0o755)
  for (const command of commands) {
    await promisify(execFile)('sh', ['-euc', command], {
      cwd: directory,
      env: { PATH: `${bin}:${process.env.PATH ?? ''}` },
    })
  }
  return JSON.parse(await readFile(join(directory, 'updated.json'), 'utf8')) as IAMPolicy
}

const askers = {
  'a user': () => operator(world),
  'a session of a role whose path is unknown': () =>
    sessionOf(world, 'AWSReservedSSO_Admin_0123456789abcdef', 'alice', {
      principalArn:
        'arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef',
    }),
} as const

for (const [who, keysOf] of Object.entries(askers)) {
  t.test(
    `the statement for the trust policy lets ${who} become the role, and not with the tags of others`,
    async (t) => {
      resetWorld(world)
      const role = await renderRole(rendered.namespaces, [])
      giveRole(world, role)
      const keys = keysOf()
      const refused = await check(world, keys, argsOf(role))
      t.strictSame(refused.problems, [['role-assumed', 'error']])
      const trust = await runMends(t, role, refused.findings.find(({ id }) => id === 'role-assumed')!)
      giveRole(world, { ...role, trust })
      t.strictSame((await check(world, keys, argsOf(role))).problems, [])
      const other = await check(world, keys, ['--identity', 'ml/my-inference-app', ...argsOf(role)])
      t.strictSame(other.problems, [['role-assumed', 'error']], 'the tags are those of another namespace')
    },
  )
}

t.test('the command for the policy prints one that is right', async (t) => {
  resetWorld(world)
  const role = await renderRole(rendered.role)
  giveRole(world, { ...role, policy: { Version: '2012-10-17', Statement: [] } })
  const { findings } = await check(world, operator(world), argsOf(role))
  const [command = ''] = findings.find(({ id }) => id === 'prefix-listed')?.commands ?? []
  const [[program, ...args] = []] = splitCommands(command)
  t.equal(program, 'model-injector')
  const directory = t.testdir()
  t.equal((await runShared(args)).code, 0)
  const { code, stderr } = await runShared([...args.filter((arg) => arg !== '--commands'), '-o', directory])
  t.equal(code, 0, stderr)
  const policy = JSON.parse(
    await readFile(join(directory, `${role.arn.split('/').at(-1) ?? ''}-policy.json`), 'utf8'),
  ) as IAMPolicy
  giveRole(world, { ...role, policy })
  t.strictSame((await check(world, operator(world), argsOf(role))).problems, [])
})

t.test('output fits into the terminal, except for commands to be copied', async (t) => {
  resetWorld(world)
  const role = await renderRole(rendered.role, [])
  giveRole(world, role)
  const { code, stdout } = await runShared(['check', '--identity', identity, ...argsOf(role)], {
    env: { ...environmentOf(world, operator(world)), COLUMNS: '80' },
  })
  t.equal(code, 1)
  t.match(
    stdout,
    /^apps\/my-inference-app\n {2}role arn:aws:iam::111122223333:role\/prod-apps-my-inference-app-models\n {2}cluster arn:aws:eks:.*\/prod\n\nCaller\n {2}ok {7}caller {15}arn:aws:iam::111122223333:user\/alice\n/,
  )
  t.match(stdout, /\n {2}ERROR {4}role-assumed {9}arn:aws:iam/)
  t.match(
    stdout,
    /\n {17}aws iam get-role --role-name prod-apps-my-inference-app-models .* \| jq '\.Statement \+= \[.*\]' > trust-policy\.json\n/,
  )
  const tooLong = stdout.split('\n').filter((line) => line.length > 80 && !/^ {17}aws /.test(line))
  t.ok(
    tooLong.every((line) => /arn:\S+$/.test(line)),
    tooLong.join('\n'),
  )
})

t.test('a directory that is named in the report cannot write to the terminal', async (t) => {
  resetWorld(world)
  await mkdir(world.home, { recursive: true })
  const role = await renderRole(rendered.role)
  giveRole(world, {
    ...role,
    policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] },
  })
  world.s3.forge(accountBucket, { key: 'models/a\u001b[31mred/x', body: 'x' })
  const { stdout } = await runShared(['check', '--identity', identity, ...argsOf(role)], {
    env: environmentOf(world, operator(world)),
  })
  t.match(stdout, 'red/')
  t.notMatch(stdout, '\u001b')
})
