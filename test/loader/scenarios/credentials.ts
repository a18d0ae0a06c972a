/** Credentials from the Pod Identity agent: what heals is waited for, with a bound; what does not heal ends the loader at once. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { endsWith } from '../../support/loader-end.ts'
import type { RunningLoader } from '../../support/loader-run.ts'
import { holdsModel, holdsNothing, type Stage } from '../../support/loader-world.ts'
import { inNetworkNamespace } from '../../support/network-namespace.ts'
import type { AgentFailure, PodIdentityAgent } from '../../support/pod-identity-agent.ts'
import { requireRoot } from '../../support/private-mounts.ts'
import { commandOf, treeOf } from '../../support/process-memory.ts'
import { waitFor } from '../../support/wait-for.ts'
import type { RealAddressResult } from '../real-address.ts'
import { noKeys, serviceAccount, withAgent, type Env } from './identity.ts'
import { endOf, type Scenario } from './scenario.ts'

/** Short enough that a test can see the patience of the loader end. */
const shortTimeout = { MODEL_TIMEOUT_SECONDS: '10' }

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
  waitsFor('an association that was made a moment ago', (agent) => { agent.fail('not-found', 3) }, 4),
  waitsFor('an agent that is asked too much', (agent) => { agent.fail('throttled', 3) }, 4),
  waitsFor('an agent with an error', (agent) => {
    agent.fail('server-error', 2)
    agent.fail('unavailable', 2)
  }, 5),
  {
    name: 'an agent that is not up yet on a new node is waited for',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      await agent.refuseConnections()
      const loader = await stage.start(env)
      await waitFor('the loader to be refused', isAsking(stage, loader), { timeoutSeconds: 30, signal: endOf(loader) })
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
      endsWith(t, await stage.run({ ...env, ...shortTimeout }), 75, /agent cannot be reached/)
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'no association at all ends the loader with the service account that needs one',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      agent.dissociate(serviceAccount)
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
      t.strictSame(stage.world.proxy.requests, [], 'nobody was asked anything')
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'the prefix of another namespace is denied',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { agent, env } = await withAgent(t, stage)
      agent.associate({ ...serviceAccount, allowedPrefixes: ['models/somebody-elses/'] })
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
      const { withIdentity, without, agentCalls, imdsCalls } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RealAddressResult
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

/** The native engine asks as soon as it has the volume: a few looks later it has been refused. A script is seen to sleep. */
function isAsking(stage: Stage, { child }: RunningLoader): () => Promise<true | undefined> {
  let looks = 0
  return async () => {
    const sleeps = treeOf(child.pid!).some((pid) => commandOf(pid) === 'sleep')
    if ((await readdir(stage.root)).length > 0) looks++
    return sleeps || looks > 5 ? true : undefined
  }
}

async function denied(t: Test, stage: Stage, agent: PodIdentityAgent, env: Env): Promise<void> {
  endsWith(t, await stage.run(env), 10, /agent answered 40[03]|agent/)
  t.equal(agent.calls.length, 1, 'it was asked once')
  await holdsNothing(t, stage)
}
