/** The thread of the SDK is started before it is known whether it is needed. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const s3Thread = join(import.meta.dirname, '../../../src/aws/s3-thread.ts')
const run = (script: string): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    `const { prepareS3Thread, s3OnThread } = await import(${JSON.stringify(s3Thread)})\n${script}`,
  ])

t.test('a thread that is not used keeps no process alive', async (t) => {
  await t.resolves(run('prepareS3Thread()'))
})

t.test('a thread that was prepared is taken, and ends when it is closed', async (t) => {
  const options =
    "{ region: 'eu-west-1', endpoint: 'http://127.0.0.1:1', credentials: undefined, signal: new AbortController().signal }"
  const { stdout } = await run(`
    prepareS3Thread()
    const s3 = s3OnThread(${options})
    await s3.head('bucket', 'key').catch((error) => { console.log(error.problem?.code ?? error.message) })
    s3.close()`)
  t.match(stdout, /ECONNREFUSED/)
})
