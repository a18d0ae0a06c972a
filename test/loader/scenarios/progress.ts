/** Progress messages of the loader. */
import type { Stage } from '../../kit/s3/loader-world.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { bytes } from '../cases.ts'
import type { Scenario } from './scenario.ts'

const size = 1_200_000
/** More than one interval of progress. */
const seconds = 7

interface JsonLine {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly bytes?: number
  readonly totalBytes?: number
  readonly exit?: number
}

export const progress: readonly Scenario[] = [
  {
    name: 'people see how far a slow download has come, every few seconds',
    run: async (t, stage) => {
      await slowModel(stage)
      const end = await stage.run()
      endsWith(t, end, 0)
      const lines = end.log
        .split('\n')
        .filter((line) => /^\S+ \S+ of 1\.14 MiB \(\d+ %\), \S+ \S+\/s, \d+ s left$/.test(line))
      t.ok(lines.length >= 2, end.log)
      const percents = lines.map((line) => Number(/\((\d+) %\)/.exec(line)?.[1]))
      t.strictSame(
        percents,
        [...percents].sort((a, b) => a - b),
        'it never goes back',
      )
      t.ok(percents.some((percent) => percent > 0 && percent < 100))
      t.equal(percents.at(-1), 100)
    },
  },
  {
    name: 'machines get JSON, with bytes and how many there are',
    run: async (t, stage) => {
      await slowModel(stage)
      const end = await stage.run({}, (command) => [...command, '--log', 'json'])
      t.equal(end.exitCode, 0)
      const lines = end.log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as JsonLine)
      for (const { level, time } of lines) t.ok(level === 'info' && !Number.isNaN(Date.parse(time)))
      const steps = lines.flatMap(({ msg, bytes: done, totalBytes }) =>
        msg === 'progress' ? [{ done, totalBytes }] : [],
      )
      t.ok(steps.length >= 2, end.log)
      t.ok(steps.every(({ done = -1, totalBytes }) => done >= 0 && done <= size && totalBytes === size))
      t.ok(steps.some(({ done = 0 }) => done > 0 && done < size))
      t.strictSame(steps.at(-1), { done: size, totalBytes: size })
    },
  },
  {
    name: 'machines get the failure as JSON too, with its exit code',
    run: async (t, stage) => {
      const end = await stage.run({}, (command) => [...command, '--log', 'json'])
      t.equal(end.exitCode, 12)
      const last = JSON.parse(end.log.trim().split('\n').at(-1) ?? '') as JsonLine
      t.match(last, { level: 'error', exit: 12, msg: /^nothing is there: / })
      t.equal(end.terminationMessage, last.msg)
    },
  },
]

async function slowModel(stage: Stage): Promise<void> {
  await stage.put('slow.bin', bytes(size, 1))
  stage.fault({
    match: { operation: 'get' },
    times: 'always',
    action: { kind: 'slow', bytesPerSecond: size / seconds },
  })
}
