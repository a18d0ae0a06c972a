/** The loopback address of the credentials of s5cmd, which answers to its path and token alone. */
import t, { type Test } from 'tap'
import type { AwsCredentials } from '../../../../src/loader/credentials/aws-credentials.ts'
import { serveCredentials, type CredentialsServer } from '../../../../src/loader/s5cmd/credentials-server.ts'

const keys = { accessKeyId: 'AKIA', secretAccessKey: 'secret/+=' } as const

async function startServer(
  t: Test,
  source: () => Promise<AwsCredentials>,
): Promise<{
  readonly server: CredentialsServer
  readonly url: string
  readonly token: string
  readonly failures: unknown[]
}> {
  const failures: unknown[] = []
  const server = await serveCredentials(source, (error) => failures.push(error))
  t.teardown(() => {
    server.close()
  })
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url = '', AWS_CONTAINER_AUTHORIZATION_TOKEN: token = '' } = server.env
  return { server, url, token, failures }
}

t.test('credentials have the form that the SDK reads, with their end where they have one', async (t) => {
  const session = { ...keys, sessionToken: 'session', expiresAtMs: Date.UTC(2026, 0, 2, 3, 4, 5) }
  for (const [given, expected] of [
    [keys, { AccessKeyId: 'AKIA', SecretAccessKey: 'secret/+=', Token: '' }],
    [
      session,
      { AccessKeyId: 'AKIA', SecretAccessKey: 'secret/+=', Token: 'session', Expiration: '2026-01-02T03:04:05.000Z' },
    ],
  ] as const) {
    const { server, url, token } = await startServer(t, () => Promise.resolve(given))
    t.equal(server.lastGiven(), undefined)
    const response = await fetch(url, { headers: { authorization: token } })
    t.equal(response.status, 200)
    t.strictSame(await response.json(), expected)
    t.equal(server.lastGiven(), given)
  }
})

t.test('another path or another token gets nothing, and the source is not asked', async (t) => {
  let asked = 0
  const { url, token } = await startServer(t, () => {
    asked++
    return Promise.resolve(keys)
  })
  const attempts: readonly (readonly [string, Record<string, string>])[] = [
    [url, {}],
    [url, { authorization: '' }],
    [url, { authorization: `${token}0` }],
    [url, { authorization: token.replace(/^./, 'x') }],
    [new URL('/', url).href, { authorization: token }],
    [`${url}/`, { authorization: token }],
  ]
  for (const [to, headers] of attempts) {
    const response = await fetch(to, { headers })
    t.equal(response.status, 403)
    t.equal(await response.text(), '')
  }
  t.equal(asked, 0)
})

t.test('path and token are new for each server', async (t) => {
  const [one, other] = await Promise.all([1, 2].map(() => startServer(t, () => Promise.resolve(keys))))
  t.not(one?.token, other?.token)
  t.not(new URL(one?.url ?? '').pathname, new URL(other?.url ?? '').pathname)
  t.equal(new URL(one?.url ?? '').hostname, '127.0.0.1')
})

t.test('the failure of the source is what ends the load', async (t) => {
  const failure = new Error('the agent answered 400')
  const { url, token, failures } = await startServer(t, () => Promise.reject(failure))
  t.equal((await fetch(url, { headers: { authorization: token } })).status, 500)
  t.strictSame(failures, [failure])
})

t.test('a server that waits for the source says so', async (t) => {
  const answer = Promise.withResolvers<AwsCredentials>()
  const asked = Promise.withResolvers<undefined>()
  const { server, url, token } = await startServer(t, () => {
    asked.resolve(undefined)
    return answer.promise
  })
  t.notOk(server.isAsking())
  const response = fetch(url, { headers: { authorization: token } })
  await asked.promise
  t.ok(server.isAsking())
  answer.resolve(keys)
  t.equal((await response).status, 200)
  t.notOk(server.isAsking())
})
