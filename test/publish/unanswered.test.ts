/** Questions about one version that S3 does not answer: what is not known to be published is not taken for unpublished. */
import t from 'tap'
import type { RecordedRequest } from '../kit/s3/s3-fault-proxy.ts'
import {
  publishBucket,
  publisherEndsWith,
  inventoryOf,
  publishImpatiently,
  shelfOf,
  shelfWithVersions,
  startPublishWorld,
} from './publish-world.ts'

const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())
t.setTimeout(300_000)

const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const

for (const [what, action, exit] of [
  ['denied', denied, 10],
  ['not answered', { kind: 'status', status: 503, code: 'SlowDown' }, 14],
] as const) {
  t.test(
    `if it is ${what} whether one version has a manifest, none is taken for unpublished and nothing changes`,
    async (t) => {
      const shelf = await shelfWithVersions(t, world)
      const before = await inventoryOf(shelf.root)
      const isAskedFor = ({ prefix = '' }: RecordedRequest): boolean => prefix.endsWith('1.2.0/manifest.sha256')
      world.proxy.fault({ match: { operation: 'list', where: isAskedFor }, times: 'always', action })
      publisherEndsWith(t, await publishImpatiently(shelf), exit)
      t.strictSame(await inventoryOf(shelf.root), before)
    },
  )
}

t.test('tags that may not be read end the run with the permission that lacks, and nothing changes', async (t) => {
  const shelf = await shelfWithVersions(t, world)
  const before = await inventoryOf(shelf.root)
  world.proxy.fault({ match: { operation: 'get', key: /manifest\.sha256$/ }, times: 'always', action: denied })
  publisherEndsWith(
    t,
    await shelf.run(['--required-tag', 'status=published']),
    10,
    /allow s3:GetObjectTagging on s3:.*1\.2\.0\/manifest\.sha256/,
  )
  t.strictSame(await inventoryOf(shelf.root), before)
})

t.test('a listing in pages is followed to its end', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', { model: '' })
  // More directories than a page holds, in listings alone.
  for (let number = 0; number < 1005; number++) {
    world.proxy.forge(publishBucket, { key: `${shelf.prefix}0.${number}/part`, size: 1 })
  }
  const end = await shelf.run(['--dry-run', '-o', 'json'])
  t.equal(end.code, 0)
  t.strictSame((JSON.parse(end.stdout) as { published: unknown }).published, ['1.0.0'])
})
