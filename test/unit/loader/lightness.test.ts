/** The loader runs in every pod, with little memory: its leading thread loads only the modules that it needs. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const loader = join(import.meta.dirname, '../../../src/loader/load.ts')

t.test(
  'the leading thread loads neither TLS nor undici: its threads have the one, and none needs the other',
  async (t) => {
    const script = `await import(${JSON.stringify(loader)}); console.log(JSON.stringify(process.moduleLoadList))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const loaded = (JSON.parse(stdout) as string[]).map((name) => name.replace(/^\w+ /, ''))
    t.ok(loaded.includes('worker_threads'), 'the list tells what is loaded')
    t.strictSame(
      loaded.filter((name) => ['tls', '_tls_wrap', 'internal/deps/undici/undici'].includes(name)),
      [],
    )
  },
)
