/** Credentials of the instance: the metadata service is asked again while it may heal, and not where it cannot. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { instanceProfileCredentials } from '../../../src/loader/credentials/instance-profile.ts'
import { startImds } from '../../kit/aws/imds.ts'

const live = new AbortController().signal

t.test('the metadata service gives credentials', async (t) => {
  const imds = await startImds()
  t.teardown(() => imds.stop())
  const credentials = await ask(imds.endpoint)
  t.equal(credentials.accessKeyId, imds.accessKeyId)
})

t.test('an answer that heals is asked for again, and the log says what it waits for', async (t) => {
  const { endpoint, lines } = await startFailing(t, [503, 500])
  const credentials = await ask(endpoint, lines)
  t.equal(credentials.accessKeyId, 'A')
  t.match(lines[0], /^waiting for the metadata service of the instance: the metadata service .*: it answered 503$/)
})

t.test('an instance without a profile is not asked again', async (t) => {
  const { endpoint, lines } = await startFailing(t, [404])
  await t.rejects(ask(endpoint, lines), { exit: 'NoIdentity', message: /the instance has no profile/ })
  t.strictSame(lines, [])
})

async function ask(endpoint: string, lines: string[] = []): ReturnType<ReturnType<typeof instanceProfileCredentials>> {
  return instanceProfileCredentials({ AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }, live, (line) => lines.push(line))()
}

/** Answers with each status once, then with credentials. */
async function startFailing(t: Test, statuses: readonly number[]): Promise<{ endpoint: string; lines: string[] }> {
  const rest = [...statuses]
  const session = { AccessKeyId: 'A', SecretAccessKey: 'B', Token: 'C', Expiration: '2100-01-01T00:00:00Z' }
  const server = createServer((_request, response) => {
    response.writeHead(rest.shift() ?? 200).end(JSON.stringify(session))
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines: [] }
}
