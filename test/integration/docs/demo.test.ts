/** The demo that the README begins with. Needs the compiled product; its S3 server is of its own, so that nothing else is needed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'

const root = join(import.meta.dirname, '../../..')

t.test('the demo injects a pod, refuses one with mistakes, and loads the model for the app', async (t) => {
  const child = spawn(process.execPath, [join(root, 'examples/demo.ts')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  t.equal(code, 0, stderr)
  t.match(stdout, /\d+ patch operations, answered in/)
  t.match(stdout, /did you mean models\.example\.io\/mount-path\?/)
  t.match(stderr + stdout, /ready: 3 files, 32\.0 MiB/)
  t.match(
    stdout,
    /Container app finds:\n +39 {2}\/app\/model-artifacts\/config\.json\n +33554432 {2}\/app\/model-artifacts\/model\.safetensors\n +19 {2}\/app\/model-artifacts\/tokenizer\/tokenizer\.json\n/,
  )
})
