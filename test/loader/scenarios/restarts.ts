/** Loaders that are ended in the middle, and loaders that meet each other. */
import { lstat, mkdir, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import type { RunningLoader } from '../../kit/s3/loader-run.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { etagOf } from '../../kit/s3/s3-fault-proxy.ts'
import { listeningPorts } from '../../kit/tools/listening-ports.ts'
import { treeOf } from '../../kit/tools/process-memory.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { bytes, putManifest } from '../cases.ts'
import { endSignal, MiB, requestsOf, waitForBytes, type Scenario } from './scenario.ts'

const partBytes = 16 * MiB
const quickParts = 3
/** The default of terminationGracePeriodSeconds. */
const gracePeriodMs = 30_000
const parts = 6

export const restarts: readonly Scenario[] = [
  {
    name: 'SIGKILL in the middle of a download: the next run loads the rest',
    run: async (t, stage) => {
      const loader = await startedHalf(stage)
      killTree(loader)
      await loader.end
      await holdsNothing(t, stage)
      await continues(t, stage)
    },
  },
  {
    name: 'SIGTERM in the middle of a download ends it at once, and the next run continues',
    run: async (t, stage) => {
      const loader = await startedHalf(stage)
      const toldAtMs = performance.now()
      loader.child.kill('SIGTERM')
      endsWith(t, await loader.end, 143, /^SIGTERM: /)
      t.ok(performance.now() - toldAtMs < gracePeriodMs, 'within the grace period of a pod')
      await holdsNothing(t, stage)
      t.strictSame(
        (await readdir(stage.root)).filter((name) => name.startsWith('.lock')),
        [],
        'no lock is left',
      )
      await continues(t, stage)
    },
  },
  {
    name: 'SIGUSR1 in the middle of a download opens no inspector, and the download goes on',
    run: async (t, stage) => {
      const loader = await startedHalf(stage)
      const before = await listeningPorts(loader.child.pid)
      loader.child.kill('SIGUSR1')
      const got = requestsOf(stage).reduce((sum, { bytesSent }) => sum + bytesSent, 0)
      await waitForBytes(stage, loader, got + MiB / 4)
      t.strictSame(await listeningPorts(loader.child.pid), before)
      stage.world.proxy.reset()
      killTree(loader)
      t.notMatch((await loader.end).log, /debugger|inspector/i)
    },
  },
  {
    name: 'parts loaded before a SIGKILL are read again, and fetched again if they changed on the disk',
    run: async (t, stage) => {
      await putModel(stage)
      const env = { MODEL_EXPECT: await putManifest(stage) }
      const loader = await startedHalf(stage, env)
      killTree(loader)
      await loader.end
      stage.world.proxy.reset()
      if (stage.world.engine.name === 'native') {
        await damage(join(stage.root, `.staging-${stage.id}-pod-1`, 'files', 'weights.bin'))
      }
      endsWith(t, await stage.run(env), 0)
      await holdsModel(t, stage)
      if (stage.world.engine.name === 'native') t.strictSame(partsFetched(stage), [0, 3, 4, 5], 'the damaged part, too')
    },
  },
  ...untrueJournals(),
  {
    name: 'where checksums are required, an object of an earlier run is judged again',
    run: async (t, stage) => {
      const body = bytes(2000, 6)
      await stage.world.server.placeObject(stage.bucket, `${stage.prefix}bare.bin`, body)
      stage.model.set('bare.bin', body)
      const env = { MODEL_REQUIRE_CHECKSUMS: 'true' }
      const loader = await startedHalf(stage, env)
      killTree(loader)
      await loader.end
      stage.world.proxy.reset()
      endsWith(t, await stage.run(env), 15, /no checksum of the whole for 1 of 3 objects/)
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'a file that somebody else takes out of staging while the rest comes is missed, and loaded again',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      await stage.put('weights.bin', smallWeights)
      const file = join(stage.root, `.staging-${stage.id}-pod-1`, 'files', 'config.json')
      const takeAway = async (): Promise<void> => {
        await waitFor('the other file', async () =>
          (await readFile(file, 'utf8').catch(() => '')) === '{}' ? true : undefined,
        )
        await rm(file)
      }
      stage.fault({ match: { operation: 'get', key: /weights/ }, action: { kind: 'run', run: takeAway } })
      endsWith(t, await stage.run(), 15, /"config\.json" is missing|2 files, 100002 bytes were listed, 1 files/)
      await holdsNothing(t, stage)
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'two pods load the same model onto one volume',
    run: async (t, stage) => {
      for (let i = 0; i < 4; i++) await stage.put(`shard-${i}.bin`, bytes(20 * MiB, i))
      const loaders = await Promise.all(['pod-1', 'pod-2'].map((uid) => stage.start({ MODEL_POD_UID: uid })))
      for (const loader of loaders) endsWith(t, await loader.end, 0)
      await holdsModel(t, stage)
      const fetched = requestsOf(stage).reduce((sum, { bytesSent }) => sum + bytesSent, 0)
      if (stage.world.engine.name !== 'native') return
      t.equal(fetched, 80 * MiB, 'every byte came once')
      t.match(
        loaders.map((loader) => loader.log()).join(''),
        /^waiting for pod pod-[12], which loads this model onto the same volume$/m,
      )
    },
  },
  {
    name: 'leftovers of a loader that was killed long ago are removed, its lock taken over',
    run: async (t, stage) => {
      const loader = await startedHalf(stage, { MODEL_POD_UID: 'pod-0' })
      killTree(loader)
      await loader.end
      const left = await readdir(stage.root)
      t.ok(
        left.some((name) => name.startsWith('.staging-')),
        left.join(' '),
      )
      await makeOld(stage.root)
      stage.world.proxy.reset()
      endsWith(t, await stage.run({ MODEL_POD_UID: 'pod-1' }), 0)
      await holdsModel(t, stage)
    },
  },
]

/** A journal of both objects, and staging with something else in the place of the second. */
function untrueJournals(): readonly Scenario[] {
  const places: readonly (readonly [what: string, put: (file: string) => Promise<unknown>])[] = [
    ['is not there', () => Promise.resolve()],
    ['is zeros', (file) => writeFile(file, Buffer.alloc(smallWeights.length))],
  ]
  return places.flatMap(([what, put]) =>
    [false, true].map((pinned): Scenario => {
      const name = `a line of the journal whose file ${what} is not believed${pinned ? ', with a manifest either' : ''}`
      return { name, run: (t, stage) => loadsBeside(t, stage, { put, pinned }) }
    }),
  )
}

const smallWeights = Buffer.from(bytes(100_000, 3))

async function loadsBeside(
  t: Test,
  stage: Stage,
  { put, pinned }: { readonly put: (file: string) => Promise<unknown>; readonly pinned: boolean },
): Promise<void> {
  await stage.put('config.json', '{}')
  await stage.put('weights.bin', smallWeights)
  const env = pinned ? { MODEL_EXPECT: await putManifest(stage) } : {}
  const staging = join(stage.root, `.staging-${stage.id}-pod-1`)
  await mkdir(join(staging, 'files'), { recursive: true })
  await writeFile(join(staging, 'files', 'config.json'), '{}')
  await put(join(staging, 'files', 'weights.bin'))
  const lines = [lineOf('config.json', Buffer.from('{}')), lineOf('weights.bin', smallWeights)]
  await writeFile(join(staging, 'journal.ndjson'), lines.join(''))

  endsWith(t, await stage.run(env), 0)
  await holdsModel(t, stage)
  for (const path of stage.model.keys()) t.ok((await lstat(join(stage.root, stage.id, 'files', path))).isFile())
  if (stage.world.engine.name !== 'native') return
  const fetched = requestsOf(stage).map(({ key = '' }) => key.slice(stage.prefix.length))
  t.strictSame(
    [fetched.includes('weights.bin'), fetched.includes('config.json')],
    [true, false],
    'intact parts are not fetched again',
  )
}

/** As a loader writes it of an object of one part. */
function lineOf(path: string, body: Buffer): string {
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(body))
  const { length } = body
  const part = { path, etag: etagOf(body), size: length, offset: 0, length }
  return `${JSON.stringify({ ...part, crc: crc.toString('base64'), crcAlgorithm: 'crc32' })}\n`
}

async function putModel(stage: Stage): Promise<void> {
  await stage.put('weights.bin', bytes(parts * partBytes, 2))
  await stage.put('config.json', '{}')
}

/** One bit of the first part, which is in the journal. */
async function damage(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 5)
  await handle.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, 5)
  await handle.close()
}

/** A loader that has loaded the first parts, and waits for the slow rest. */
async function startedHalf(stage: Stage, env: Readonly<Record<string, string>> = {}): Promise<RunningLoader> {
  if (!stage.model.has('weights.bin')) await putModel(stage)
  const isLate = ({ key, range }: { key: string | undefined; range: string | undefined }): boolean =>
    key?.endsWith('weights.bin') === true &&
    Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) >= quickParts * partBytes
  stage.fault({
    match: { operation: 'get', where: isLate },
    times: 'always',
    action: { kind: 'slow', bytesPerSecond: 200_000 },
  })
  const loader = await stage.start(env)
  if (stage.world.engine.name === 'native') await waitForJournal(stage, loader, env.MODEL_POD_UID ?? 'pod-1')
  else await waitForBytes(stage, loader, partBytes)
  return loader
}

async function waitForJournal({ root, id }: Stage, loader: RunningLoader, uid: string): Promise<void> {
  const journal = join(root, `.staging-${id}-${uid}`, 'journal.ndjson')
  await waitFor(
    `${quickParts} parts of the weights in the journal`,
    async () => {
      const lines = (await readFile(journal, 'utf8')).match(/^\{"path":"weights\.bin",.*\}$/gm) ?? []
      return lines.length >= quickParts ? true : undefined
    },
    { signal: endSignal(loader) },
  )
}

/** The next run ends well; the native engine does not fetch again what it has journaled. */
async function continues(t: Test, stage: Stage): Promise<void> {
  stage.world.proxy.reset()
  endsWith(t, await stage.run(), 0)
  await holdsModel(t, stage)
  if (stage.world.engine.name !== 'native') return
  t.strictSame(partsFetched(stage), [3, 4, 5], 'only what was missing')
}

function partsFetched(stage: Stage): readonly number[] {
  return requestsOf(stage)
    .filter(({ key }) => key?.endsWith('weights.bin'))
    .map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1]) / partBytes)
    .sort((a, b) => a - b)
}

/** As the end of its container does: nothing of it stays. */
function killTree({ child }: RunningLoader): void {
  for (const pid of treeOf(child.pid!)) process.kill(pid, 'SIGKILL')
}

async function makeOld(root: string): Promise<void> {
  const then = new Date(Date.now() - 20 * 60 * 1000)
  for (const name of await readdir(root, { recursive: true })) {
    await utimes(join(root, name), then, then)
  }
}
