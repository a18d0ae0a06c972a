/** Names and places that S3 of AWS does not have, and sources that are more than a prefix. */
import type { Test } from 'tap'
import { startConnectProxy } from '../../kit/s3/connect-proxy.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { startFaultProxy, type FaultProxy, type FaultProxyOptions } from '../../kit/s3/s3-fault-proxy.ts'
import type { Env } from './identity.ts'
import { bytes } from '../cases.ts'
import { MiB, type Scenario } from './scenario.ts'

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
      const placeOf = (path: string): string => path.replace(/^\/ml_team(?::|%3A)My_Models/, '/models')
      const { env } = await serverOf(t, stage, { placeOf })
      const source = { MODEL_SOURCE: `s3://ml_team:My_Models/${stage.prefix}` }
      endsWith(t, await stage.run({ ...source, MODEL_ENDPOINT: '' }), 64, /which AWS does not allow; name the endpoint/)
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...env, ...source }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'an endpoint with a path is asked below it, and nowhere else',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const placeOf = (path: string): string => (path.startsWith('/storage/v1/s3/') ? path.slice(14) : '/elsewhere')
      const { server, env } = await serverOf(t, stage, { placeOf })
      endsWith(t, await stage.run({ ...env, MODEL_ENDPOINT: `${server.endpoint}/storage/v1/s3` }), 0)
      await holdsModel(t, stage)
      t.strictSame([...new Set(server.requests.map(({ bucket }) => bucket))], ['models'])
    },
  },
  {
    name: 'a server that wants the bucket in the host name has it there',
    cannot: { s5cmd: 'names the bucket in the path at every endpoint' },
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      // Such servers refuse paths that begin with a bucket: theirs begin with a key.
      const placeOf = (path: string, host = ''): string =>
        `/${/^([a-z]+)\.s3\.example\.test/.exec(host)?.[1] ?? 'elsewhere'}${path}`
      const { server, env } = await serverOf(t, stage, { placeOf })
      const { port } = new URL(server.endpoint)
      const proxy = await startConnectProxy(Number(port))
      t.teardown(() => proxy.stop())
      const named = { ...env, MODEL_ENDPOINT: `https://s3.example.test:${port}`, HTTPS_PROXY: proxy.url }
      endsWith(t, await stage.run({ ...named, MODEL_ADDRESSING: 'virtual' }), 0)
      await holdsModel(t, stage)
      t.strictSame([...new Set(proxy.asked)], [`models.s3.example.test:${port}`])
    },
  },
  ...[
    ['FIPS', 'AWS_USE_FIPS_ENDPOINT', 's3-fips'] as const,
    ['dual stack', 'AWS_USE_DUALSTACK_ENDPOINT', 's3.dualstack'] as const,
  ].map(
    ([kind, variable, service]): Scenario => ({
      name: `listing and bytes come from the ${kind} endpoint of AWS, where the environment asks for it`,
      run: async (t, stage) => {
        await putModel(stage)
        const { region } = stage.world.server
        const host = `${service}.${region}.amazonaws.com`
        // Engines may name the bucket in the host or in the path.
        const placeOf = (path: string, asked = ''): string => (asked.startsWith('models.') ? `/models${path}` : path)
        const { server, env } = await serverOf(t, stage, { placeOf, hosts: [host, `*.${host}`] })
        const proxy = await startConnectProxy(Number(new URL(server.endpoint).port))
        t.teardown(() => proxy.stop())
        const asked = { ...env, MODEL_ENDPOINT: '', MODEL_REGION: region, HTTPS_PROXY: proxy.url, [variable]: 'true' }
        endsWith(t, await stage.run(asked), 0)
        await holdsModel(t, stage)
        t.ok(server.requests.some(({ operation }) => operation === 'list'))
        t.ok(server.requests.some(({ operation }) => operation === 'get'))
        const hosts = new Set(proxy.asked.map((name) => name.replace(/^models\./, '')))
        t.strictSame([...hosts], [`${host}:443`], 'no other host is spoken to')
      },
    }),
  ),
  {
    name: 'the endpoint of the environment serves listing and bytes alike',
    run: async (t, stage) => {
      await putModel(stage)
      const { server, env } = await serverOf(t, stage)
      const named = { ...env, MODEL_ENDPOINT: '', AWS_ENDPOINT_URL_S3: server.endpoint }
      stage.world.proxy.reset()
      endsWith(t, await stage.run(named), 0)
      await holdsModel(t, stage)
      t.ok(server.requests.some(({ operation }) => operation === 'list'))
      t.ok(server.requests.some(({ operation }) => operation === 'get'))
      t.strictSame(stage.world.proxy.requests, [], 'the other server is not asked')
    },
  },
  ...unreadable(),
  {
    name: 'a bucket whose reader pays is read where the reader says so, with every request',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const { server, env } = await serverOf(t, stage, { requesterPays: true })
      endsWith(t, await stage.run(env), 10, /access denied/)
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...env, MODEL_REQUESTER_PAYS: 'true' }), 0)
      await holdsModel(t, stage)
      t.ok(server.requests.some(({ operation }) => operation === 'get'))
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

/** Sources that name something which is not read as it is named. */
function unreadable(): readonly Scenario[] {
  const sources: readonly (readonly [what: string, bucket: string, rest: string, says: RegExp])[] = [
    [
      'a version of an object by its id',
      'models',
      'config.json?versionId=3HL4kqtJlcpXroDTDmJ',
      /names a version by versionId, and objects are read as they are now; publish each version below a prefix of its own/,
    ],
    ['a directory bucket', 'models--use1-az4--x-s3', '', /names a directory bucket \(S3 Express One Zone\)/],
  ]
  return sources.map(([what, bucket, rest, says]) => ({
    name: `a source that names ${what} ends the loader, and asks for nothing`,
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      endsWith(t, await stage.run({ MODEL_SOURCE: `s3://${bucket}/${stage.prefix}${rest}` }), 64, says)
      t.strictSame(stage.world.proxy.requests, [])
      await holdsNothing(t, stage)
    },
  }))
}

async function putModel(stage: Stage): Promise<void> {
  await stage.put('config.json', '{}')
  await stage.put('weights.bin', bytes(20 * MiB, 1))
}

/** The server of all cases, with other manners, and the environment of a loader that is to use it. */
async function serverOf(
  t: Test,
  { world }: Stage,
  options: Pick<FaultProxyOptions, 'placeOf' | 'requesterPays' | 'hosts'> = {},
): Promise<{ readonly server: FaultProxy; readonly env: Env }> {
  const server = await startFaultProxy(world.server, { tls: true, ...options })
  t.teardown(() => server.stop())
  return { server, env: { ...world.engine.environment(server.caCertificateFile), MODEL_ENDPOINT: server.endpoint } }
}
