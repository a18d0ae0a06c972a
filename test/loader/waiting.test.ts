/** The log of a waiting loader says what it waits for. */
import t from 'tap'
import { rareProblems, reportWaiting } from '../../src/loader/credentials/waiting.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const never = 2 ** 30

t.test('the first problem is logged at once, the others with the next line', async (t) => {
  const lines: string[] = []
  const value = await reportWaiting(
    (line) => {
      lines.push(line)
    },
    'the agent',
    (onProblem) => {
      onProblem('refused')
      onProblem('refused again')
      return Promise.resolve('done')
    },
    never,
  )
  t.equal(value, 'done')
  t.strictSame(lines, ['waiting for the agent: refused'])
})

t.test('a line every so often, also where nothing has answered yet', async (t) => {
  const lines: string[] = []
  const problem = Promise.withResolvers<string>()
  const end = Promise.withResolvers<undefined>()
  const waiting = reportWaiting(
    (line) => {
      lines.push(line)
    },
    'STS',
    async (onProblem) => {
      onProblem(await problem.promise)
      await end.promise
    },
    20,
  )
  const count = (wanted: number): Promise<true> =>
    waitFor(`${wanted} lines`, () => Promise.resolve(lines.length >= wanted ? true : undefined))
  await count(2)
  t.equal(lines[0], 'waiting for STS')
  problem.resolve('503')
  await count(lines.length + 3)
  t.match(lines.at(-1), /^waiting for STS(, \d+ s so far)?: 503$/)
  end.resolve(undefined)
  await waiting
})

t.test('of problems that come all the time, one every so often is logged', (t) => {
  const lines: string[] = []
  const say = (line: string): void => {
    lines.push(line)
  }
  const rare = rareProblems(say, 'S3', never)
  for (const problem of ['503 SlowDown', '503 SlowDown', 'the connection was cut']) rare(problem)
  t.strictSame(lines, ['waiting for S3: 503 SlowDown'])
  const each = rareProblems(say, 'S3', 0)
  for (const problem of ['a', 'b']) each(problem)
  t.strictSame(lines.slice(1), ['waiting for S3: a', 'waiting for S3: b'])
  t.end()
})
