/** Credentials that end in the middle of a download. */
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { bytes } from '../cases.ts'
import { withAgent } from './identity.ts'
import { requestsOf, type Scenario } from './scenario.ts'

/** A busy machine takes more than two seconds from the answer of the agent to the request. */
const ttlSeconds = 6
/** Size of an object: its parts that start after the first ones start after the first credentials have ended. */
const objectBytes = 150_000
const objectSeconds = 8
/** More than there are connections, so that the last objects start when the first credentials have expired long ago. */
const objects = 144

export const expiries: readonly Scenario[] = [
  {
    name: 'credentials that expire in the middle of a download are renewed',
    run: async (t, stage) => {
      const content = bytes(objectBytes, 1)
      for (let i = 0; i < objects; i++) {
        await stage.world.server.placeObject(stage.bucket, `${stage.prefix}shard-${i}`, content)
        stage.model.set(`shard-${i}`, content)
      }
      stage.fault({
        match: { operation: 'get' },
        times: 'always',
        action: { kind: 'slow', bytesPerSecond: objectBytes / objectSeconds },
      })
      const { env } = await withAgent(t, stage, { ttlSeconds })
      // On a busy machine credentials end before they are used, again and again, and no byte comes.
      endsWith(t, await stage.run({ ...env, MODEL_TIMEOUT_SECONDS: '300', MODEL_STALL_TIMEOUT_SECONDS: '150' }), 0)
      await holdsModel(t, stage)
      const successes = requestsOf(stage).filter(({ status }) => status === 200 || status === 206)
      t.ok(
        new Set(successes.map(({ accessKeyId }) => accessKeyId)).size > 1,
        'more than one set of credentials was used',
      )
    },
  },
  {
    name: 'a server that takes every credential for expired ends the loader: the agent has no others',
    run: (t, stage) => refusesForEver(t, stage, 3600),
  },
  {
    name: 'a server that takes every credential for expired ends the loader: the agent always has new ones',
    run: (t, stage) => refusesForEver(t, stage, 10),
  },
]

/** The agent keeps what lasts longer than 15 seconds. */
async function refusesForEver(t: Test, stage: Stage, ttl: number): Promise<void> {
  await stage.put('config.json', '{}')
  stage.fault({
    match: { operation: 'get' },
    times: 'always',
    action: { kind: 'status', status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' },
  })
  const { agent, env } = await withAgent(t, stage, { ttlSeconds: ttl })
  const end = await stage.run(env)
  endsWith(t, end, end.exitCode === 14 ? 14 : 10, /ExpiredToken|expired/)
  t.ok(requestsOf(stage).length <= 20, `${requestsOf(stage).length} requests`)
  t.ok(agent.calls.length <= 40, `${agent.calls.length} calls of the agent`)
  await holdsNothing(t, stage)
}
