/** Volumes that are full, read-only, somebody else's, or hold what the loader did not write. */
import { execFile } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { asUser65532, privateMounts, requireRoot, type PrivateMounts } from '../../kit/tools/private-mounts.ts'
import { bytes } from '../cases.ts'
import { MiB, readableCertificate, waitForBytes, type Scenario } from './scenario.ts'

export const volumes: readonly Scenario[] = [
  {
    name: 'a disk that is too small is refused before the first byte, with what is needed and what is free',
    run: async (t, stage) => {
      const volume = await mountVolume(t, stage, 'size=4m')
      await stage.put('weights.bin', bytes(20 * MiB, 1))
      endsWith(t, await volume.run(), 13, /needs 20971520 bytes.* are free/)
      await holdsNothing(t, volume.seen)
      t.notOk(
        stage.world.proxy.requests.some(({ operation, key }) => operation === 'get' && key?.startsWith(stage.prefix)),
        'no byte was fetched',
      )
      await volume.remount('size=64m')
      endsWith(t, await volume.run(), 0)
      await holdsModel(t, volume.seen)
    },
  },
  {
    name: 'a disk that somebody else fills in the middle of the download',
    run: async (t, stage) => {
      const volume = await mountVolume(t, stage, 'size=32m')
      await stage.put('weights.bin', bytes(20 * MiB, 2))
      stage.fault({ match: { operation: 'get' }, times: 'always', action: { kind: 'slow', bytesPerSecond: 2 * MiB } })
      const loader = await volume.start()
      await waitForBytes(stage, loader, MiB)
      await volume.mounts.run('head -c 40M /dev/zero > "$1/other" || true', stage.root)
      endsWith(
        t,
        await loader.end,
        13,
        /^not enough space: the volume became full: the model needs 20971520 bytes \(.*\) in 1 file, \d+ \(.*\) and \d+ more files are free/,
      )
      await holdsNothing(t, volume.seen)
      const left = await readdir(volume.seen.root)
      t.strictSame(
        left.filter((name) => !name.startsWith('.staging-')),
        ['other'],
        'no lock is left',
      )
      t.ok(left.length <= 2, 'only what the next run continues from')
      stage.world.proxy.reset()
      endsWith(t, await volume.run(), 13, /needs .* are free/)
      await volume.mounts.run('rm "$1/other"', stage.root)
      endsWith(t, await volume.run(), 0)
      await holdsModel(t, volume.seen)
    },
  },
  {
    name: 'a disk without room for one more file',
    run: async (t, stage) => {
      const volume = await mountVolume(t, stage, 'size=64m,nr_inodes=24')
      for (let i = 0; i < 40; i++) await stage.put(`file-${i}`, `content ${i}`)
      endsWith(
        t,
        await volume.run(),
        13,
        /the model needs \d+ bytes .* in 40 files, \d+ .* and \d+ more files are free/,
      )
      await holdsNothing(t, volume.seen)
      await volume.remount('nr_inodes=1000')
      endsWith(t, await volume.run(), 0)
      await holdsModel(t, volume.seen)
    },
  },
  {
    name: 'a read-only volume is refused, unless the model is on it already',
    run: async (t, stage) => {
      const volume = await mountVolume(t, stage, 'size=16m')
      await stage.put('config.json', '{}')
      await volume.remount('ro')
      endsWith(t, await volume.run(), 19, /read-only/i)
      await holdsNothing(t, volume.seen)
      await volume.remount('rw')
      endsWith(t, await volume.run(), 0)
      await holdsModel(t, volume.seen)
      await volume.remount('ro')
      endsWith(t, await volume.run(), 0)
    },
  },
  {
    name: 'a volume of another user is refused',
    run: async (t, stage) => {
      requireRoot('another user')
      await stage.put('config.json', '{}')
      const env = { ...(await readableCertificate(stage)), TMPDIR: '/tmp' }
      endsWith(t, await stage.run(env, asUser65532), 19, /permission denied/i)
      await holdsNothing(t, stage)
      chownSync(stage.root, 65532, 65532)
      endsWith(t, await stage.run(env, asUser65532), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a user without privileges, with nothing writable but the volume and /tmp, leaves files that everybody can read',
    run: (t, stage) => loadsAsRestricted(t, stage, { readOnly: 'true', file: 0o644, directory: 0o755 }),
  },
  {
    name: 'a volume that the app writes to belongs to its group, whatever the umask',
    run: (t, stage) => loadsAsRestricted(t, stage, { readOnly: 'false', file: 0o664, directory: 0o775 }),
  },
  {
    name: 'a published model with a foreign file ends the loader, and nothing of it is touched',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      endsWith(t, await stage.run(), 0)
      const foreign = join(stage.root, stage.id, 'files', 'foreign')
      await writeFile(foreign, 'somebody needs this')
      endsWith(t, await stage.run(), 18)
      t.equal(await readFile(foreign, 'utf8'), 'somebody needs this')
      await rm(foreign)
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
    },
  },
  ...planted('link', (path, outside) => symlink(outside, path)),
  ...planted('pipe', (path) => promisify(execFile)('mkfifo', [path])),
]

/** Entries that another pod may plant on a volume that both mount, in the place of those that a loader makes. */
function planted(what: string, plant: (path: string, outside: string) => Promise<unknown>): readonly Scenario[] {
  const places: readonly (readonly [name: string, path: string])[] = [
    ['the model', 'ID'],
    ['its files', 'ID/files'],
    ['its marker', 'ID/marker.json'],
    ['staging', '.staging-ID-pod-1'],
    ['the files of staging', '.staging-ID-pod-1/files'],
    ['a file of staging', '.staging-ID-pod-1/files/config.json'],
    ['the journal', '.staging-ID-pod-1/journal.ndjson'],
    ['the lock', '.lock-ID'],
    ['the owner of the lock', '.lock-ID/owner'],
  ]
  return places.map(([name, place]) => ({
    name: `a ${what} in the place of ${name} ends the loader with its path, and stays`,
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const outside = join(stage.world.directory, `outside-${stage.id}`)
      await mkdir(outside)
      const path = join(stage.root, place.replace('ID', stage.id))
      await mkdir(dirname(path), { recursive: true })
      if (name === 'its files') await writeFile(join(dirname(path), 'marker.json'), markerOf(stage))
      await plant(path, outside)
      endsWith(t, await stage.run(), 18, new RegExp(`: ${path} is a ${what}, not a (file|directory)`))
      const found = await lstat(path)
      t.ok(what === 'link' ? found.isSymbolicLink() : found.isFIFO())
      t.strictSame(await readdir(outside), [])
    },
  }))
}

function markerOf({ id, prefix }: Stage): string {
  return JSON.stringify({ schema: 1, id, source: `s3://models/${prefix}`, files: 1, bytes: 2 })
}

interface Volume {
  readonly mounts: PrivateMounts
  /** The stage as the test sees it: what the loader has at its root is elsewhere from outside. */
  readonly seen: Stage
  readonly start: () => ReturnType<Stage['start']>
  readonly run: () => ReturnType<Stage['run']>
  readonly remount: (options: string) => Promise<unknown>
}

/** A file system of its own at the root of the stage, that only the loader sees. */
async function mountVolume(t: Test, stage: Stage, options: string): Promise<Volume> {
  const mounts = await privateMounts()
  t.teardown(() => mounts.stop())
  await mounts.run('mount -t tmpfs -o "$2" tmpfs "$1"', stage.root, options)
  return {
    mounts,
    seen: { ...stage, root: mounts.outside(stage.root) },
    start: () => stage.start({}, mounts.wrap),
    run: () => stage.run({}, mounts.wrap),
    remount: (changes) => mounts.run('mount -o "remount,$2" "$1"', stage.root, changes),
  }
}

/** Restricted Pod Security, readOnlyRootFilesystem, and the worst umask. */
async function loadsAsRestricted(
  t: Test,
  stage: Stage,
  expected: { readOnly: 'true' | 'false'; file: number; directory: number },
): Promise<void> {
  requireRoot('another user')
  await stage.put('config.json', '{}')
  await stage.put('empty', '')
  await stage.put('deep/er/weights.bin', bytes(20 * MiB, 7))
  chownSync(stage.root, 65532, 65532)
  chmodSync(stage.root, 0o700)
  const mounts = await privateMounts()
  t.teardown(() => mounts.stop())
  // The world's directory has the termination log, which the kubelet mounts writable.
  const bind = 'for path in "$1" "$2"; do mount --bind "$path" "$path"; done'
  const temporary = join(stage.world.directory, 'tmp')
  await mkdir(temporary, { recursive: true })
  await mounts.run(
    `${bind}; mount -t tmpfs -o mode=1777 tmpfs "$3"; mount -o remount,bind,ro /`,
    stage.world.directory,
    stage.root,
    temporary,
  )
  const wrap = (command: readonly string[]): readonly string[] =>
    mounts.wrap(asUser65532(['sh', '-c', 'umask 077 && exec "$@"', 'sh', ...command]))

  const end = await stage.run(
    { ...(await readableCertificate(stage)), MODEL_READ_ONLY: expected.readOnly, TMPDIR: temporary },
    wrap,
  )

  endsWith(t, end, 0)
  await holdsModel(t, stage)
  for (const path of ['files/config.json', 'files/empty', 'files/deep/er/weights.bin']) {
    t.equal(await modeOf(stage, path), expected.file, path)
  }
  for (const path of ['', 'files', 'files/deep', 'files/deep/er']) {
    t.equal(await modeOf(stage, path), expected.directory, path)
  }
}

async function modeOf({ root, id }: Stage, path: string): Promise<number> {
  return (await stat(join(root, id, path))).mode & 0o7777
}
