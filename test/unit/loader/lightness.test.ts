/** The loader runs in every pod, with little memory: its leading thread loads only the modules that it needs. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const loader = join(import.meta.dirname, '../../../src/loader/load.ts')

t.test('the leading thread loads no AWS SDK, no undici, and TLS only with the first https connection', async (t) => {
  const script = `
    import { registerHooks } from 'node:module'
    const files = []
    registerHooks({ load: (url, context, next) => { files.push(url); return next(url, context) } })
    await import(${JSON.stringify(loader)})
    console.log(JSON.stringify({ files, modules: process.moduleLoadList }))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const { files, modules } = JSON.parse(stdout) as { files: string[]; modules: string[] }
  const loaded = modules.map((name) => name.replace(/^\w+ /, ''))
  t.ok(loaded.includes('worker_threads') && files.some((url) => url.endsWith('/src/s3/client.ts')), 'the lists tell')
  t.strictSame(
    loaded.filter((name) => ['tls', '_tls_wrap', 'internal/deps/undici/undici'].includes(name)),
    [],
  )
  t.strictSame(
    files.filter((url) => /@aws-sdk|@smithy/.test(url)),
    [],
  )
})
