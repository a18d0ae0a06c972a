/**
 * One pod must not keep the webhook from answering for the others: an admission costs time in proportion to the pod, whatever it
 * asks for and whatever it claims to be. Work is counted, not timed, so this holds on every machine.
 */
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { hostilePods, type HostilePod } from '../kit/webhook/hostile-pods.ts'
import { reviewOf } from '../kit/webhook/reviews.ts'
import { workOf } from '../kit/webhook/work-meter.ts'

// Imported after the meter, which counts only in code that is compiled later.
const { admit } = await import('../../src/admission/admit.ts')
const { readReview } = await import('../../src/admission/review.ts')
const { parseConfig } = await import('../../src/config/parse-config.ts')
const { eventOf } = await import('../../src/server/admission-event.ts')

const config = read(
  'policy: {rules: [{name: all, namespaces: ["*"]}, {name: n, namespaces: ["*"], sources: ["node://*"]}]}',
)

/** Small ones first: what grows with the square shows there already, and would take hours at the size that the API server takes. */
const sizesKiB = [6, 12, 24, 96, 3072]

/** How much more a further byte may cost where the pod is larger. A square would double it each time. */
const tolerance = 1.3

/** Bounds of the work for a byte: below the one comparing is not worth it, above the other a byte is read too often. */
const cheap = 0.5
const dearest = 100

interface Cost {
  readonly bytes: number
  readonly work: number
  readonly outcome: string
}

for (const hostile of hostilePods) {
  t.test(`${hostile.name} cost in proportion`, (t) => {
    const costs: Cost[] = []
    for (const size of sizesKiB.filter((kib) => kib >= (hostile.leastKiB ?? 0))) {
      costs.push(costOf(hostile, size * 1024))
      if (growth(costs) > tolerance || Math.max(0, ...steps(costs)) > dearest) break
    }
    t.comment(costs.map(describe).join(', '))
    const figures = steps(costs).map((step) => step.toFixed(2))
    t.ok(growth(costs) <= tolerance, `a further byte costs no more in a larger pod: ${figures.join(', ')}`)
    t.ok(Math.max(...steps(costs)) <= dearest, `nor more than ${dearest} blocks and items`)
    t.end()
  })
}

/** The cost of a further byte, from one size to the next. The fixed cost of an admission cancels out in the differences. */
function steps(costs: readonly Cost[]): readonly number[] {
  return costs.slice(1).map(({ work, bytes }, i) => (work - costs[i]!.work) / (bytes - costs[i]!.bytes))
}

/** How much more than in any smaller pod; across a limit the work falls. */
function growth(costs: readonly Cost[]): number {
  const each = steps(costs)
  return Math.max(0, ...each.slice(1).map((step, i) => step / Math.max(cheap, ...each.slice(0, i + 1))))
}

function costOf(hostile: HostilePod, bytes: number): Cost {
  const text = JSON.stringify(reviewOf(hostile.make(countFor(hostile, bytes))))
  const review = readReview(JSON.parse(text))
  if (!review.ok) throw new Error(review.problem)
  let outcome = ''
  const work = workOf(() => {
    const admission = admit(review.request, config)
    eventOf(review.request, admission.outcome)
    JSON.stringify(admission.review)
    outcome = admission.outcome.reason
  })
  return { bytes: text.length, work, outcome }
}

/** How many of its kind make a pod of that size. */
function countFor({ make }: HostilePod, bytes: number): number {
  const [few, many] = [500, 1500].map((count) => JSON.stringify(make(count)).length) as [number, number]
  return Math.max(1, Math.round(500 + ((bytes - few) / (many - few)) * 1000))
}

function describe({ bytes, work, outcome }: Cost): string {
  return `${Math.round(bytes / 1024)} KiB: ${(work / bytes).toFixed(2)} per byte (${outcome})`
}

function read(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}
