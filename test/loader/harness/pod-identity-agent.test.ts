import { once } from 'node:events'
import { createServer } from 'node:net'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import {
  agentFailures,
  makeServiceAccountToken,
  startPodIdentityAgent,
  type PodIdentityAgentOptions,
} from '../../kit/aws/pod-identity-agent.ts'
import { startImds } from '../../kit/aws/imds.ts'
import { inNetworkNamespace } from '../../kit/tools/network-namespace.ts'
import { startFaultProxy, type CredentialsTable } from '../../kit/s3/s3-fault-proxy.ts'
import { startS3Server } from '../../kit/s3/s3-server.ts'

// The first run on a machine builds the server from source.
t.setTimeout(15 * 60 * 1000)

interface Credentials {
  readonly AccessKeyId: string
  readonly SecretAccessKey: string
  readonly Token: string
  readonly Expiration: string
}

const pod = {
  namespace: 'ml',
  serviceAccount: 'reader',
  podName: 'app-1',
  podUid: '00000000-0000-4000-8000-000000000001',
  expiresInSeconds: 3600,
}
const token = makeServiceAccountToken(pod)

t.test('an agent', async (t) => {
  const start = async (options: Partial<PodIdentityAgentOptions> = {}) => {
    const credentials: CredentialsTable = new Map()
    const agent = await startPodIdentityAgent({ credentials, ...options })
    t.teardown(() => agent.stop())
    agent.associate(pod)
    return {
      agent,
      credentials,
      ask: (authorization = token, method = 'GET') => fetch(agent.uri, { method, headers: { authorization } }),
    }
  }

  await t.test('answers one line of JSON in the order of the real one, to any method', async (t) => {
    const { ask, credentials, agent } = await start()
    for (const method of ['GET', 'POST']) {
      const response = await ask(token, method)
      t.equal(response.headers.get('content-type'), 'application/json')
      const body = await response.text()
      t.notMatch(body, '\n')
      const answer = JSON.parse(body) as Credentials
      t.strictSame(Object.keys(answer), ['AccessKeyId', 'SecretAccessKey', 'Token', 'AccountId', 'Expiration'])
      t.match(answer.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
      for (const text of [answer.SecretAccessKey, answer.Token]) t.match(text, /\/.*\+.*=|\+.*\/.*=/)
      t.match(credentials.get(answer.AccessKeyId), {
        secretAccessKey: answer.SecretAccessKey,
        sessionToken: answer.Token,
      })
    }
    t.strictSame(
      agent.calls.map(({ method, path, status }) => [method, path, status]),
      [
        ['GET', '/v1/credentials', 200],
        ['POST', '/v1/credentials', 200],
      ],
    )
  })

  await t.test(
    'hands out the same credentials for the same token, unless configured otherwise or they end soon',
    async (t) => {
      const keyOf = async (response: Promise<Response>): Promise<string> =>
        ((await (await response).json()) as Credentials).AccessKeyId
      const cached = await start()
      t.equal(await keyOf(cached.ask()), await keyOf(cached.ask()))
      t.not(await keyOf(cached.ask()), await keyOf(cached.ask(makeServiceAccountToken(pod))))
      const fresh = await start({ caching: false })
      t.not(await keyOf(fresh.ask()), await keyOf(fresh.ask()))
      const short = await start({ ttlSeconds: 10 })
      t.not(await keyOf(short.ask()), await keyOf(short.ask()))
    },
  )

  await t.test('refuses what the real one refuses, in plain text', async (t) => {
    const { agent, ask } = await start()
    const cases = [
      ['', 400, /^Service account token cannot be empty\n$/],
      ['Bearer x', 400, /^Service account token cannot be parsed: .*segments\n$/],
      [makeServiceAccountToken({ ...pod, expiresInSeconds: -5 }), 400, /token is expired\n$/],
      [
        makeServiceAccountToken({ ...pod, audience: 'sts.amazonaws.com' }),
        400,
        /\(InvalidTokenException\): .*, fault: client\n$/,
      ],
      [
        makeServiceAccountToken({ ...pod, serviceAccount: 'other' }),
        404,
        /^\[[0-9a-f-]{36}\]: \(ResourceNotFoundException\): /,
      ],
    ] as const
    for (const [authorization, status, text] of cases) {
      const response = await ask(authorization)
      t.equal(response.status, status)
      t.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
      t.match(await response.text(), text)
    }
    t.equal((await fetch(agent.uri.replace('/v1/credentials', '/'))).status, 404)
  })

  await t.test('with the real rule for hosts refuses loopback', async (t) => {
    const { ask } = await start({ hosts: ['169.254.170.23', 'fd00:ec2::23'] })
    const response = await ask()
    t.equal(response.status, 403)
    t.match(
      await response.text(),
      /^Access Denied. Called agent through invalid address, please use either \[169.254.170.23 fd00:ec2::23\] address not 127.0.0.1\n$/,
    )
  })

  await t.test('fails as often as configured', async (t) => {
    const { agent, ask } = await start()
    for (const failure of agentFailures) agent.fail(failure)
    agent.fail('throttled', 2)
    const statuses: number[] = []
    for (let count = 0; count < 9; count++) statuses.push((await ask()).status)
    t.strictSame(statuses, [404, 429, 500, 503, 400, 400, 429, 429, 200])
  })

  await t.test('refuses connections until it is opened, on the same port', async (t) => {
    const { agent, ask } = await start()
    await agent.refuseConnections()
    await t.rejects(ask(), { cause: { code: 'ECONNREFUSED' } })
    await agent.acceptConnections()
    t.equal((await ask()).status, 200)
  })

  await t.test('can be slow', async (t) => {
    const { agent, ask } = await start()
    agent.delayMilliseconds = 100
    const began = performance.now()
    await ask()
    t.ok(performance.now() - began >= 95)
  })
})

t.test("the agent's credentials work at the proxy until they expire, and only for their prefixes", async (t) => {
  const server = await startS3Server(t.testdir(), { tls: false })
  t.teardown(() => server.stop())
  await server.putObject('models', 'llama/a', 'x')
  const credentials: CredentialsTable = new Map()
  const proxy = await startFaultProxy(server, { tls: false, credentials })
  const agent = await startPodIdentityAgent({ credentials })
  t.teardown(async () => {
    await Promise.all([proxy.stop(), agent.stop()])
  })
  agent.associate({ ...pod, allowedPrefixes: ['models/llama/'] })
  const { AccessKeyId, SecretAccessKey, Token } = (await (
    await fetch(agent.uri, { headers: { authorization: token } })
  ).json()) as Credentials
  const client = new S3Client({
    endpoint: proxy.endpoint,
    region: proxy.region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token },
  })
  const get = (Key: string) => client.send(new GetObjectCommand({ Bucket: 'models', Key }))
  await t.resolves(get('llama/a'))
  await t.rejects(get('other/a'), { name: 'AccessDenied' })
  credentials.set(AccessKeyId, {
    ...credentials.get(AccessKeyId),
    secretAccessKey: SecretAccessKey,
    expiresAt: new Date(Date.now() - 1),
  })
  await t.rejects(get('llama/a'), { name: 'ExpiredToken' })
})

t.test('the metadata service gives the role of the node to who has a token, and records who asks', async (t) => {
  const credentials: CredentialsTable = new Map()
  const imds = await startImds({ credentials })
  t.teardown(() => imds.stop())
  const rolePath = '/latest/meta-data/iam/security-credentials/'
  t.equal((await fetch(imds.endpoint + rolePath)).status, 401)
  const metadataToken = await (
    await fetch(`${imds.endpoint}/latest/api/token`, {
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    })
  ).text()
  const get = (path: string) => fetch(imds.endpoint + path, { headers: { 'x-aws-ec2-metadata-token': metadataToken } })
  const role = await (await get(rolePath)).text()
  const { AccessKeyId } = (await (await get(rolePath + role)).json()) as Credentials
  t.equal(AccessKeyId, imds.accessKeyId)
  t.ok(credentials.has(AccessKeyId))
  t.equal(imds.calls.length, 4)
})

t.test('a command in a network namespace', async (t) => {
  const listen = (address: string): string =>
    `require('net').createServer().listen(80, '${address}', function () { console.log('listening'); this.close() })`

  await t.test('has the addresses of agent and metadata service', async (t) => {
    for (const address of ['169.254.170.23', '169.254.169.254', '127.0.0.1']) {
      t.strictSame(
        await inNetworkNamespace(process.execPath, ['-e', listen(address)]),
        { code: 0, signal: null, stdout: 'listening\n', stderr: '' },
        address,
      )
    }
  })

  await t.test('reaches nothing outside', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    t.teardown(() => {
      server.close()
    })
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { stdout } = await inNetworkNamespace(process.execPath, [
      '-e',
      `require('net').connect(${port}, '127.0.0.1').on('error', (error) => console.log(error.code))`,
    ])
    t.equal(stdout, 'ECONNREFUSED\n')
  })

  await t.test('tells its exit code and gets its environment and its arguments as they are', async (t) => {
    const ended = await inNetworkNamespace('sh', ['-c', 'printf "%s %s" "$GIVEN" "$1"; exit 7', 'sh', '$(x) "y"'], {
      ...process.env,
      GIVEN: 'a b',
    })
    t.match(ended, { code: 7, stdout: 'a b $(x) "y"' })
  })
})
