/** Prefixes of other namespaces, by the path of the pods' sources. */
import t from 'tap'
import { levelsOf, neighboursAt, uriOf } from '../../../../src/check/identity/forbidden-prefixes.ts'
import { parseSource, type S3Source } from '../../../../src/values/source.ts'

function sourceOf(uri: string): S3Source {
  const source = parseSource(uri)
  if (!source.ok || source.value.scheme !== 's3') throw new Error(uri)
  return source.value
}

const identity = { namespace: 'apps', serviceAccount: 'reader' }

const cases: readonly (readonly [source: string, parents: readonly string[]])[] = [
  ['s3://bucket/models/apps/llama/', ['s3://bucket/models/']],
  ['s3://bucket/apps/llama/', ['s3://bucket/']],
  ['s3://bucket/models/apps/reader/llama/', ['s3://bucket/models/', 's3://bucket/models/apps/']],
  ['s3://bucket/models/apps/x.gguf', ['s3://bucket/models/']],
  ['s3://bucket/models/apps', []],
  ['s3://bucket/models/apps-of-others/llama/', []],
  ['s3://bucket/reader/llama/', []],
]

for (const [source, parents] of cases) {
  t.test(`next to ${source}: ${parents.join(' and ') || 'unknown'}`, (t) => {
    t.strictSame(
      levelsOf(identity, [sourceOf(source)]).map(({ bucket, parent }) => uriOf({ bucket, prefix: parent })),
      parents,
    )
    t.end()
  })
}

t.test('several sources of one directory have the same neighbours', (t) => {
  t.equal(levelsOf(identity, ['s3://bucket/models/apps/a/', 's3://bucket/models/apps/b/'].map(sourceOf)).length, 1)
  t.end()
})

t.test('two that are there are tried, and one that does not exist', (t) => {
  const [level] = levelsOf(identity, [sourceOf('s3://bucket/models/apps/a/')])
  t.strictSame(neighboursAt(level!, ['apps', 'ml', 'web', 'zoo']).map(uriOf), [
    's3://bucket/models/ml/',
    's3://bucket/models/web/',
    's3://bucket/models/no-such-namespace/',
  ])
  t.end()
})
