/** What is the s5cmd engine's own: the bridge to the Pod Identity agent, its children, its rename, and its neighbour's models. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { nativeEngine, startLoader, type LoaderEngine, type LoaderEnd } from '../kit/s3/loader-run.ts'
import { holdsModel, holdsNothing, stageOf, startLoaderWorld, type Stage } from '../kit/s3/loader-world.ts'
import { temporaryDirectory } from '../kit/webhook/mounted-directory.ts'
import { makeServiceAccountToken, startPodIdentityAgent } from '../kit/aws/pod-identity-agent.ts'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { bytes } from './cases.ts'

t.setTimeout(10 * 60 * 1000)
const directory = await temporaryDirectory(t)
const engine = await s5cmdEngine(directory)
const world = await startLoaderWorld(directory, engine)
t.teardown(() => world.stop())
const agent = await startPodIdentityAgent({ credentials: world.proxy.credentials })
t.teardown(() => agent.stop())
const account = { namespace: 'apps', serviceAccount: 'model-reader' }
const newToken = (): string =>
  makeServiceAccountToken({ ...account, podName: 'app', podUid: 'pod-1', expiresInSeconds: 3600 })
const token = newToken()
const tokenFile = join(directory, 'token')
await writeFile(tokenFile, token)
agent.associate(account)

const podIdentity = {
  MODEL_CREDENTIALS: 'pod-identity',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: agent.uri,
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
}

/** The agent answers a token that it knows from its cache. */
async function withNewToken(): Promise<Record<string, string>> {
  const file = join(directory, `token-${crypto.randomUUID()}`)
  await writeFile(file, newToken())
  return { ...podIdentity, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }
}

let volumes = 0

/** A small model on the server, and a volume with nothing on it. */
async function smallModel(): Promise<Stage> {
  world.proxy.reset()
  const root = join(directory, `volume-${++volumes}`)
  mkdirSync(root)
  const stage = stageOf(world, `s5cmd ${volumes}`, root)
  await stage.put('config.json', '{"layers":32}')
  await stage.put('shards/weights.bin', bytes(200_000, 1))
  return stage
}

function endsWith(t: Test, { exitCode, log }: LoaderEnd, wanted: number, says?: RegExp): void {
  t.equal(exitCode, wanted, log)
  if (says !== undefined) t.match(log, says)
}

async function until(description: string, condition: () => boolean): Promise<void> {
  await waitFor(description, () => Promise.resolve(condition() ? true : undefined))
}

/** Command lines of all processes that can be seen. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return []
      }
    })
}

function mounted(options: string, root: string): (command: readonly string[]) => readonly string[] {
  return (command) => [
    '/usr/bin/env',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    'unshare',
    '--mount',
    '--',
    'sh',
    '-c',
    `mount ${options} "$0" && exec "$@"`,
    root,
    ...command,
  ]
}

t.test('credentials of the Pod Identity agent sign every request', async (t) => {
  const stage = await smallModel()
  endsWith(t, await stage.run(podIdentity), 0)
  await holdsModel(t, stage)
  const handedOut = agent.calls.map(({ accessKeyId }) => accessKeyId)
  t.ok(world.proxy.requests.every(({ accessKeyId }) => handedOut.includes(accessKeyId)))
  t.ok(
    agent.calls.every(({ authorization }) => authorization === token),
    'the token is sent as it is',
  )
})

t.test('nobody who sees the list of processes sees the token', async (t) => {
  const stage = await smallModel()
  const before = agent.calls.length
  agent.delayMilliseconds = 1500
  const loader = await stage.start(podIdentity)
  await until('the agent to be asked', () => commandLines().some((line) => line.includes('nc\u0000127.0.0.1\u0000')))
  t.strictSame(
    commandLines().filter((line) => line.includes(token)),
    [],
  )
  agent.delayMilliseconds = 0
  endsWith(t, await loader.end, 0)
  t.ok(agent.calls.length > before)
})

for (const failure of ['not-found', 'throttled', 'server-error', 'unavailable'] as const) {
  t.test(`an agent that answers ${failure} is asked again`, async (t) => {
    const stage = await smallModel()
    agent.fail(failure, 2)
    endsWith(t, await stage.run(podIdentity), 0)
  })
}

t.test('an agent that is not up yet is waited for', async (t) => {
  const stage = await smallModel()
  await agent.refuseConnections()
  const loader = await stage.start(podIdentity)
  await until('the agent to be asked', () => commandLines().some((line) => line.includes('/bridge\u0000')))
  await agent.acceptConnections()
  endsWith(t, await loader.end, 0)
})

t.test('an agent that refuses the token ends it at once', async (t) => {
  const stage = await smallModel()
  agent.fail('access-denied')
  endsWith(t, await stage.run(podIdentity), 10, /^access denied: the Pod Identity agent answered 400: .*AccessDenied/)
  await holdsNothing(t, stage)
})

t.test('a service account without association is named in the end', async (t) => {
  const stage = await smallModel()
  agent.dissociate(account)
  endsWith(
    t,
    await stage.run({ ...(await withNewToken()), MODEL_TIMEOUT_SECONDS: '8' }),
    75,
    /no Pod Identity association for service account apps\/model-reader/,
  )
  agent.associate(account)
})

t.test('credentials that expire in the middle are replaced', async (t) => {
  const stage = await smallModel()
  for (let i = 0; i < 6; i++) await stage.put(`slow-${i}`, bytes(300_000, i))
  stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'slow', bytesPerSecond: 150_000 } })
  stage.fault({ match: { operation: 'head' }, times: 'always', action: { kind: 'slow', bytesPerSecond: 150_000 } })
  agent.ttlSeconds = 2
  endsWith(t, await stage.run(await withNewToken()), 0)
  agent.ttlSeconds = 6 * 3600
  await holdsModel(t, stage)
  t.ok(new Set(world.proxy.requests.map(({ accessKeyId }) => accessKeyId)).size > 1)
})

t.test('the token goes to no other address', async (t) => {
  const stage = await smallModel()
  for (const uri of [
    'http://169.254.170.23.example.com/v1/credentials',
    'http://127.0.0.1.example.com:80/',
    'https://169.254.170.23/v1/credentials',
    'http://169.254.169.254/latest',
  ]) {
    endsWith(
      t,
      await stage.run({ ...podIdentity, AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }),
      78,
      /is not the address of a Pod Identity agent/,
    )
  }
})

t.test('IRSA and keys that were not injected', async (t) => {
  const stage = await smallModel()
  endsWith(t, await stage.run({ MODEL_CREDENTIALS: 'irsa', MODEL_ENDPOINT: '' }), 78, /AWS_ROLE_ARN/)
  endsWith(t, await stage.run({ AWS_SECRET_ACCESS_KEY: '' }), 78, /the Secret keys gave no/)
  endsWith(t, await stage.run({ MODEL_CREDENTIALS: 'irsa' }), 64, /MODEL_ENDPOINT .* no irsa there/)
})

t.test('a request without a signature is all that anonymous sends', async (t) => {
  const stage = await smallModel()
  endsWith(t, await stage.run({ MODEL_CREDENTIALS: 'anonymous' }), 10)
  t.strictSame(
    world.proxy.requests.filter(({ accessKeyId }) => accessKeyId !== undefined),
    [],
  )
})

t.test('SIGTERM ends the loader and its children, and leaves nothing', async (t) => {
  const stage = await smallModel()
  stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'stall', afterBytes: 100 } })
  const loader = await stage.start()
  await until('the download to stall', () =>
    world.proxy.requests.some(({ operation, bytesSent }) => operation === 'get' && bytesSent > 0),
  )
  loader.child.kill('SIGTERM')
  endsWith(t, await loader.end, 143, /^SIGTERM: told to stop; the next run starts anew \(exit 143\)$/m)
  t.strictSame(await readdir(stage.root), [])
  t.strictSame(
    commandLines().filter((line) => line.includes(stage.root)),
    [],
  )
})

t.test('a loader that was killed leaves no trace in the next run', async (t) => {
  const stage = await smallModel()
  stage.fault({
    match: { operation: 'get', key: /weights/ },
    times: 'always',
    action: { kind: 'stall', afterBytes: 100 },
  })
  const loader = await stage.start()
  await until('the download to stall', () =>
    world.proxy.requests.some(({ operation, bytesSent }) => operation === 'get' && bytesSent > 0),
  )
  loader.child.kill('SIGKILL')
  await loader.end.catch(() => undefined)
  await holdsNothing(t, stage)
  world.proxy.reset()
  endsWith(t, await stage.run(), 0)
  await holdsModel(t, stage)
})

t.test('two loaders at once publish one model', async (t) => {
  const stage = await smallModel()
  const ends = await Promise.all([stage.run(), stage.run({ MODEL_POD_UID: 'pod-2' })])
  for (const end of ends) endsWith(t, end, 0)
  await holdsModel(t, stage)
})

t.test('another loader that comes first in the middle is believed', async (t) => {
  const stage = await smallModel()
  let other: LoaderEnd | undefined
  stage.fault({
    match: { operation: 'get', key: /config/ },
    action: {
      kind: 'run',
      run: async () => {
        other = await stage.run({ MODEL_POD_UID: 'pod-2' })
      },
    },
  })
  endsWith(t, await stage.run(), 0, /is on the volume already: 2 files/)
  t.equal(other?.exitCode, 0)
  await holdsModel(t, stage)
})

t.test("each engine accepts the other's model", async (t) => {
  const inTurn: readonly (readonly [LoaderEngine, LoaderEngine])[] = [
    [engine, nativeEngine],
    [nativeEngine, engine],
  ]
  for (const [first, second] of inTurn) {
    const stage = await smallModel()
    endsWith(t, await stageOf({ ...world, engine: first }, `s5cmd ${volumes}`, stage.root).run(), 0)
    world.proxy.reset()
    endsWith(
      t,
      await stageOf({ ...world, engine: second }, `s5cmd ${volumes}`, stage.root).run(),
      0,
      /is on the volume already: 2 files, 195 KiB/,
    )
    t.strictSame(world.proxy.requests, [], 'nothing is asked for')
    await holdsModel(t, stage)
  }
})

t.test('an object that is replaced while it is read is loaded again', async (t) => {
  const stage = await smallModel()
  stage.fault({
    match: { operation: 'get', key: /config/ },
    action: { kind: 'replace', body: '{"layers":33, "new":1}' },
  })
  stage.model.set('config.json', '{"layers":33, "new":1}')
  endsWith(t, await stage.run(), 0, /warning: config.json changed while it was read; listing again/)
  await holdsModel(t, stage)
})

t.test('an object that is replaced again and again is given up', async (t) => {
  const stage = await smallModel()
  let version = 0
  const replace = async (): Promise<void> => {
    await world.server.putObject(stage.bucket, `${stage.prefix}config.json`, `version ${'I'.repeat(++version)}`)
  }
  stage.fault({ match: { operation: 'get', key: /config/ }, times: 'always', action: { kind: 'run', run: replace } })
  endsWith(t, await stage.run(), 15, /config.json changed twice while it was read/)
  await holdsNothing(t, stage)
})

t.test('a key that turns up after the listing is not written, wherever it leads', async (t) => {
  const stage = await smallModel()
  const forge = (): void => {
    world.proxy.forge(stage.bucket, { key: `${stage.prefix}../../../escape`, body: 'x' })
  }
  stage.fault({ match: { operation: 'get' }, action: { kind: 'run', run: forge } })
  endsWith(t, await stage.run(), 16, /escape/)
  t.notOk((await readdir(directory, { recursive: true })).some((path) => path.includes('escape')))
})

t.test('an object dated in the future is missed, and expect notices', async (t) => {
  const stage = await smallModel()
  await world.server.setLastModified(stage.bucket, `${stage.prefix}config.json`, new Date(Date.now() + 3_600_000))
  endsWith(t, await stage.run({ MODEL_EXPECT: 'objects=2' }), 15, /2 objects were expected, 1 are there/)
})

t.test('a volume that fills up in the middle', async (t) => {
  const stage = await smallModel()
  world.proxy.forge(stage.bucket, { key: `${stage.prefix}big.bin`, size: 10, body: bytes(3_000_000, 2) })
  endsWith(
    t,
    await stage.run({}, mounted('-t tmpfs -o size=1m tmpfs', stage.root)),
    13,
    /^not enough space: the volume became full: the model needs 200023 bytes/m,
  )
})

t.test('a volume that is too small from the start', async (t) => {
  const stage = await smallModel()
  endsWith(
    t,
    await stage.run({}, mounted('-t tmpfs -o size=100k tmpfs', stage.root)),
    13,
    /the model needs 200013 bytes \(195 KiB\), \d+ \(.*\) are free/,
  )
})

t.test('a volume that is read-only', async (t) => {
  const stage = await smallModel()
  endsWith(t, await stage.run({}, mounted('-t tmpfs -o ro tmpfs', stage.root)), 19, /[Rr]ead-only file system/)
})

t.test('a foreign file in a published model is noticed where the app cannot write', async (t) => {
  const stage = await smallModel()
  endsWith(t, await stage.run(), 0)
  await writeFile(join(stage.root, stage.id, 'files', 'foreign'), 'x')
  endsWith(t, await stage.run({ MODEL_READ_ONLY: 'false' }), 0)
  endsWith(t, await stage.run(), 18, /has 3 files of 200014 bytes, the loader wrote 2 of 200013/)
})

t.test('modes are those that the app needs, whatever the umask', async (t) => {
  for (const [readOnly, file, folder] of [
    ['true', 0o644, 0o755],
    ['false', 0o664, 0o775],
  ] as const) {
    const stage = await smallModel()
    endsWith(t, await stage.run({ MODEL_READ_ONLY: readOnly }), 0)
    const mode = (path: string): number => statSync(join(stage.root, stage.id, path)).mode & 0o777
    t.strictSame(['', 'files', 'files/shards'].map(mode), [folder, folder, folder])
    t.strictSame(['files/config.json', 'files/shards/weights.bin'].map(mode), [file, file])
    t.equal(mode('marker.json'), 0o644)
  }
})

t.test('progress is told by what has arrived', async (t) => {
  const stage = await smallModel()
  await stage.put('slow.bin', bytes(600_000, 4))
  stage.fault({
    match: { operation: 'get', key: /slow/ },
    times: 'always',
    action: { kind: 'slow', bytesPerSecond: 200_000 },
  })
  endsWith(
    t,
    await stage.run({ MODEL_STALL_TIMEOUT_SECONDS: '9' }),
    0,
    /^\d+ KiB of 781 KiB \(\d+ %\), [\d.]+ KiB\/s, \d+ s left$/m,
  )
})

t.test('the script is POSIX: another shell runs it as well', async (t) => {
  const elsewhere = await temporaryDirectory(t)
  const dash = await s5cmdEngine(elsewhere, '/bin/dash')
  const stage = await smallModel()
  const inDash = stageOf({ ...world, engine: dash }, `s5cmd ${volumes}`, stage.root)
  endsWith(t, await inDash.run({ MODEL_EXPECT: 'objects=3' }), 15)
  endsWith(t, await inDash.run(podIdentity), 0)
  await holdsModel(t, stage)
})

t.test('several mistakes in the environment are told at once, and nothing is written', async (t) => {
  const stage = await smallModel()
  const mistakes = {
    MODEL_NAME: '',
    MODEL_SOURCE: 's3://b/../x',
    MODEL_EXPECT: 'objects=0,what',
    MODEL_SIZE_BYTES: '-1',
    MODEL_READ_ONLY: 'yes',
    MODEL_POD_UID: 'a/b',
    MODEL_CREDENTIALS: 'root',
    MODEL_ENDPOINT: 'ftp://x',
    AWS_REGION: 'EU WEST',
    MODEL_INCLUDE: '*',
    MODEL_TIMEOUT_SECONDS: '08',
    MODEL_STALL_TIMEOUT_SECONDS: '1e3',
  }
  const end = await startLoader(engine, directory, {
    ...engine.environment(undefined),
    MODEL_ROOT: stage.root,
    MODEL_ID: stage.id,
    ...mistakes,
  }).then(({ end }) => end)
  endsWith(t, end, 64)
  for (const name of Object.keys(mistakes)) t.match(end.log, name)
  t.strictSame(await readdir(stage.root), [])
})
