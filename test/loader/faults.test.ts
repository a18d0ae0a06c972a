/**
 * A load in which one call of the file system fails, or in which the process is killed there: it ends with the whole model or with
 * a documented exit and its line, nothing half is ever published, and the next run ends with the exact bytes. FAULT_SEED repeats a run.
 */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { exits } from '../../src/loader/exit-codes.ts'
import { endsWith } from '../kit/s3/loader-end.ts'
import { nativeEngine } from '../kit/s3/loader-run.ts'
import { stageOf, startLoaderWorld, type Stage } from '../kit/s3/loader-world.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { bytes, putManifest } from './cases.ts'

const runs = caseCount({ short: 30, long: 300 })
const actions = ['ENOSPC', 'EIO', 'EROFS', 'KILL-BEFORE', 'KILL-AFTER'] as const
/** Without these the library would not stand where the loader calls. */
const expectedCalls = [
  'fchmod',
  'fdatasync',
  'fsync',
  'mkdir',
  'open',
  'pwrite64',
  'rename',
  'rmdir',
  'unlink',
  'write',
]

t.setTimeout(3_600_000)
const directory = t.testdir({ volumes: {} })
const library = join(directory, 'faults.so')
await promisify(execFile)('cc', [
  '-shared',
  '-fPIC',
  '-O1',
  '-o',
  library,
  join(import.meta.dirname, '../kit/tools/faults.c'),
  '-ldl',
])
const world = await startLoaderWorld(directory, nativeEngine)
t.teardown(() => world.stop())
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000)
const random = randomFrom(seed)

t.test(`with the seed ${seed}`, async (t) => {
  for (const kind of ['verify', 'own', 'pinned'] as const) {
    const name = `faults ${kind}`
    const reference = stageOf(world, name, await volume(kind))
    await reference.put('config.json', '{"layers":2}')
    await reference.put('deep/er/weights.bin', bytes(3_000_000, 1))
    await reference.put('deep/empty', '')
    const env = {
      ...(kind === 'own' ? {} : { MODEL_REUSE: 'verify' }),
      ...(kind === 'pinned' ? { MODEL_EXPECT: await putManifest(reference) } : {}),
    }
    const log = join(directory, `calls-${kind}`)
    endsWith(t, await reference.run({ ...env, ...faultEnv(reference.root), FAULT_LOG: log }), 0)
    const calls = (await readFile(log, 'utf8')).trim().split('\n')
    t.strictSame(
      expectedCalls.filter((call) => !calls.includes(call)),
      [],
      `${calls.length} calls, of every kind`,
    )
    for (let run = 0; run < runs / 3; run++) {
      const [at, action] = [1 + random(calls.length), actions[random(actions.length)] ?? 'EIO']
      const stage = { ...stageOf(world, name, await volume(`${kind}-${run}`)), model: reference.model }
      await t.test(`${kind}: ${action} at call ${at}, ${calls[at - 1] ?? ''}`, (t) =>
        fails(t, stage, { env, at, action }),
      )
      await rm(stage.root, { recursive: true })
    }
  }
})

interface Fault {
  readonly env: Readonly<Record<string, string>>
  readonly at: number
  readonly action: (typeof actions)[number]
}

async function fails(t: Test, stage: Stage, { env, at, action }: Fault): Promise<void> {
  const fault = { ...faultEnv(stage.root), FAULT_AT: String(at), FAULT_ACTION: action }
  const end = await stage.run({ ...env, ...fault })
  const published = (await readdir(stage.root)).includes(stage.id)
  if (published) await holdsBytes(t, stage)
  if (end.signal === 'SIGKILL') t.ok(action.startsWith('KILL'))
  else if (end.exitCode === 0) t.ok(published)
  else endsWith(t, end, documented(end.exitCode))
  const next = await stage.run(env)
  endsWith(t, next, 0)
  await holdsBytes(t, stage)
  // A lock stays where the run that had published could not take it away: no later one looks for it.
  const left = (await readdir(stage.root)).filter((name) => !(published && name.startsWith('.lock-')))
  t.strictSame(left, [stage.id], 'no staging is left')
}

/** The code, if it is one of the table and no bug. */
function documented(found: number | null): number {
  return Object.values(exits).find(({ code }) => code === found && code !== exits.Bug.code)?.code ?? 0
}

/** Every file of the model has the bytes of its object, and nothing else is there. */
async function holdsBytes(t: Test, { root, id, model }: Stage): Promise<void> {
  const files = join(root, id, 'files')
  const entries = await readdir(files, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(files.length + 1))
  t.strictSame(paths.sort(), [...model.keys()].sort())
  for (const [path, body] of model) {
    t.equal(Buffer.compare(await readFile(join(files, path)), Buffer.from(body as Uint8Array)), 0, path)
  }
  t.match(JSON.parse(await readFile(join(root, id, 'marker.json'), 'utf8')), { id, files: model.size })
}

async function volume(name: string): Promise<string> {
  const root = join(directory, 'volumes', name)
  await mkdir(root)
  return root
}

function faultEnv(root: string): Readonly<Record<string, string>> {
  return { LD_PRELOAD: library, FAULT_ROOT: root }
}

/** Whole numbers below a bound, the same for the same seed (mulberry32). */
function randomFrom(start: number): (bound: number) => number {
  let state = start
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}
