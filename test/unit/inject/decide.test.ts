import t from 'tap'
import { decide } from '../../../src/request/is-annotated.ts'

const prefix = 'models.example.io/'

function withAnnotations(annotations: unknown): unknown {
  return { metadata: { annotations }, spec: {} }
}

const inject = { decision: 'inject' }
const skip = (reason: string): object => ({ decision: 'skip', reason })

const cases: readonly [name: string, object: unknown, decision: object][] = [
  ['a source', withAnnotations({ [`${prefix}source`]: 's3://a/b/' }), inject],
  ['a source with a suffix', withAnnotations({ [`${prefix}source.llama`]: 's3://a/b/' }), inject],
  [
    'any annotation of ours, so that a misspelt one is answered',
    withAnnotations({ [`${prefix}sorce`]: 's3://a/b/' }),
    inject,
  ],
  [
    'inject: "true" alone, so that the missing source is answered',
    withAnnotations({ [`${prefix}inject`]: 'true' }),
    inject,
  ],
  ['a bad value for inject', withAnnotations({ [`${prefix}inject`]: 'False' }), inject],
  ['a source that is no text', withAnnotations({ [`${prefix}source`]: 5 }), inject],
  [
    'inject: "false" with a source',
    withAnnotations({ [`${prefix}source`]: 's3://a/b/', [`${prefix}inject`]: 'false' }),
    skip('OptedOut'),
  ],
  [
    'a mirror pod with a source',
    withAnnotations({ [`${prefix}source`]: 's3://a/b/', 'kubernetes.io/config.mirror': 'x' }),
    skip('MirrorPod'),
  ],
  [
    'a mirror pod that opted out',
    withAnnotations({ [`${prefix}inject`]: 'false', 'kubernetes.io/config.mirror': '' }),
    skip('MirrorPod'),
  ],
  [
    'our status alone, which a copy may have kept',
    withAnnotations({ [`${prefix}status`]: '{}' }),
    skip('NotAnnotated'),
  ],
  [
    'annotations of others',
    withAnnotations({ 'example.io/source': 'x', 'models.example.iox/source': 'x' }),
    skip('NotAnnotated'),
  ],
  ['no annotations', withAnnotations({}), skip('NotAnnotated')],
  ['null for annotations', withAnnotations(null), skip('NotAnnotated')],
  ['a list for annotations', withAnnotations(['models.example.io/source']), skip('NotAnnotated')],
  ['a text for annotations', withAnnotations('models.example.io/source'), skip('NotAnnotated')],
  ['null for metadata', { metadata: null }, skip('NotAnnotated')],
  ['nothing at all', undefined, skip('NotAnnotated')],
  ['null', null, skip('NotAnnotated')],
  ['a number', 5, skip('NotAnnotated')],
]

for (const [name, object, decision] of cases) {
  t.test(`with ${name} the decision is ${JSON.stringify(decision)}`, (t) => {
    t.strictSame(decide(object, prefix), decision)
    t.end()
  })
}

t.test('the prefix is the one of the configuration', (t) => {
  t.strictSame(decide(withAnnotations({ 'ml.corp/source': 'x' }), 'ml.corp/'), inject)
  t.strictSame(decide(withAnnotations({ 'ml.corp/inject': 'false' }), 'ml.corp/'), skip('OptedOut'))
  t.strictSame(decide(withAnnotations({ 'ml.corp/source': 'x' }), prefix), skip('NotAnnotated'))
  t.end()
})
