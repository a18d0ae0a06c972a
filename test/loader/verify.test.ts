/** `load --verify`: looks at a model that somebody else put there, and changes nothing. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { endsWith } from '../kit/s3/loader-end.ts'
import { nativeEngine, startLoader, type LoaderEnd, type RunningLoader } from '../kit/s3/loader-run.ts'
import { asBareUser65532, privateMounts, requireRoot } from '../kit/tools/private-mounts.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

t.setTimeout(5 * 60 * 1000)

const files = { 'config.json': '{}', 'shards/model.bin': 'weights' } as const
const manifest = Object.entries(files)
  .map(([path, content]) => `${sha256(content)}  ${path}\n`)
  .join('')

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
  endsWith(
    t,
    await verify(t, volume, { MODEL_SOURCE: 'pvc://models/missing' }),
    12,
    /pvc:\/\/models\/missing is not there/,
  )
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'pvc://models/llama/config.json/below' }), 12, /is not there/)
})

t.test('an empty directory, as the kubelet makes one for a subPath', async (t) => {
  const volume = await volumeOf(t)
  await mkdir(join(volume, 'empty', 'nested'), { recursive: true })
  endsWith(
    t,
    await verify(t, volume, { MODEL_SOURCE: 'pvc://models/empty' }),
    12,
    /pvc:\/\/models\/empty is empty; expected: at least one file/,
  )
  endsWith(
    t,
    await verify(t, volume, { MODEL_SOURCE: 'pvc://models/empty', MODEL_EXPECT: 'objects=2,bytes=9' }),
    12,
    /is empty; expected: 2 files, 9 bytes/,
  )
})

t.test('expectations', async (t) => {
  const volume = await volumeOf(t)
  await writeFile(join(volume, 'llama', 'manifest.sha256'), manifest)
  const size = 9 + Buffer.byteLength(manifest)
  const cases = [
    ['objects=3', 0],
    [`bytes=${size}`, 0],
    [`objects=3,bytes=${size}`, 0],
    [`manifest=manifest.sha256@sha256:${sha256(manifest)}`, 0],
    ['objects=4', 15, /4 files expected, 3 found/],
    ['bytes=10', 15, new RegExp(`10 bytes expected, ${size} found`)],
    ['objects=1,bytes=2', 15, new RegExp(`1 file expected, 3 found, 2 bytes expected, ${size} found`)],
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

t.test('a link on the way to the model, as a publisher swaps it', async (t) => {
  const volume = await volumeOf(t)
  await rename(join(volume, 'llama'), join(volume, 'v2'))
  await mkdir(join(volume, 'llama'))
  await rename(join(volume, 'v2'), join(volume, 'llama', 'v2'))
  await symlink('v2', join(volume, 'llama', 'current'))
  const env = { MODEL_SOURCE: 'pvc://models/llama/current', MODEL_EXPECT: 'objects=2,bytes=9' }
  endsWith(t, await verify(t, volume, env), 0, /^pvc:\/\/models\/llama\/current is there: 2 files, 9 bytes$/)
  endsWith(t, await verify(t, volume, { MODEL_EXPECT: 'objects=2,bytes=9' }), 0, /2 files/)
  await writeFile(join(volume, 'llama', 'v2', 'manifest.sha256'), manifest)
  endsWith(
    t,
    await verify(t, volume, { ...env, MODEL_EXPECT: `manifest=manifest.sha256@sha256:${sha256(manifest)}` }),
    0,
  )
})

t.test('a link on the way to the model that leads out of the volume', async (t) => {
  const volume = await volumeOf(t)
  for (const [name, target] of [
    ['absolute', join(volume, 'llama')],
    ['upwards', '../volume/llama'],
  ] as const) {
    await symlink(target, join(volume, name))
    endsWith(
      t,
      await verify(t, volume, { MODEL_SOURCE: `pvc://models/${name}` }),
      12,
      new RegExp(`the link ${name} leads out of the volume, to ${target}`),
    )
  }
  await symlink('missing', join(volume, 'dangling'))
  await symlink('loop', join(volume, 'loop'))
  for (const name of ['dangling', 'loop']) {
    endsWith(t, await verify(t, volume, { MODEL_SOURCE: `pvc://models/${name}` }), 12, /is not there/)
  }
})

t.test('files that are links to others of the model, as a cache of Hugging Face has them', async (t) => {
  const volume = await cacheOf(t)
  const cached = { MODEL_SOURCE: 'pvc://models/hub' }
  endsWith(t, await verify(t, volume, { ...cached, MODEL_EXPECT: 'objects=2,bytes=9' }), 0, /2 files, 9 bytes/)
  const listed = `${sha256('{}')}  snapshots/1/config.json\n${sha256('weights')}  blobs/b\n`
  await writeFile(join(volume, 'hub', 'manifest.sha256'), listed)
  const env = { ...cached, MODEL_EXPECT: `manifest=manifest.sha256@sha256:${sha256(listed)}` }
  endsWith(t, await verify(t, volume, env), 0)
  await writeFile(join(volume, 'hub', 'blobs', 'a'), '[]')
  endsWith(t, await verify(t, volume, env), 15, /snapshots\/1\/config\.json does not have the SHA-256/)
})

t.test('links that the app would find broken, because it sees nothing around what it has mounted', async (t) => {
  const volume = await cacheOf(t)
  const one = { MODEL_SOURCE: 'pvc://models/hub/snapshots/1' }
  endsWith(
    t,
    await verify(t, volume, one),
    15,
    /the link (config\.json|model\.bin) leads out of what is mounted \(\.\.\/\.\.\/blobs\/[ab]\)/,
  )
  await symlink('/etc/passwd', join(volume, 'llama', 'absolute'))
  endsWith(t, await verify(t, volume), 15, /the link absolute leads out of what is mounted \(\/etc\/passwd\)/)
  await symlink('nothing', join(volume, 'hub', 'dangling'))
  endsWith(
    t,
    await verify(t, volume, { MODEL_SOURCE: 'pvc://models/hub' }),
    15,
    /the link dangling leads nowhere \(nothing\)/,
  )
})

t.test('a pipe, which would be read for ever', async (t) => {
  const volume = await volumeOf(t)
  execFileSync('mkfifo', [join(volume, 'llama', 'pipe')])
  endsWith(t, await verify(t, volume), 15, /pipe is neither a file nor a directory/)
})

t.test('files of the file system at the root of a volume are no part of the model', async (t) => {
  const volume = await volumeOf(t)
  for (const name of ['lost+found', '.snapshot']) {
    await mkdir(join(volume, name))
    await writeFile(join(volume, name, 'other'), 'x')
  }
  endsWith(t, await verify(t, volume, { MODEL_SOURCE: 'pvc://models' }), 0, /pvc:\/\/models is there: 2 files/)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} ends a check in the middle`, async (t) => {
    const loader = await startLongCheck(t)
    await waitFor('the check to read', () =>
      Promise.resolve(loader.log().includes('reading pvc://models/llama: 1 file') ? true : undefined),
    )
    loader.child.kill(signal)
    endsWith(t, await loader.end, 143, /^SIGTERM: stopped on request/)
  })
}

t.test('a check that does not end in time', async (t) => {
  endsWith(t, await (await startLongCheck(t, { MODEL_TIMEOUT_SECONDS: '1' })).end, 17, /not finished within 1 s/)
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
  endsWith(
    t,
    await verify(t, volume, { MODEL_SOURCE: 's3://models/llama/', MODEL_ROOT: '' }),
    64,
    /MODEL_SOURCE.*MODEL_ROOT/,
  )
  const wrong = {
    MODEL_SOURCE: 'pvc://models/../etc',
    MODEL_ROOT: 'volume',
    MODEL_EXPECT: 'files=2',
    MODEL_TIMEOUT_SECONDS: 'soon',
  }
  const end = await verify(t, volume, wrong)
  endsWith(t, end, 64)
  for (const [name, value] of Object.entries(wrong)) t.ok(end.terminationMessage.includes(`${name} "${value}"`), name)
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
  const volume = t.testdir({
    volume: { llama: { 'config.json': files['config.json'], shards: { 'model.bin': files['shards/model.bin'] } } },
  })
  return Promise.resolve(join(volume, 'volume'))
}

/** Links to blobs, as huggingface_hub lays them out. */
async function cacheOf(t: Test): Promise<string> {
  const volume = await volumeOf(t)
  for (const directory of ['blobs', 'snapshots/1']) await mkdir(join(volume, 'hub', directory), { recursive: true })
  for (const [blob, content] of [
    ['a', '{}'],
    ['b', 'weights'],
  ] as const) {
    await writeFile(join(volume, 'hub', 'blobs', blob), content)
  }
  for (const [name, blob] of [
    ['config.json', 'a'],
    ['model.bin', 'b'],
  ] as const) {
    await symlink(`../../blobs/${blob}`, join(volume, 'hub', 'snapshots', '1', name))
  }
  await symlink('snapshots/1', join(volume, 'hub', 'main'))
  return volume
}

/** Checks a sparse file, which takes minutes to read, and no room. */
async function startLongCheck(t: Test, env: Readonly<Record<string, string>> = {}): Promise<RunningLoader> {
  const volume = t.testdir({ llama: {} })
  const lines = `${'0'.repeat(64)}  weights.bin\n`
  await writeFile(join(volume, 'llama', 'weights.bin'), '')
  await truncate(join(volume, 'llama', 'weights.bin'), 2 ** 40)
  await writeFile(join(volume, 'llama', 'manifest.sha256'), lines)
  const expect = `manifest=manifest.sha256@sha256:${sha256(lines)}`
  return startLoader(
    nativeEngine,
    volume,
    { MODEL_SOURCE: 'pvc://models/llama', MODEL_ROOT: volume, MODEL_EXPECT: expect, ...env },
    (command) => [...command, '--verify'],
  )
}

/** And looks that nothing has changed: neither a byte nor a time. */
async function verify(
  t: Test,
  volume: string,
  env: Readonly<Record<string, string>> = {},
  wrap: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<LoaderEnd> {
  const source = env.MODEL_SOURCE ?? 'pvc://models/llama'
  // A directory of the node is mounted itself, a claim is mounted whole.
  const root = source.startsWith('node:') ? join(volume, 'llama') : volume
  const before = await describe(volume)
  const loader = await startLoader(
    nativeEngine,
    join(volume, '..'),
    { MODEL_SOURCE: source, MODEL_ROOT: root, ...env },
    (command) => wrap([...command, '--verify']),
  )
  const end = await loader.end
  t.strictSame(await describe(volume), before, 'nothing was changed')
  return end
}

async function describe(directory: string): Promise<readonly unknown[]> {
  const names = ['.', ...(await readdir(directory, { recursive: true })).sort()]
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name)
      const status = await lstat(path)
      return {
        name,
        mode: status.mode,
        mtimeMs: status.mtimeMs,
        ctimeMs: status.ctimeMs,
        content: await contentOf(path, status),
      }
    }),
  )
}

async function contentOf(path: string, status: Stats): Promise<string | undefined> {
  if (status.isSymbolicLink()) return readlink(path)
  return status.isFile() ? readFile(path, 'utf8') : undefined
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
