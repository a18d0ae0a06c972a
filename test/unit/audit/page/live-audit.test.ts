import t from 'tap'
import type { AuditedPod } from '../../../../src/audit/judgement.ts'
import { startLiveAudit, type LiveAudit } from '../../../../src/audit/page/live-audit.ts'
import type { LiveState } from '../../../../src/audit/page/page-data.ts'
import { aboutSample, makePod, makePods, streamOf } from '../../../audit/page/sample-pods.ts'
import { waitFor } from '../../../kit/tools/wait-for.ts'

function settled(live: LiveAudit, wanted: (state: LiveState) => boolean): Promise<LiveState> {
  const condition = (): Promise<LiveState | undefined> => {
    const state = live.look()
    return Promise.resolve(wanted(state) ? state : undefined)
  }
  return waitFor('the audit', condition)
}

t.test('it reads at once, and then not before its rest is over', async (t) => {
  let audits = 0
  const live = startLiveAudit({
    audit: () => {
      audits++
      return streamOf(makePods(2))
    },
    about: () => aboutSample,
    restMs: 1e9,
    retryMs: 0,
  })
  t.equal(live.look().isReading, true)
  t.equal(live.pods(), '[]')
  await settled(live, ({ isReading }) => !isReading)
  t.strictSame(JSON.parse(live.pods()), makePods(2))
  live.look()
  t.equal(audits, 1)
})

t.test('it reads again when somebody looks, and only one audit at a time runs', async (t) => {
  let audits = 0
  const live = startLiveAudit({
    audit: () => {
      audits++
      return streamOf(makePods(audits))
    },
    about: () => aboutSample,
    restMs: 0,
    retryMs: 0,
  })
  live.look()
  live.look()
  t.equal(audits, 1)
  const first = await settled(live, ({ revision }) => revision !== undefined)
  await settled(live, ({ revision }) => revision !== first.revision)
  t.ok(audits > 1)
  live.stop()
})

t.test('pods that are the same have the same revision', async (t) => {
  const revisions = await Promise.all(
    [makePods(2), makePods(2), makePods(3)].map(async (pods) => {
      const live = startLiveAudit({ audit: () => streamOf(pods), about: () => aboutSample, restMs: 1e9, retryMs: 0 })
      return (await settled(live, ({ isReading }) => !isReading)).revision
    }),
  )
  t.equal(revisions[0], revisions[1])
  t.not(revisions[0], revisions[2])
})

t.test(
  'an audit that fails, also half-way, leaves what the last one found, and says why; the next one may succeed',
  async (t) => {
    let problem: string | undefined
    const audit = async function* (): AsyncGenerator<AuditedPod> {
      yield* streamOf([makePod(1)])
      if (problem !== undefined) throw new Error(problem)
    }
    const live = startLiveAudit({ audit, about: () => aboutSample, restMs: 0, retryMs: 0 })
    const { revision } = await settled(live, (state) => state.revision !== undefined)
    problem = 'the API server gave no answer'
    t.match(await settled(live, (state) => state.problem !== undefined), { revision, problem })
    t.strictSame(JSON.parse(live.pods()), [makePod(1)])
    problem = undefined
    t.equal((await settled(live, (state) => state.problem === undefined)).revision, revision)
    live.stop()
  },
)

t.test('stopped, it abandons what it reads and begins nothing', async (t) => {
  let given = 0
  const audit = async function* (): AsyncGenerator<AuditedPod> {
    for await (const pod of streamOf(makePods(1000))) {
      given++
      yield pod
    }
  }
  const live = startLiveAudit({ audit, about: () => aboutSample, restMs: 0, retryMs: 0 })
  live.stop()
  await settled(live, ({ isReading }) => !isReading)
  t.equal(given, 1)
  live.look()
  t.equal(given, 1)
})
