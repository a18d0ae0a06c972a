/** A model that is already on a volume which the pod shares with others. */
import {
  copyFile,
  chown,
  link,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, type Stage } from '../../kit/s3/loader-world.ts'
import { requireRoot } from '../../kit/tools/private-mounts.ts'
import { bytes, putManifest } from '../cases.ts'
import { requestsOf, type Scenario } from './scenario.ts'

const verify = { MODEL_REUSE: 'verify' }
const trustOwn = { MODEL_REUSE: 'trust-own' }
const required = { MODEL_REQUIRE_CHECKSUMS: 'true' }

export const reuse: readonly Scenario[] = [
  {
    name: 'a model on a shared volume is compared with a listing, and not fetched again',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      const end = await stage.run(verify)
      endsWith(t, end, 0)
      t.match(end.log, /is on the volume already, and is what the bucket has/)
      t.ok(stage.world.proxy.requests.some(({ operation }) => operation === 'list'))
      t.strictSame(requestsOf(stage), [])
      await holds(t, stage)
    },
  },
  {
    name: 'a pod without the right to list does not get the model of a shared volume',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      for (const reused of [verify, trustOwn]) {
        endsWith(t, await stage.run({ ...reused, AWS_SECRET_ACCESS_KEY: 'wrong' }), 10, /access denied/)
      }
      await holds(t, stage)
    },
  },
  {
    name: 'a pod that may list and not read does not get the model of a shared volume',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const
      stage.fault({ match: { operation: 'head' }, times: 'always', action: denied })
      endsWith(t, await stage.run(verify), 10, /access denied/)
    },
  },
  ...otherModels(),
  {
    name: 'a file with another inode is read, and not again where it holds what the object has',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      const file = join(filesOf(stage), 'config.json')
      await copyFile(file, join(stage.root, 'copy'))
      await rename(join(stage.root, 'copy'), file)
      for (const heads of [2 + 1, 2]) {
        stage.world.proxy.reset()
        endsWith(t, await stage.run(verify), 0)
        const asked = stage.world.proxy.requests.filter(({ operation }) => operation === 'head')
        t.equal(asked.length, heads, 'one HEAD for each object, and one for the checksum of what is read')
      }
      await holds(t, stage)
    },
  },
  {
    name: 'evidence that another user wrote is not believed',
    run: async (t, stage) => {
      requireRoot('another user')
      await publishedBefore(t, stage)
      await chown(evidenceOf(stage), 65532, 65532)
      await replaceKeepingTime(join(filesOf(stage), 'config.json'), '{"other":1}')
      await forgeEvidence(stage)
      await chown(evidenceOf(stage), 65532, 65532)
      endsWith(t, await stage.run(verify), 18, /"config\.json" has the CRC\w+ /)
    },
  },
  {
    name: 'with a pinned manifest even true evidence is not enough',
    run: async (t, stage) => {
      await putModel(stage)
      const env = { ...verify, MODEL_EXPECT: await putManifest(stage) }
      endsWith(t, await stage.run(env), 0)
      endsWith(t, await stage.run(env), 0)
      await replaceKeepingTime(join(filesOf(stage), 'config.json'), '{"other":1}')
      await forgeEvidence(stage)
      endsWith(t, await stage.run(env), 18, /"config\.json" has the SHA256 /)
      endsWith(
        t,
        await stage.run({ ...env, ...trustOwn, ...(await withoutAgent(stage)) }),
        18,
        /"config\.json" has the SHA256 /,
      )
    },
  },
  {
    name: 'without credentials the model of a shared volume is not believed, unless the operator trusts it',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      endsWith(t, await stage.run({ ...verify, ...(await withoutAgent(stage)) }), 75)
      const end = await stage.run({ ...trustOwn, ...(await withoutAgent(stage)) })
      endsWith(t, end, 0)
      t.match(end.log, /^warning: no credentials in time: .*; the evidence on the volume is believed instead/m)
      await replaceKeepingTime(join(filesOf(stage), 'config.json'), '{"other":1}')
      endsWith(t, await stage.run({ ...trustOwn, ...(await withoutAgent(stage)) }), 18, /"config\.json" was changed/)
      await rm(evidenceOf(stage))
      endsWith(t, await stage.run({ ...trustOwn, ...(await withoutAgent(stage)) }), 75)
    },
  },
  {
    name: 'a model that was loaded before checksums were required is judged again, and stays',
    run: async (t, stage) => {
      await putModel(stage)
      await putWithoutChecksum(stage, 'bare.bin')
      endsWith(t, await stage.run(verify), 0)
      const before = await treeOf(stage)
      for (const reused of [verify, trustOwn]) {
        const end = await stage.run({ ...reused, ...required })
        endsWith(t, end, 15, /no checksum of the whole for 1 of 3 objects, and the operator requires checksums/)
      }
      endsWith(t, await stage.run({ ...verify, ...required, MODEL_READ_ONLY: 'false' }), 15, /requires checksums/)
      t.strictSame(await treeOf(stage), before)
      endsWith(t, await stage.run(verify), 0)
    },
  },
  {
    name: 'while S3 is out, a model is believed where checksums are required only if they were there before',
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      const out = { ...trustOwn, ...required, ...(await withoutAgent(stage)) }
      endsWith(t, await stage.run(out), 75)
      endsWith(t, await stage.run({ ...trustOwn, ...required }), 0)
      endsWith(t, await stage.run(out), 0)
    },
  },
  {
    name: 'a model of a shared volume that the app writes to is compared by what was loaded',
    run: async (t, stage) => {
      const env = { ...verify, MODEL_READ_ONLY: 'false' }
      await putModel(stage)
      endsWith(t, await stage.run(env), 0)
      await writeFile(join(filesOf(stage), 'config.json'), 'what the app needs')
      await writeFile(join(filesOf(stage), 'own'), 'what the app needs')
      endsWith(t, await stage.run(env), 0)
      await stage.put('third', 'a new object')
      endsWith(t, await stage.run(env), 18, /was loaded from 2 objects/)
    },
  },
]

/** Other things than the model that may lie on the volume, with the line about each. */
function otherModels(): readonly Scenario[] {
  type Make = (stage: Stage, file: string) => Promise<unknown>
  const others: readonly (readonly [what: string, make: Make, says: RegExp])[] = [
    ['a file of other bytes', (_, file) => writeFile(file, '{"other":1}'), /"config\.json" has the CRC\w+ /],
    ['a longer file', (_, file) => writeFile(file, '{"layers": 32}'), /"config\.json" has 14 bytes, not 11/],
    ['a file too few', (_, file) => rm(file), /"config\.json" is missing/],
    ['a file too many', (_, file) => link(file, `${file}.bak`), /"config\.json\.bak" is not part of the model/],
    [
      'a link',
      (_, file) => replaceBy(file, (path) => symlink('/etc/passwd', path)),
      /config\.json is a link, not a file/,
    ],
    ['an older object', (stage) => changeObject(stage), /"config\.json" has the CRC\w+ /],
    ['the marker of another source', (stage) => renameSource(stage), /has the marker of "s3:\/\/other\/model\/"/],
    [
      'files that somebody planted with a marker',
      (stage, file) => plant(stage, file),
      /"config\.json" has the CRC\w+ /,
    ],
  ]
  return others.map(([what, make, says]) => ({
    name: `${what} on a shared volume ends the loader, and stays`,
    run: async (t, stage) => {
      await publishedBefore(t, stage)
      await make(stage, join(filesOf(stage), 'config.json'))
      const before = await treeOf(stage)
      for (let run = 0; run < 2; run++) endsWith(t, await stage.run(verify), 18, says)
      t.strictSame(await treeOf(stage), before)
    },
  }))
}

async function putModel(stage: Stage): Promise<void> {
  await stage.put('config.json', '{"layer":3}')
  await stage.put('shards/weights.bin', bytes(200_000, 1))
}

/** As objects were stored before December 2024. */
async function putWithoutChecksum({ world, bucket, prefix, model }: Stage, path: string): Promise<void> {
  const body = bytes(2000, 6)
  await world.server.placeObject(bucket, prefix + path, body)
  model.set(path, body)
}

async function publishedBefore(t: Test, stage: Stage): Promise<void> {
  await putModel(stage)
  endsWith(t, await stage.run({ ...verify, MODEL_POD_UID: 'pod-0' }), 0)
  stage.world.proxy.reset()
}

/** No agent listens there, and it is not waited for long. */
async function withoutAgent({ world }: Stage): Promise<Readonly<Record<string, string>>> {
  const tokenFile = join(world.directory, 'token')
  await writeFile(tokenFile, 'token')
  return {
    MODEL_CREDENTIALS: 'pod-identity',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/v1/credentials',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    MODEL_TIMEOUT_SECONDS: '12',
  }
}

function filesOf({ root, id }: Stage): string {
  return join(root, id, 'files')
}

function evidenceOf({ root, id }: Stage): string {
  return join(root, id, 'evidence.ndjson')
}

async function replaceKeepingTime(file: string, text: string): Promise<void> {
  const { atime, mtime } = await stat(file)
  await writeFile(file, text)
  await utimes(file, atime, mtime)
}

async function replaceBy(file: string, make: (path: string) => Promise<unknown>): Promise<void> {
  await rm(file)
  await make(file)
}

/** As somebody writes it who knows the objects. */
async function forgeEvidence(stage: Stage): Promise<void> {
  const lines = (await readFile(evidenceOf(stage), 'utf8')).trim().split('\n')
  const forged = lines.map(async (line) => {
    const [path, size, etag] = JSON.parse(line) as [string, number, string]
    const { ino, mtimeNs } = await stat(join(filesOf(stage), path), { bigint: true })
    return `${JSON.stringify([path, size, etag, String(ino), String(mtimeNs)])}\n`
  })
  await writeFile(evidenceOf(stage), (await Promise.all(forged)).join(''))
}

async function changeObject({ world, bucket, prefix }: Stage): Promise<void> {
  await world.server.putObject(bucket, `${prefix}config.json`, '{"other":1}')
}

async function renameSource({ root, id }: Stage): Promise<void> {
  const file = join(root, id, 'marker.json')
  const marker = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...marker, source: 's3://other/model/' }))
}

async function plant(stage: Stage, file: string): Promise<void> {
  await writeFile(file, '{"other":1}')
  await rm(evidenceOf(stage))
}

async function treeOf({ root }: Stage): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return Promise.all(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map(async (path) => `${path} ${(await stat(path)).mtimeMs}`),
  )
}

/** The model, and the evidence next to it. */
async function holds(t: Test, stage: Stage): Promise<void> {
  const kept = join(stage.world.directory, `evidence-${stage.id}`)
  await rename(evidenceOf(stage), kept)
  await holdsModel(t, stage)
  await rename(kept, evidenceOf(stage))
}
