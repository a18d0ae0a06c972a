/** The one suite that every engine passes. */
import { readdir } from 'node:fs/promises'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { exits } from '../../src/loader/exit-codes.ts'
import type { LoaderEngine, LoaderEnd } from '../kit/s3/loader-run.ts'
import {
  holdsModel,
  holdsNothing,
  stageOf,
  startLoaderWorld,
  type LoaderWorld,
  type Stage,
} from '../kit/s3/loader-world.ts'
import { loaderCases, type Arranged, type LoaderCase } from './cases.ts'

/** A case waits more than it works. Each lane has a world of its own. */
const lanes = 3
const timeout = 45 * 60 * 1000

export function conformance(t: Test, engine: LoaderEngine): void {
  t.jobs = lanes
  const able = loaderCases.filter(({ cannot }) => cannot?.[engine.name] === undefined)
  for (let lane = 0; lane < lanes; lane++) {
    t.test(`the engine ${engine.name}, lane ${lane + 1}`, { timeout }, async (t) => {
      const directory = t.testdir({ volumes: {} })
      const world = await startLoaderWorld(directory, engine)
      t.teardown(() => world.stop())
      for (const loaderCase of able.filter((_, i) => i % lanes === lane)) {
        await t.test(loaderCase.name, (t) => check(t, loaderCase, world))
      }
    })
  }
}

async function check(t: Test, loaderCase: LoaderCase, world: LoaderWorld): Promise<void> {
  world.proxy.reset()
  const root = join(world.directory, 'volumes', loaderCase.name.replace(/\W+/g, '-').slice(0, 60))
  mkdirSync(root)
  const stage = stageOf(world, loaderCase.name, root)
  const arranged: Arranged = (await loaderCase.arrange(stage)) ?? {}

  const end = await stage.run({ ...arranged.env, ...arranged.faultEnv })
  endsWith(t, end, loaderCase.exit)
  if (loaderCase.says !== undefined) t.match(end.log, loaderCase.says)
  await (loaderCase.exit === 0 ? holdsModel(t, stage) : leavesTheAppAlone(t, stage, loaderCase))
  await arranged.after?.(t, stage, end)

  world.proxy.reset()
  const next = await stage.run(arranged.env)
  endsWith(t, next, arranged.next ?? 0)
  if ((arranged.next ?? 0) === 0) await holdsModel(t, stage)
  else await leavesTheAppAlone(t, stage, loaderCase)
  if (loaderCase.exit === 0) t.strictSame(world.proxy.requests, [], 'a second run asks for nothing')
  else {
    t.strictSame(
      (await readdir(root)).filter((name) => name.startsWith('.')),
      [],
      'neither staging nor lock is left',
    )
  }
}

function endsWith(t: Test, { exitCode, signal, log, terminationMessage }: LoaderEnd, wanted: number): void {
  if (exitCode !== wanted) t.comment(log)
  t.strictSame({ exitCode, signal }, { exitCode: wanted, signal: null })
  if (wanted === 0) return
  const line = log.trim().split('\n').at(-1) ?? ''
  t.equal(terminationMessage.trim(), line, 'the last line of the log is the termination message')
  const exit = Object.values(exits).find(({ code }) => code === wanted)
  t.ok(line.startsWith(`${exit?.summary ?? ''}: `), line)
  t.ok(line.endsWith(`(exit ${wanted})`), line)
}

async function leavesTheAppAlone(t: Test, stage: Stage, { exit }: LoaderCase): Promise<void> {
  if (exit !== 18) await holdsNothing(t, stage)
}
