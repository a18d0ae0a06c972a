import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { credentialsSource } from '../../../src/loader/credentials/credentials.ts'
import { podIdentityCredentials } from '../../../src/loader/credentials/pod-identity.ts'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'
import { loadTask } from '../../kit/s3/load-task.ts'
import {
  makeServiceAccountToken,
  startPodIdentityAgent,
  type PodIdentityAgent,
} from '../../kit/aws/pod-identity-agent.ts'

const pod = { namespace: 'ml', serviceAccount: 'reader', podName: 'app-1', podUid: 'pod-1', expiresInSeconds: 3600 }
const live = new AbortController().signal
/** Its patience is half of it. */
const patient = { timeoutSeconds: 60 }
const impatient = { timeoutSeconds: 1 }

t.test('the agent gives credentials, with their expiry', async (t) => {
  const { agent, env } = await podOf(t)
  const credentials = await podIdentityCredentials(patient, env, live)()
  t.equal(credentials.accessKeyId, agent.calls[0]?.accessKeyId)
  t.ok(credentials.sessionToken)
  const restMs = (credentials.expiresAtMs ?? 0) - Date.now()
  t.ok(restMs > 3590_000 && restMs <= 3600_000, `${restMs} ms`)
  t.equal(
    agent.calls[0]?.authorization?.split('.').length,
    3,
    'the token is sent as it is, without "Bearer" and without its line break',
  )
})

t.test('the token is read again each time, because the kubelet renews it', async (t) => {
  const { agent, env, tokenFile } = await podOf(t)
  const ask = podIdentityCredentials(patient, env, live)
  await ask()
  await writeFile(tokenFile, makeServiceAccountToken({ ...pod, podUid: 'another' }))
  await ask()
  t.not(agent.calls[0]?.authorization, agent.calls[1]?.authorization)
})

t.test('a passing error is tried again', async (t) => {
  const { agent, env } = await podOf(t)
  for (const failure of ['not-found', 'throttled', 'unavailable'] as const) agent.fail(failure)
  await podIdentityCredentials(patient, env, live)()
  t.strictSame(
    agent.calls.map(({ status }) => status),
    [404, 429, 503, 200],
  )
})

t.test('a lasting error is not tried again', async (t) => {
  const { agent, env } = await podOf(t)
  for (const failure of ['access-denied', 'expired-token'] as const) {
    agent.fail(failure)
    await fails(t, podIdentityCredentials(patient, env, live)(), 'Denied', /answered 400: .*Exception\)/)
  }
  t.equal(agent.calls.length, 2)
})

t.test('patience ends well before the task does, and says what was missing', async (t) => {
  const { agent, env } = await podOf(t)
  agent.dissociate(pod)
  const began = performance.now()
  await fails(
    t,
    podIdentityCredentials(impatient, env, live)(),
    'NoCredentials',
    /^there is no Pod Identity association for service account ml\/reader$/,
  )
  t.ok(performance.now() - began < 60_000, 'not the 90 seconds of a task with more time')
  await agent.refuseConnections()
  await fails(
    t,
    podIdentityCredentials(impatient, env, live)(),
    'NoCredentials',
    /agent cannot be reached: .*ECONNREFUSED/,
  )
})

t.test('a token that cannot be read is no reason to ask', async (t) => {
  const { agent, env } = await podOf(t)
  const missing = { ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(t.testdirName, 'missing') }
  await fails(
    t,
    podIdentityCredentials(patient, missing, live)(),
    'NoCredentials',
    /the token file .*missing cannot be read/,
  )
  t.strictSame(agent.calls, [])
})

t.test('waiting ends with the task', async (t) => {
  const { agent, env } = await podOf(t)
  agent.fail('not-found', 'always')
  const end = new AbortController()
  const asking = podIdentityCredentials(patient, env, end.signal)()
  end.abort(new LoaderFailure('Terminated', 'stopped on request'))
  await t.rejects(asking)
})

t.test('nothing injected is no identity', (t) => {
  for (const env of [
    {},
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials' },
    { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/token' },
  ]) {
    t.throws(() => podIdentityCredentials(patient, env, live), { exit: 'NoIdentity', message: /are not set$/ })
  }
  t.end()
})

t.test('the token of the pod is sent only to an agent', (t) => {
  const uri = (AWS_CONTAINER_CREDENTIALS_FULL_URI: string) => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/token',
  })
  for (const allowed of [
    'http://169.254.170.23/v1/credentials',
    'http://[fd00:ec2::23]/v1/credentials',
    'http://127.0.0.1:1234/x',
    'http://localhost/',
    'http://[::1]/',
  ]) {
    t.doesNotThrow(() => podIdentityCredentials(patient, uri(allowed), live), allowed)
  }
  const strangers = [
    'http://169.254.169.254/v1/credentials',
    'http://example.com/',
    'http://169.254.170.23.example.com/',
    'http://169.254.170.23@example.com/',
    'https://169.254.170.23/',
    'http://localhost.example.com/',
    'http://127.0.0.1.example.com/',
    'http://127.example.com/',
    'file:///etc/passwd',
    'no address',
    'http://',
  ]
  for (const stranger of strangers) {
    t.throws(
      () => podIdentityCredentials(patient, uri(stranger), live),
      { exit: 'NoIdentity', message: /is not the address of a Pod Identity agent/ },
      stranger,
    )
  }
  t.end()
})

t.test('an answer that is no credentials ends the loader', async (t) => {
  const { env } = await podOf(t)
  for (const body of [
    '',
    'hello',
    '[]',
    'null',
    '{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c"}',
    '{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"soon"}',
  ]) {
    const uri = await serverOf(t, body)
    await fails(
      t,
      podIdentityCredentials(patient, { ...env, AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }, live)(),
      'NoCredentials',
      /no credentials/,
    )
  }
})

t.test('an answer without end is cut off', async (t) => {
  const { env } = await podOf(t)
  const uri = await serverOf(t, 'x'.repeat(200_000))
  await fails(
    t,
    podIdentityCredentials(impatient, { ...env, AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }, live)(),
    'NoCredentials',
    /more than 64 KiB/,
  )
})

t.test('credentials that last are asked for once, by however many need them', async (t) => {
  const { agent, env } = await podOf(t)
  const source = credentialsSource(loadTask({ MODEL_CREDENTIALS: 'pod-identity' }), env, live)
  const all = await Promise.all([source?.(false), source?.(false), source?.(false)])
  t.equal(new Set(all.map((credentials) => credentials?.accessKeyId)).size, 1)
  await source?.(false)
  t.equal(agent.calls.length, 1)
  await source?.(true)
  t.equal(agent.calls.length, 2, 'a server has refused the last ones')
})

t.test('credentials that end in less than five minutes are requested again', async (t) => {
  const { agent, env } = await podOf(t)
  agent.ttlSeconds = 200
  const source = credentialsSource(loadTask({ MODEL_CREDENTIALS: 'pod-identity' }), env, live)
  await source?.(false)
  await source?.(false)
  t.equal(agent.calls.length, 2)
})

t.test('a failure is not kept', async (t) => {
  const { agent, env } = await podOf(t)
  agent.fail('access-denied')
  const source = credentialsSource(loadTask({ MODEL_CREDENTIALS: 'pod-identity' }), env, live)
  await t.rejects(async () => source?.(false), { exit: 'Denied', message: /AccessDenied/ })
  t.ok(await source?.(false))
})

async function podOf(
  t: Test,
): Promise<{ agent: PodIdentityAgent; env: Readonly<Record<string, string>>; tokenFile: string }> {
  const agent = await startPodIdentityAgent({ credentials: new Map(), ttlSeconds: 3600 })
  t.teardown(() => agent.stop())
  agent.associate(pod)
  const tokenFile = join(t.testdir({ token: `${makeServiceAccountToken(pod)}\n` }), 'token')
  return {
    agent,
    tokenFile,
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: agent.uri, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile },
  }
}

async function serverOf(t: Test, body: string): Promise<string> {
  const server = createServer((_, response) => {
    response.end(body)
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function fails(t: Test, asking: Promise<unknown>, exit: string, message: RegExp): Promise<void> {
  await t.rejects(asking, { name: 'LoaderFailure', exit, message })
}
