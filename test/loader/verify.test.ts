/** `load --verify`: looks at a model that somebody else put there, and changes nothing. */
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { endsWith } from '../support/loader-end.ts'
import { nativeEngine, startLoader, type LoaderEnd } from '../support/loader-run.ts'
import { asBareUser65532, privateMounts, requireRoot } from '../support/private-mounts.ts'

t.setTimeout(5 * 60 * 1000)

const files = { 'config.json': '{}', 'shards/model.bin': 'weights' } as const
const manifest = Object.entries(files).map(([path, content]) => `${sha256(content)}  ${path}\n`).join('')

t.test('a model that is there', async (t) => {
  const volume = await volumeOf(t)
  endsWith(t, await verify(t, volume), 0, /^pvc:\/\/models\/llama is there: 2 files, 9 bytes$/)
})

t.test('a model on a node', async (t) => {
  const volume = await volumeOf(t)
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'node:///mnt/models/llama' }), 0, /is there: 2 files/)
})

t.test('a path that is not on the volume', async (t) => {
  const volume = await volumeOf(t)
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'pvc://models/missing' }), 12, /pvc:\/\/models\/missing is not there/)
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'pvc://models/llama/config.json/below' }), 12, /is not there/)
})

t.test('an empty directory, as the kubelet makes one for a subPath', async (t) => {
  const volume = await volumeOf(t)
  await mkdir(join(volume, 'empty', 'nested'), { recursive: true })
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'pvc://models/empty' }), 12, /pvc:\/\/models\/empty is empty/)
})

t.test('what is expected', async (t) => {
  const volume = await volumeOf(t)
  await writeFile(join(volume, 'llama', 'manifest.sha256'), manifest)
  const size = 9 + Buffer.byteLength(manifest)
  const cases = [
    ['objects=3', 0], [`bytes=${size}`, 0], [`objects=3,bytes=${size}`, 0], [`manifest=manifest.sha256@sha256:${sha256(manifest)}`, 0],
    ['objects=4', 15, /4 files were expected, 3 are there/], ['bytes=10', 15, /10 bytes were expected/],
    ['objects=1,bytes=2', 15, /1 files were expected.*2 bytes were expected/],
    [`manifest=manifest.sha256@sha256:${'0'.repeat(64)}`, 15, /has the SHA-256/],
    [`manifest=other.sha256@sha256:${sha256(manifest)}`, 15, /other\.sha256 is not there/],
  ] as const
  for (const [expect, exit, says] of cases) {
    t.comment(expect)
    endsWith(t, await verify(t, volume, { MODEL_EXPECT: expect }), exit, says)
  }
})

t.test('a model that is not what its manifest says', async (t) => {
  const volume = await volumeOf(t)
  await writeFile(join(volume, 'llama', 'manifest.sha256'), manifest)
  const env = { MODEL_EXPECT: `manifest=manifest.sha256@sha256:${sha256(manifest)}` }
  await writeFile(join(volume, 'llama', 'shards', 'model.bin'), 'Weights')
  endsWith(t, await verify(t, volume, env), 15, /shards\/model\.bin/)
  await writeFile(join(volume, 'llama', 'shards', 'model.bin'), 'weights')
  endsWith(t, await verify(t, volume, env), 0)
  await writeFile(join(volume, 'llama', 'extra'), '')
  endsWith(t, await verify(t, volume, env), 15, /not in the manifest: extra/)
})

t.test('a read-only volume can be verified', async (t) => {
  const volume = await volumeOf(t)
  const mounts = await privateMounts()
  t.teardown(() => mounts.stop())
  await mounts.run('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"', volume)
  endsWith(t, await verify(t, volume, {}, mounts.wrap), 0)
})

t.test('a model that may not be read', async (t) => {
  requireRoot('another user')
  const volume = await volumeOf(t)
  await chmod(join(volume, 'llama'), 0o700)
  const wrap = await asStranger(t, volume)
  endsWith(t, await verify(t, volume, {}, wrap), 10, /pvc:\/\/models\/llama cannot be read/)
  await chmod(join(volume, 'llama'), 0o755)
  await chmod(join(volume, 'llama', 'config.json'), 0o600)
  await writeFile(join(volume, 'llama', 'manifest.sha256'), manifest)
  const env = { MODEL_EXPECT: `manifest=manifest.sha256@sha256:${sha256(manifest)}` }
  endsWith(t, await verify(t, volume, env, wrap), 10, /cannot be read/)
})

t.test('an environment that is not complete', async (t) => {
  const volume = await volumeOf(t)
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 's3://models/llama/', MODEL_ROOT: '' }), 64, /MODEL_SOURCE.*MODEL_ROOT/)
})

const checkout = join(import.meta.dirname, '..', '..')

/** The checkout may lie where only its owner can look; a stranger sees it at /mnt. */
async function asStranger(t: Test, volume: string): Promise<(command: readonly string[]) => readonly string[]> {
  const mounts = await privateMounts()
  t.teardown(() => mounts.stop())
  await mounts.run('mount --bind "$1" /mnt', checkout)
  const seen = (path: string): string => path.replaceAll(checkout, '/mnt')
  return (command) => mounts.wrap(asBareUser65532(['env', `MODEL_ROOT=${seen(volume)}`, ...command.map(seen)]))
}

async function volumeOf(t: Test): Promise<string> {
  const volume = t.testdir({ volume: { llama: { 'config.json': files['config.json'], shards: { 'model.bin': files['shards/model.bin'] } } } })
  return Promise.resolve(join(volume, 'volume'))
}

/** And looks that nothing has changed: neither a byte nor a time. */
async function verify(
  t: Test, volume: string, env: Readonly<Record<string, string>> = {}, wrap: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<LoaderEnd> {
  const source = env.MODEL_SOURCE ?? 'pvc://models/llama'
  // A directory of the node is mounted itself, a claim is mounted whole.
  const root = source.startsWith('node:') ? join(volume, 'llama') : volume
  const before = await describe(volume)
  const loader = await startLoader(nativeEngine, join(volume, '..'), { MODEL_SOURCE: source, MODEL_ROOT: root, ...env }, (command) => wrap([...command, '--verify']))
  const end = await loader.end
  t.strictSame(await describe(volume), before, 'nothing was changed')
  return end
}

async function describe(directory: string): Promise<readonly unknown[]> {
  const names = ['.', ...(await readdir(directory, { recursive: true })).sort()]
  return Promise.all(names.map(async (name) => {
    const path = join(directory, name)
    const status = await lstat(path)
    return { name, mode: status.mode, mtimeMs: status.mtimeMs, ctimeMs: status.ctimeMs, content: status.isFile() ? await readFile(path, 'utf8') : undefined }
  }))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
