/** The caller: every way in which the credentials of a shell, or of CI, can be missing or wrong, and that none of them is shown. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
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
  type Run,
} from './identity-world.ts'
import type { Keys } from '../kit/aws/aws-account.ts'

t.setTimeout(20 * 60 * 1000)

const world = await startWorld(t.testdir({}))
t.teardown(() => world.stop())
const role = await renderRole(rendered.role)

interface Shell {
  readonly keys?: () => Keys | undefined
  /** ~/.aws/config */
  readonly profile?: string
  readonly env?: Readonly<Record<string, string>>
}

async function askFrom(t: Test, { keys, profile, env }: Shell): Promise<Run> {
  resetWorld(world)
  giveRole(world, role)
  const home = t.testdir()
  await mkdir(join(home, '.aws'))
  if (profile !== undefined) await writeFile(join(home, '.aws', 'config'), profile)
  return check(
    world,
    keys?.(),
    ['--role', role.arn, '--cluster-arn', prodClusterArn, '--source', `s3://${accountBucket}/models/apps/llama/`],
    { HOME: home, ...env },
  )
}

const sso =
  '[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Admin\nregion = eu-west-1\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n'

const cases: readonly (readonly [what: string, shell: Shell, says: RegExp, remedy: RegExp, command?: string])[] = [
  ['no credentials', {}, /^no credentials are found/, /aws sso login/, 'aws sts get-caller-identity'],
  ['SSO without a login', { profile: sso }, /SSO/, /^log in again$/, 'aws sso login'],
  [
    'a profile that wants a code',
    {
      profile:
        '[default]\nrole_arn = arn:aws:iam::111122223333:role/admin\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/alice\n[profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = hush-hush\n',
    },
    /multi-factor authentication/,
    /code/,
    'eval "$(aws configure export-credentials --format env)"',
  ],
  [
    'a program for credentials that fails',
    { profile: '[default]\ncredential_process = sh -c "echo hush-hush >&2; exit 3" --password hush-hush\n' },
    /^no credentials are found/,
    /what fails on the way/,
    'aws sts get-caller-identity',
  ],
  [
    'an agent of EKS Pod Identity that gives none',
    {
      env: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/v1/credentials',
        AWS_CONTAINER_AUTHORIZATION_TOKEN: 'hush-hush',
      },
    },
    /^the agent that AWS_CONTAINER_CREDENTIALS_FULL_URI names gave no credentials/,
    /list-pod-identity-associations/,
  ],
  [
    'credentials that have expired',
    { keys: () => sessionOf(world, 'admin', 'alice', { expiresAt: new Date(Date.now() - 1000) }) },
    /^HTTP 403: ExpiredToken: /,
    /have expired/,
  ],
  [
    'a key that was deleted',
    { keys: () => ({ accessKeyId: 'AKIADELETED000000000', secretAccessKey: 'hush-hush', sessionToken: '' }) },
    /^HTTP 403: InvalidClientTokenId: /,
    /deleted or is inactive/,
  ],
  [
    'a secret key of something else',
    { keys: () => ({ ...operator(world), secretAccessKey: 'hush-hush' }) },
    /^HTTP 403: SignatureDoesNotMatch: /,
    /is not that of the access key/,
  ],
  [
    'an STS that is not reached',
    { keys: () => operator(world), env: { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9' } },
    /^no answer: .*ECONNREFUSED/,
    /HTTPS_PROXY/,
  ],
]

for (const [what, shell, says, remedy, command] of cases) {
  t.test(`${what}: the one error says what to do`, async (t) => {
    const { code, stdout, stderr, problems, findings } = await askFrom(t, shell)
    t.equal(code, 1)
    t.equal(stderr, '')
    t.strictSame(problems, [['caller', 'error']], stdout)
    const [finding] = findings.filter(({ id }) => id === 'caller')
    t.match(finding?.what, says)
    t.match(finding?.remedy, remedy)
    t.strictSame(finding?.commands, command === undefined ? undefined : [command])
    t.notMatch(stdout, 'hush-hush')
    t.strictSame(world.s3.requests, [], 'nothing is asked of S3')
  })
}
