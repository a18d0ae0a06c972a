/** The limits hold although threads of the process hang in calls that nothing ends. */
import { execFile, execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { withLimits } from '../../../src/loader/deadline.ts'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'

const root = join(import.meta.dirname, '../../..')
const noLimits = { timeoutSeconds: undefined, stallTimeoutSeconds: undefined }

t.test('work that ends in time gives its value, and its own error', async (t) => {
  t.equal(await withLimits(noLimits, () => Promise.resolve(5)), 5)
  await t.rejects(
    withLimits(noLimits, () => Promise.reject(new Error('its own'))),
    { message: 'its own' },
  )
})

t.test('work that is given up has a second for its end, and its error is the reason', async (t) => {
  const failure = new LoaderFailure('NoProgress', 'not one byte')
  let isOver = false
  const work = withLimits(noLimits, async ({ signal, giveUp }) => {
    giveUp(failure)
    t.equal(signal.reason, failure)
    await new Promise((resolve) => setTimeout(resolve, 10))
    isOver = true
    throw new Error('a consequence')
  })
  await t.rejects(work, { message: 'not one byte' })
  t.ok(isOver)
})

t.test('work that does not end is left alone a second later', async (t) => {
  const work = withLimits({ ...noLimits, timeoutSeconds: 1 }, () => new Promise(() => undefined))
  await t.rejects(work, { exit: 'NoProgress', message: 'not finished within 1 s' })
})

const stuck: readonly (readonly [what: string, hang: string])[] = [
  ['all threads of the pool hang', 'for (let i = 0; i < 8; i++) void open(pipe)'],
  [
    'a worker thread hangs',
    'new Worker(`require("node:fs").openSync(${JSON.stringify(pipe)})`, { eval: true, execArgv: [] })',
  ],
  ['nothing hangs', ''],
]

for (const [what, hang] of stuck) {
  t.test(`a process of which ${what} ends with its code`, async (t) => {
    const pipe = join(t.testdir(), 'pipe')
    execFileSync('mkfifo', [pipe])
    t.equal(
      await codeOf(
        t,
        `import { open } from 'node:fs/promises'
         import { Worker } from 'node:worker_threads'
         import { endStuckProcess, withLimits } from '${root}/src/loader/deadline.ts'
         const pipe = ${JSON.stringify(pipe)}
         ${hang}
         await withLimits({ timeoutSeconds: 1 }, () => new Promise(() => undefined)).catch(() => undefined)
         process.exitCode = 17
         endStuckProcess(17)`,
      ),
      17,
    )
  })
}

t.test('the leading thread never waits for the volume, so that it can end the process', (t) => {
  const synchronous = globSync('src/{loader,publish}/**/*.ts', { cwd: root }).filter((file) =>
    /\b[a-z]\w*Sync\b/.test(readFileSync(join(root, file), 'utf8')),
  )
  t.strictSame(synchronous.sort(), [
    // The termination message, which is on the node's own disk.
    'src/loader/report.ts',
    // On transfer threads.
    'src/loader/transfer/part-file.ts',
    'src/loader/volume/held-directories.ts',
  ])
  t.end()
})

function codeOf(t: Test, script: string): Promise<number | string | null | undefined> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module', '--eval', script], (error) => {
      resolve(error === null ? 0 : error.code)
    })
    t.teardown(() => child.kill('SIGKILL'))
  })
}
