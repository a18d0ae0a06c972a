/** Names and places that S3 of AWS does not have, and sources that are more than a prefix. */
import type { Test } from 'tap'
import { startFrontServer, type FrontServer } from '../../kit/s3/front-server.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { startFaultProxy } from '../../kit/s3/s3-fault-proxy.ts'
import type { Scenario } from './scenario.ts'

export const places: readonly Scenario[] = [
  {
    name: 'a whole bucket is loaded, with the objects at its root',
    run: async (t, stage) => {
      await stage.world.server.createBucket('whole')
      for (const [path, body] of [
        ['config.json', '{}'],
        ['shards/model-00001.safetensors', 'weights'],
      ] as const) {
        await stage.world.server.putObject('whole', path, body)
        stage.model.set(path, body)
      }
      endsWith(t, await stage.run({ MODEL_SOURCE: 's3://whole/' }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a bucket of Ceph, with a tenant and upper case, is loaded from its endpoint alone',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const front = await frontOf(t, stage, (path) => pathBelow('/ml_team:My_Models', decodeColon(path)))
      const source = { MODEL_SOURCE: `s3://ml_team:My_Models/${stage.prefix}` }
      endsWith(t, await stage.run({ ...source, MODEL_ENDPOINT: '' }), 64, /which AWS does not allow; name the endpoint/)
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...source, ...anonymousAt(front) }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'keys with a percent sign are no escapes',
    run: async (t, stage) => {
      for (const path of ['100%', 'a%20b', '%zz', '%2e%2e', 'a%2Fb']) await stage.put(path, path)
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'keys that a server escapes without saying so are no bug of the loader',
    run: async (t, stage) => {
      await stage.put('a b.txt', 'text')
      stage.fault({
        match: { operation: 'list' },
        times: 'always',
        action: { kind: 'rewrite', rewrite: (text) => text.replace(/<EncodingType>url<\/EncodingType>/, '') },
      })
      const { exitCode, log } = await stage.run()
      // A client may know better than the listing; then it has the object that is there.
      t.ok([0, 11, 12, 14, 15].includes(exitCode ?? -1), log)
      await (exitCode === 0 ? holdsModel(t, stage) : holdsNothing(t, stage))
    },
  },
]

/** The server of all cases, without signatures: their paths are those before the front. */
async function frontOf(t: Test, { world }: Stage, placeOf: (path: string) => string | undefined): Promise<FrontServer> {
  const open = await startFaultProxy(world.server, { tls: false, anonymous: true })
  t.teardown(() => open.stop())
  const front = await startFrontServer(open.endpoint, placeOf)
  t.teardown(() => front.stop())
  return front
}

function anonymousAt({ endpoint }: FrontServer): Readonly<Record<string, string>> {
  return { MODEL_CREDENTIALS: 'anonymous', MODEL_ENDPOINT: endpoint }
}

/** Undefined for another place. */
function pathBelow(prefix: string, path: string): string | undefined {
  const rest = path.startsWith(prefix) ? path.slice(prefix.length) : ''
  return rest.startsWith('/') || rest.startsWith('?') ? `/models${rest}` : undefined
}

/** As a path may have it, and as encodeURIComponent() writes it. */
function decodeColon(path: string): string {
  return path.replace('%3A', ':')
}
