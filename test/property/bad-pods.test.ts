/**
 * No pod, whatever it has much of, costs more than 20 times what its bytes cost anyway, or 100 MiB. `make test-long` looks at 20,000 pods;
 * the seed is in the message, so that a find can be looked at again.
 */
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { admit } from '../../src/admission/admit.ts'
import { readReview } from '../../src/admission/review.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { eventOf } from '../../src/server/admission-event.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { cpuMsOf, searchBadPods, type Search, type Tried } from '../kit/webhook/bad-pod-search.ts'

const bounds = { timesFloor: 20, heapMiB: 100 }
const seed = Number(process.env.SEED ?? caseCount({ short: 1, long: Math.floor(Date.now() / 1000) }))
const longestMinutes = 30
t.setTimeout(3 * longestMinutes * 60_000)

/**
 * CPU time of receiving a small request over TLS and sending its answer, as a part of that of reading and writing a megabyte of JSON, which
 * is measured here: 0.3 ms to 10 ms in a webhook of its own.
 */
const requestOfMegabyte = 0.03

t.test('no pod is found that costs more than 20 times its bytes or 100 MiB', (t) => {
  const search = look(configured(''), caseCount({ short: 400, long: 20_000 }))
  t.comment(`seed ${seed}, ${search.tried} pods; the worst: ${search.worst.slice(0, 3).map(describe).join('; ')}`)
  t.equal(
    search.bad === undefined ? '' : `seed ${seed}: ${describe(search.bad)} ${JSON.stringify(search.bad.recipe)}`,
    '',
  )
  t.end()
})

t.test('the search finds one where the limits are taken away', (t) => {
  const config = configured('')
  const limits = Object.fromEntries(Object.keys(config.limits).map((name) => [name, Number.MAX_SAFE_INTEGER]))
  const search = look({ ...config, limits: limits as Config['limits'] }, caseCount({ short: 1000, long: 20_000 }))
  t.comment(`after ${search.tried} pods: ${search.bad === undefined ? 'none' : describe(search.bad)}`)
  t.ok(search.bad !== undefined, `the worst of ${search.tried}: ${search.worst.slice(0, 1).map(describe).join()}`)
  t.end()
})

function look(config: Config, pods: number): Search {
  return searchBadPods({
    seed,
    pods,
    bounds,
    deadlineMs: longestMinutes * 60_000,
    requestMs: requestOfMegabyte * megabyteMs(),
    admit: (request) => admit(request, config),
    answer: (body) => {
      const review = readReview(JSON.parse(body))
      if (!review.ok) throw new Error(review.problem)
      const admission = admit(review.request, config)
      eventOf(review.request, admission.outcome)
      return { reason: admission.outcome.reason, answer: JSON.stringify(admission.review) }
    },
  })
}

function megabyteMs(): number {
  const body = JSON.stringify(Array.from({ length: 50_000 }, (_, i) => ({ name: `item-${i}` })))
  return Math.min(...[1, 2, 3, 4, 5].map(() => cpuMsOf(() => JSON.stringify(JSON.parse(body)))))
}

function describe({ bytes, timesFloor, heapMiB, reason }: Tried): string {
  return `${Math.round(bytes / 1024)} KiB, ${timesFloor.toFixed(1)} times its bytes, ${heapMiB.toFixed(0)} MiB (${reason})`
}

function configured(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}
