/** Answers of S3 that say nothing true of what is published: whatever they look like, every byte of the volume stays as it was. */
import t from 'tap'
import type { FaultAction, RecordedRequest } from '../kit/s3/s3-fault-proxy.ts'
import {
  publishBucket,
  publisherEndsWith,
  inventoryOf,
  publishImpatiently,
  shelfWithVersions,
  startPublishWorld,
} from './publish-world.ts'

const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())
t.setTimeout(300_000)

interface Case {
  readonly name: string
  readonly action: FaultAction
  readonly exit: number
  readonly says: RegExp
  /** True for what is asked again. */
  readonly mayHeal?: true
}

const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const
const cases: readonly Case[] = [
  { name: 'a listing that is denied', action: denied, exit: 10, says: /^access denied: / },
  {
    name: 'a listing that is throttled for good',
    action: { kind: 'status', status: 503, code: 'SlowDown' },
    exit: 14,
    says: /^the download failed: .*SlowDown/,
    mayHeal: true,
  },
  {
    name: 'a bucket in another region',
    action: { kind: 'redirect', region: 'us-west-2' },
    exit: 11,
    says: /set --region or AWS_REGION to us-west-2/,
  },
  {
    name: 'no bucket of that name',
    action: { kind: 'status', status: 404, code: 'NoSuchBucket' },
    exit: 11,
    says: /there is no bucket models; check --source/,
  },
  {
    name: 'a listing that is cut off',
    action: { kind: 'truncate', afterBytes: 200 },
    exit: 14,
    says: /^the download failed: .*the connection was closed early/,
    mayHeal: true,
  },
  {
    name: 'a web page instead of a listing',
    action: { kind: 'rewrite', rewrite: () => '<!doctype html><title>Sign in' },
    exit: 11,
    says: /: the server answered with a web page \(HTML\): "<!doctype html><title>Sign in", not with a listing; see what answers/,
  },
  {
    name: 'an empty answer instead of a listing',
    action: { kind: 'rewrite', rewrite: () => '' },
    exit: 11,
    says: /: the server answered with an empty body, not with a listing/,
  },
  {
    name: 'a listing that says there is more, and not how to get it,',
    action: { kind: 'rewrite', rewrite: (text) => goingOn(text) },
    exit: 11,
    says: /: the server says that there is more, and not how to get it/,
  },
  {
    name: 'a listing that goes in a circle',
    action: {
      kind: 'rewrite',
      rewrite: (text) => goingOn(text, '<NextContinuationToken>again</NextContinuationToken>'),
    },
    exit: 11,
    says: /: the listing goes in a circle/,
  },
]

function goingOn(listing: string, token = ''): string {
  return listing.replace('<IsTruncated>false</IsTruncated>', `${token}<IsTruncated>true</IsTruncated>`)
}

for (const { name, action, exit, says, mayHeal } of cases) {
  t.test(`${name} leaves every byte as it was`, async (t) => {
    const shelf = await shelfWithVersions(t, world)
    const before = await inventoryOf(shelf.root)
    world.proxy.fault({ match: { operation: 'list' }, times: 'always', action })
    publisherEndsWith(t, await (mayHeal ? publishImpatiently(shelf) : shelf.run()), exit, says)
    t.strictSame(await inventoryOf(shelf.root), before)
  })
}

for (const [of, below] of [
  ['versions', ''],
  ['the files of a version', '1.2.0/'],
] as const) {
  t.test(`a listing of ${of} that ends with an empty answer is no end, and leaves every byte as it was`, async (t) => {
    const shelf = await shelfWithVersions(t, world)
    const before = await inventoryOf(shelf.root)
    const where = ({ prefix }: RecordedRequest): boolean => prefix === shelf.prefix + below
    const match = { operation: 'list', where } as const
    world.proxy.fault({ match, times: 'always', action: { kind: 'page-size', keys: 1 } })
    world.proxy.fault({ match: { ...match, nth: 2 }, times: 'always', action: { kind: 'rewrite', rewrite: () => '' } })
    publisherEndsWith(t, await shelf.run(), 11, /: the server answered with an empty body, not with a listing/)
    const after = await inventoryOf(shelf.root)
    const published = (all: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
      Object.entries(all).filter(([path]) => !path.startsWith('.publish'))
    t.strictSame(published(after), published(before))
  })
}

t.test('a prefix below which nothing is, as a mistyped one, leaves every byte as it was', async (t) => {
  const shelf = await shelfWithVersions(t, world)
  const before = await inventoryOf(shelf.root)
  const end = await shelf.run(['--source', `s3://${publishBucket}/llama-mistyped/`])
  publisherEndsWith(
    t,
    end,
    12,
    /^nothing is there: no directory below s3:\/\/models\/llama-mistyped\/; check --source \(exit 12\)$/,
  )
  t.strictSame(await inventoryOf(shelf.root), before)
})

t.test('credentials that are missing or not known leave every byte as it was', async (t) => {
  const shelf = await shelfWithVersions(t, world)
  const before = await inventoryOf(shelf.root)
  publisherEndsWith(t, await shelf.run(['--credentials', 'pod-identity']), 78, /no workload identity was injected/)
  publisherEndsWith(t, await shelf.run(['--credentials', 'anonymous']), 10, /^access denied/)
  t.strictSame(await inventoryOf(shelf.root), before)
})
