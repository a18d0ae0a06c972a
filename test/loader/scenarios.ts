/** Requirements on every engine beyond one run, by subject. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { LoaderEngine } from '../kit/s3/loader-run.ts'
import { stageOf, startLoaderWorld } from '../kit/s3/loader-world.ts'
import { answers } from './scenarios/answers.ts'
import { credentials } from './scenarios/credentials.ts'
import { environments } from './scenarios/environments.ts'
import { expiries } from './scenarios/expiries.ts'
import { irsa } from './scenarios/irsa.ts'
import { listings } from './scenarios/listings.ts'
import { network } from './scenarios/network.ts'
import { places } from './scenarios/places.ts'
import { progress } from './scenarios/progress.ts'
import { restarts } from './scenarios/restarts.ts'
import { scale } from './scenarios/scale.ts'
import { reuse } from './scenarios/reuse.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { sources } from './scenarios/sources.ts'
import { volumes } from './scenarios/volumes.ts'

export const subjects: Readonly<Record<string, readonly Scenario[]>> = {
  environments,
  network,
  restarts,
  volumes,
  reuse,
  listings,
  answers,
  sources,
  places,
  credentials,
  expiries,
  irsa,
  progress,
  scale,
}
/** Subjects that run side by side: a scenario waits more than it works, and each subject has a world of its own. */
const subjectsAtOnce = 3
const timeout = 15 * 60 * 1000

/** `only`: of these subjects. */
export function scenarios(t: Test, engine: LoaderEngine, only: readonly string[] = Object.keys(subjects)): void {
  t.jobs = subjectsAtOnce
  // The last ones take longest.
  for (const [subject, list] of Object.entries(subjects)
    .toReversed()
    .filter(([name]) => only.includes(name))) {
    t.test(`${subject}, with the engine ${engine.name}`, { timeout }, async (t) => {
      const directory = t.testdir({ volumes: {} })
      const world = await startLoaderWorld(directory, engine)
      t.teardown(() => world.stop())
      for (const [i, { name, run }] of list.filter(({ cannot }) => cannot?.[engine.name] === undefined).entries()) {
        await t.test(name, async (t) => {
          world.proxy.reset()
          const root = join(directory, 'volumes', `${i}`)
          mkdirSync(root)
          await run(t, stageOf(world, name, root))
        })
      }
    })
  }
}
