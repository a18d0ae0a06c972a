/** Credentials from the Pod Identity agent: what heals is waited for, with a bound; what does not heal ends the loader at once. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { inNetworkNamespace } from '../../kit/tools/network-namespace.ts'
import { startImds } from '../../kit/aws/imds.ts'
import type { AgentFailure, PodIdentityAgent } from '../../kit/aws/pod-identity-agent.ts'
import { requireRoot } from '../../kit/tools/private-mounts.ts'
import { startFaultProxy } from '../../kit/s3/s3-fault-proxy.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import type { RealAddressResult } from '../real-address.ts'
import { noKeys, readerAccount, withAgent, type Env } from './identity.ts'
import { endSignal, type Scenario } from './scenario.ts'

/** Short enough that a test can see the patience of the loader end. */
const shortTimeout = { MODEL_TIMEOUT_SECONDS: '14' }

export const credentials: readonly Scenario[] = [
  {
    name: 'a pod identity is what every request is signed with',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      endsWith(t, await stage.run(env), 0)
      await holdsModel(t, stage)
      const handedOut = new Set(agent.calls.map(({ accessKeyId }) => accessKeyId))
      const used = stage.world.proxy.requests.map(({ accessKeyId }) => accessKeyId)
      t.ok(used.length > 0 && used.every((accessKeyId) => handedOut.has(accessKeyId)), 'only keys of the agent')
    },
  },
  waitsFor(
    'an association that was made a moment ago',
    (agent) => {
      agent.fail('not-found', 3)
    },
    4,
  ),
  waitsFor(
    'an agent that is asked too much',
    (agent) => {
      agent.fail('throttled', 3)
    },
    4,
  ),
  waitsFor(
    'an agent with an error',
    (agent) => {
      agent.fail('server-error', 2)
      agent.fail('unavailable', 2)
    },
    5,
  ),
  {
    name: 'an agent that is not up yet on a new node is waited for',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      await agent.refuseConnections()
      const loader = await stage.start(env)
      const line = /^waiting for the Pod Identity agent.*: the Pod Identity agent cannot be reached: .*refused/im
      await waitFor(
        'the loader to say what it waits for',
        () => Promise.resolve(line.test(loader.log()) ? true : undefined),
        { signal: endSignal(loader) },
      )
      await agent.acceptConnections()
      endsWith(t, await loader.end, 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'an agent that never comes up ends the loader with its address',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      await agent.refuseConnections()
      endsWith(
        t,
        await stage.run({ ...env, ...shortTimeout }),
        75,
        /agent cannot be reached.*; check the agent on the node and the association/,
      )
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'no association at all ends the loader with the service account that needs one',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      agent.dissociate(readerAccount)
      endsWith(t, await stage.run({ ...env, ...shortTimeout }), 75, /no Pod Identity association for .*ml\/reader/)
      t.ok(agent.calls.length > 2, `it was asked ${agent.calls.length} times`)
      await holdsNothing(t, stage)
    },
  },
  endsAtOnce('a role that EKS may not assume', 'access-denied'),
  endsAtOnce('a token that has expired', 'expired-token'),
  {
    name: 'an agent that was called by a wrong address ends the loader at once',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage, { hosts: ['169.254.170.23'] })
      await denied(t, stage, agent, env)
    },
  },
  {
    name: 'a token that is not there ends the loader',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      const file = join(stage.world.directory, 'no-such-token')
      endsWith(t, await stage.run({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }), 75, /token/)
      t.strictSame(agent.calls, [])
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'keys that a pod has otherwise are no substitute for the identity it should have',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      endsWith(t, await stage.run({ MODEL_CREDENTIALS: 'pod-identity' }), 78, /no workload identity/)
      endsWith(t, await stage.run({ ...noKeys, MODEL_CREDENTIALS: 'pod-identity' }), 78, /no workload identity/)
      t.strictSame(stage.world.proxy.requests, [], 'no request was sent')
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'keys of a Secret, with a session token or without, sign every request',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const session = { accessKeyId: 'ASIASESSION000000000', secretAccessKey: 'secret/+=', sessionToken: 'token/+==' }
      stage.world.proxy.credentials.set(session.accessKeyId, session)
      const env = { AWS_ACCESS_KEY_ID: session.accessKeyId, AWS_SECRET_ACCESS_KEY: session.secretAccessKey }
      endsWith(
        t,
        await stage.run(env),
        10,
        /; allow s3:GetObject .* to the owner of the keys, or correct the Secret \(exit 10\)$/,
      )
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...env, AWS_SESSION_TOKEN: session.sessionToken }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'white space around the keys of a Secret is no part of them, and inside them it is named',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { accessKeyId, secretAccessKey } = stage.world.server
      const keys = { AWS_ACCESS_KEY_ID: `${accessKeyId}\n`, AWS_SECRET_ACCESS_KEY: ` ${secretAccessKey}\r\n` }
      endsWith(
        t,
        await stage.run({ ...keys, AWS_ACCESS_KEY_ID: `${accessKeyId}\n${accessKeyId}` }),
        78,
        /the Secret keys has white space or other characters inside AWS_ACCESS_KEY_ID; write it without them/,
      )
      t.strictSame(stage.world.proxy.requests, [], 'nothing was asked')
      endsWith(t, await stage.run(keys), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a Secret without its keys is distinguished from a pod without an identity',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      for (const name of Object.keys(noKeys)) {
        endsWith(
          t,
          await stage.run({ [name]: '' }),
          78,
          /the Secret keys gave no .*; put both keys into the Secret \(exit 78\)$/,
        )
      }
      t.strictSame(stage.world.proxy.requests, [], 'no request was sent')
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'anonymous reading sends no signature, whatever the pod has',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      endsWith(
        t,
        await stage.run({ MODEL_CREDENTIALS: 'anonymous' }),
        10,
        /; choose other credentials, or let everybody read the prefix \(exit 10\)$/,
      )
      await holdsNothing(t, stage)
      t.strictSame(
        stage.world.proxy.requests.filter(({ accessKeyId }) => accessKeyId !== undefined),
        [],
        'nothing was signed',
      )
      const open = await startFaultProxy(stage.world.server, { tls: true, anonymous: true })
      t.teardown(() => open.stop())
      endsWith(
        t,
        await stage.run({
          ...stage.world.engine.environment(open.caCertificateFile),
          MODEL_ENDPOINT: open.endpoint,
          MODEL_CREDENTIALS: 'anonymous',
        }),
        0,
      )
      await holdsModel(t, stage)
      t.ok(open.requests.length > 0 && open.requests.every(({ accessKeyId }) => accessKeyId === undefined))
    },
  },
  {
    name: 'on a host that builds images its operator may allow the role of the instance',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const imds = await startImds({ credentials: stage.world.proxy.credentials })
      t.teardown(() => imds.stop())
      const env = { ...noKeys, MODEL_CREDENTIALS: 'pod-identity', AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint }
      endsWith(t, await stage.run(env), 78, /the node's role is never used/)
      t.strictSame(imds.calls, [], 'without the flag no request is sent')
      const allowed = (command: readonly string[]): readonly string[] => [...command, '--allow-instance-profile']
      endsWith(t, await stage.run(env, allowed), 0)
      await holdsModel(t, stage)
      t.ok(stage.world.proxy.requests.every(({ accessKeyId }) => accessKeyId === imds.accessKeyId))
    },
  },
  {
    name: 'an identity that was injected goes before the role of the instance',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const imds = await startImds({ credentials: stage.world.proxy.credentials })
      t.teardown(() => imds.stop())
      const { env } = await withAgent(t, stage)
      endsWith(
        t,
        await stage.run({ ...env, AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint }, (command) => [
          ...command,
          '--allow-instance-profile',
        ]),
        0,
      )
      t.strictSame(imds.calls, [])
      await holdsModel(t, stage)
    },
  },
  {
    name: 'the prefix of another namespace is denied',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      agent.associate({ ...readerAccount, allowedPrefixes: ['models/somebody-elses/'] })
      endsWith(t, await stage.run(env), 10, /access denied/)
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'at the real addresses the agent is asked, and the metadata service of the node never',
    run: async (t, stage) => {
      requireRoot('a network with the addresses of EKS and EC2')
      const script = join(import.meta.dirname, '..', 'real-address.ts')
      const ended = await inNetworkNamespace(process.execPath, [script, stage.world.engine.name, stage.root])
      if (ended.code !== 0) t.comment(ended.stdout, ended.stderr)
      const { withIdentity, without, agentCalls, imdsCalls } = JSON.parse(
        ended.stdout.trim().split('\n').at(-1) ?? '',
      ) as RealAddressResult
      endsWith(t, withIdentity, 0)
      t.ok(agentCalls > 0, 'the agent was asked')
      endsWith(t, without, 78)
      t.equal(imdsCalls, 0, 'the metadata service was not')
    },
  },
]

function waitsFor(what: string, arrange: (agent: PodIdentityAgent) => void, calls: number): Scenario {
  return {
    name: `${what} is waited for`,
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      arrange(agent)
      endsWith(t, await stage.run(env), 0)
      await holdsModel(t, stage)
      t.ok(agent.calls.length >= calls, `it was asked ${agent.calls.length} times`)
    },
  }
}

function endsAtOnce(what: string, failure: AgentFailure): Scenario {
  return {
    name: `${what} ends the loader at once`,
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      agent.fail(failure, 'always')
      await denied(t, stage, agent, env)
    },
  }
}

async function denied(t: Test, stage: Stage, agent: PodIdentityAgent, env: Env): Promise<void> {
  endsWith(t, await stage.run(env), 10, /agent answered 40[03]|agent/)
  t.equal(agent.calls.length, 1, 'it was asked once')
  await holdsNothing(t, stage)
}
