/** Pauses before something is tried again, and how long that goes on. */
import t from 'tap'
import { askPatiently, backoffMs, type TryResult, type Patience } from '../../../src/s3/patience.ts'

const quick = { firstDelayMs: 1, longestDelayMs: 4 }

t.test('a pause is any time up to a delay that doubles, and at most the longest', (t) => {
  const backoff = { firstDelayMs: 100, longestDelayMs: 1000 }
  for (const [failures, delayMs] of [
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1000],
    [50, 1000],
  ] as const) {
    const pauses = Array.from({ length: 1000 }, () => backoffMs(backoff, failures))
    t.ok(Math.max(...pauses) <= delayMs, `${failures}: at most ${delayMs} ms`)
    t.ok(
      Math.max(...pauses) > delayMs * 0.9 && Math.min(...pauses) < delayMs * 0.1,
      `${failures}: all of the time is used`,
    )
  }
  t.end()
})

t.test('a failing request is repeated until it succeeds, and each problem is reported', async (t) => {
  const { problems, patience } = patienceOf(60_000)
  const answers = scripted(['first', 'second'], 'value')
  t.strictSame(await askPatiently(answers, patience), { ok: true, value: 'value' })
  t.strictSame(problems, ['first', 'second'])
})

t.test('once the next pause could end too late, the last problem is the answer', async (t) => {
  const { problems, patience } = patienceOf(3)
  t.strictSame(await askPatiently(scripted(['first', 'second', 'third', 'fourth', 'fifth'], 'value'), patience), {
    ok: false,
    problem: ['first', 'second', 'third'][problems.length],
  })
})

t.test('a pause ends with its signal', async (t) => {
  const end = new AbortController()
  const patience: Patience = {
    firstDelayMs: 2 ** 30,
    longestDelayMs: 2 ** 30,
    patienceMs: Infinity,
    signal: end.signal,
    onProblem: () => {
      end.abort()
    },
  }
  await t.rejects(askPatiently(scripted(['first'], 'value'), patience), { name: 'AbortError' })
})

function patienceOf(patienceMs: number): { problems: string[]; patience: Patience } {
  const problems: string[] = []
  const onProblem = (problem: string): void => {
    problems.push(problem)
  }
  return { problems, patience: { ...quick, patienceMs, signal: new AbortController().signal, onProblem } }
}

function scripted(problems: readonly string[], value: string): () => Promise<TryResult<string>> {
  const rest = [...problems]
  return () => {
    const problem = rest.shift()
    return Promise.resolve(problem === undefined ? { ok: true, value } : { ok: false, problem })
  }
}
