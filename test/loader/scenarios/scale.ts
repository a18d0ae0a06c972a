/** Many objects, large objects: memory stays where it is. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Test } from 'tap'
import { leastLoaderMemoryBytes } from '../../../src/values/engine.ts'
import { sourceMain } from '../../kit/s3/loader-run.ts'
import { buildProduct } from '../../kit/tools/built-product.ts'
import { caseCount } from '../../kit/tools/long-runs.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import type { Stage } from '../../kit/s3/loader-world.ts'
import { watchMemory } from '../../kit/tools/process-memory.ts'
import { startSyntheticS3 } from '../../kit/s3/s3-synthetic.ts'
import { noKeys, type Env } from './identity.ts'
import { MiB, type Scenario } from './scenario.ts'

const mostMiB = 150
/** The keys themselves take room; what the webhook gives a loader at least has to do. */
const mostMiBOfManyKeys = leastLoaderMemoryBytes.native / MiB
/** s5cmd, and the loader itself, which asks for every object once more. */
const mostMiBOfTwoPrograms = leastLoaderMemoryBytes.s5cmd / MiB
/** Several times what the loader may take. */
const hole = caseCount({ short: 512, long: 1536 }) * MiB

/** The hundred thousand of the next scenario are of one server's making; these are files and go through the proxy, which takes its time. */
const smallObjects = caseCount({ short: 2_500, long: 10_000 })

export const scale: readonly Scenario[] = [
  {
    name: 'thousands of small objects take a bounded amount of memory',
    run: async (t, stage) => {
      const names = Array.from({ length: smallObjects }, (_, i) => `layer-${i % 100}/tensor-${i}`)
      for (const name of names) {
        await stage.world.server.placeObject(stage.bucket, stage.prefix + name, `the content of ${name}`)
      }
      await loadsInBounds(
        t,
        stage,
        { MODEL_TIMEOUT_SECONDS: '300' },
        stage.world.engine.name === 'native' ? mostMiB : mostMiBOfTwoPrograms,
      )
      for (const name of names) {
        if ((await readFile(join(filesOf(stage), name), 'utf8')) !== `the content of ${name}`) {
          t.fail(`${name} has other content`)
        }
      }
      t.equal(await countFiles(stage), names.length)
    },
  },
  {
    name: 'a hundred thousand objects take a bounded amount of memory',
    cannot: { s5cmd: 'loads them, but takes minutes; not tried every time' },
    run: async (t, stage) => {
      const count = 100_000
      const server = await startSyntheticS3(count)
      t.teardown(() => server.stop())
      await loadsInBounds(
        t,
        stage,
        {
          ...noKeys,
          MODEL_SOURCE: 's3://models/synthetic/',
          MODEL_ENDPOINT: server.endpoint,
          MODEL_CREDENTIALS: 'anonymous',
          MODEL_EXPECT: `objects=${count}`,
          MODEL_TIMEOUT_SECONDS: '300',
        },
        mostMiBOfManyKeys,
      )
      t.equal(await countFiles(stage), count)
      const [first = '', last = ''] = [server.keyOf(0), server.keyOf(count - 1)].map((key) =>
        key.slice('synthetic/'.length),
      )
      for (const path of [first, last]) {
        t.equal(await readFile(join(filesOf(stage), path), 'utf8'), server.bodyOf(`synthetic/${path}`))
      }
    },
  },
  {
    name: 'one large object takes a bounded amount of memory',
    run: async (t, stage) => {
      await stage.world.server.placeHole(stage.bucket, `${stage.prefix}weights.bin`, hole)
      await loadsInBounds(t, stage, { MODEL_TIMEOUT_SECONDS: '300' })
      const file = join(filesOf(stage), 'weights.bin')
      t.equal((await stat(file)).size, hole)
      t.equal(
        await sha256Of(file),
        await sha256Of(join(stage.world.server.bucketDirectory(stage.bucket), stage.prefix, 'weights.bin')),
      )
      await rm(file)
    },
  },
]

async function loadsInBounds(t: Test, stage: Stage, env: Env, bound = mostMiB): Promise<void> {
  const loader = await stage.start(env, await built(stage))
  const memory = watchMemory(loader.child)
  endsWith(t, await loader.end, 0)
  t.comment(`peak memory ${memory.peakMiB.toFixed(0)} MiB`)
  t.ok(memory.peakMiB > 10 && memory.peakMiB < bound, `${memory.peakMiB.toFixed(0)} MiB`)
  t.strictSame(await readdir(stage.root), [stage.id], 'no staging is left')
}

let building: Promise<string> | undefined

async function built({ world }: Stage): Promise<(command: readonly string[]) => readonly string[]> {
  const main = await (building ??= buildProduct(join(world.directory, 'product')))
  return (command) => command.map((word) => (word === sourceMain ? main : word))
}

function filesOf({ root, id }: Stage): string {
  return join(root, id, 'files')
}

async function countFiles(stage: Stage): Promise<number> {
  return (await readdir(filesOf(stage), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    .length
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: MiB }), hash)
  return hash.digest('hex')
}
