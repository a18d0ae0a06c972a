import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stsRegionOf } from '../../../src/loader/credentials/sts-region.ts'
import { webIdentityCredentials } from '../../../src/loader/credentials/web-identity.ts'
import { startConnectProxy } from '../../kit/s3/connect-proxy.ts'
import { loadTask } from '../../kit/s3/load-task.ts'

const role = 'arn:aws:iam::111122223333:role/models'
const live = new AbortController().signal

async function ask(t: Test, variables: Readonly<Record<string, string>>, lines: string[] = []): Promise<unknown> {
  const file = join(t.testdir(), 'token')
  await writeFile(file, 'a.b.c\n')
  // Half of the time goes to STS.
  const task = loadTask({ MODEL_CREDENTIALS: 'irsa', MODEL_TIMEOUT_SECONDS: '2', ...variables })
  const env = { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: file }
  return webIdentityCredentials(task, env, live, (line) => lines.push(line))()
}

function setVariable(t: Test, name: string, value: string): void {
  process.env[name] = value
  t.teardown(() => {
    Reflect.deleteProperty(process.env, name)
  })
}

t.test('the STS of the region of the cluster is asked', (t) => {
  const regionOf = (clusterRegion?: string, region?: string, endpoint?: string, arn = role): string =>
    stsRegionOf({ clusterRegion, region, endpoint }, arn, 'a.b.c')
  t.equal(regionOf('eu-central-1', 'us-west-2'), 'eu-central-1', "not that of the bucket's region")
  t.equal(regionOf('eu-central-1', 'auto', 'https://s3.example.com'), 'eu-central-1')
  t.equal(regionOf(undefined, 'us-west-2'), 'us-west-2', 'where no other is known')
  t.equal(regionOf(undefined, 'us-gov-east-1', undefined, 'arn:aws-us-gov:iam::1:role/x'), 'us-gov-east-1')
  for (const name of ['auto', 'garage', 'eu-west-1']) {
    t.equal(regionOf(undefined, name, 'https://s3.example.com'), 'us-east-1', `${name} is a region of the endpoint`)
  }
  t.equal(regionOf('auto', 'auto'), 'us-east-1', 'no such host as sts.auto.amazonaws.com')
  t.equal(regionOf(undefined, undefined, undefined, 'arn:aws-cn:iam::1:role/x'), 'cn-north-1')
  t.equal(regionOf(undefined, undefined, undefined, 'arn:aws-us-gov:iam::1:role/x'), 'us-gov-west-1')
  t.end()
})

t.test('the issuer of the token names the region of the cluster where nothing else does', (t) => {
  const tokenOf = (iss: unknown): string => `a.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.c`
  const regionOf = (iss: unknown, clusterRegion?: string): string =>
    stsRegionOf({ clusterRegion, region: 'us-west-2', endpoint: undefined }, role, tokenOf(iss))
  t.equal(regionOf('https://oidc.eks.eu-north-1.amazonaws.com/id/0123'), 'eu-north-1')
  t.equal(regionOf('https://oidc-eks.eu-north-1.api.aws/id/0123'), 'eu-north-1', 'as dual-stack clusters have it')
  t.equal(regionOf('https://oidc.eks.eu-north-1.amazonaws.com/id/0123', 'eu-west-1'), 'eu-west-1')
  for (const other of ['https://oidc.example.com/id', 'https://oidc.eks.auto.amazonaws.com', 1, undefined]) {
    t.equal(regionOf(other), 'us-west-2', String(other))
  }
  t.end()
})

t.test('the host that is asked is that of the region, and the message names it', async (t) => {
  const proxy = await startConnectProxy(1)
  t.teardown(() => proxy.stop())
  proxy.refuse(403)
  setVariable(t, 'HTTPS_PROXY', proxy.url)
  const variables = { AWS_REGION: 'eu-central-1', MODEL_REGION: 'auto', MODEL_ENDPOINT: 'https://s3.example.com' }
  await t.rejects(ask(t, { ...variables, MODEL_TIMEOUT_SECONDS: '20' }), {
    exit: 'NoCredentials',
    message: /^role .* cannot be assumed: STS at sts\.eu-central-1\.amazonaws\.com cannot be reached: /,
  })
  t.strictSame([...new Set(proxy.asked)], ['sts.eu-central-1.amazonaws.com:443'])
  t.ok(proxy.asked.length > 1, 'it was tried again')
})

t.test('an STS that never answers is waited for with an end', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  setVariable(t, 'AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await t.rejects(ask(t, {}), {
    exit: 'NoCredentials',
    message: /STS at 127\.0\.0\.1 cannot be reached: no answer in 1 s$/,
  })
  t.ok(sockets.size > 0)
})

t.test('an STS that refuses the connection is waited for aloud, with an end', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  setVariable(t, 'AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${port}`)
  const lines: string[] = []
  await t.rejects(ask(t, {}, lines), { exit: 'NoCredentials', message: /STS at 127\.0\.0\.1 .*ECONNREFUSED/ })
  t.match(lines[0], /^waiting for STS.*ECONNREFUSED/)
})
