import t from 'tap'
import { skipReasonOf } from '../../../src/request/skip-reason.ts'

const prefix = 'models.example.io/'

function withAnnotations(annotations: unknown): unknown {
  return { metadata: { annotations }, spec: {} }
}

const cases: readonly [name: string, object: unknown, skipReason: string | undefined][] = [
  ['a source', withAnnotations({ [`${prefix}source`]: 's3://a/b/' }), undefined],
  ['a source with a suffix', withAnnotations({ [`${prefix}source.llama`]: 's3://a/b/' }), undefined],
  [
    'any annotation of ours, so that a misspelt one is answered',
    withAnnotations({ [`${prefix}sorce`]: 's3://a/b/' }),
    undefined,
  ],
  [
    'inject: "true" alone, so that the missing source is answered',
    withAnnotations({ [`${prefix}inject`]: 'true' }),
    undefined,
  ],
  ['a bad value for inject', withAnnotations({ [`${prefix}inject`]: 'False' }), undefined],
  ['a source that is no text', withAnnotations({ [`${prefix}source`]: 5 }), undefined],
  [
    'inject: "false" with a source',
    withAnnotations({ [`${prefix}source`]: 's3://a/b/', [`${prefix}inject`]: 'false' }),
    'OptedOut',
  ],
  [
    'a mirror pod with a source',
    withAnnotations({ [`${prefix}source`]: 's3://a/b/', 'kubernetes.io/config.mirror': 'x' }),
    'MirrorPod',
  ],
  [
    'a mirror pod that opted out',
    withAnnotations({ [`${prefix}inject`]: 'false', 'kubernetes.io/config.mirror': '' }),
    'MirrorPod',
  ],
  ['our status alone, which a copy may have kept', withAnnotations({ [`${prefix}status`]: '{}' }), 'NotAnnotated'],
  [
    'annotations of others',
    withAnnotations({ 'example.io/source': 'x', 'models.example.iox/source': 'x' }),
    'NotAnnotated',
  ],
  ['no annotations', withAnnotations({}), 'NotAnnotated'],
  ['null for annotations', withAnnotations(null), 'NotAnnotated'],
  ['a list for annotations', withAnnotations(['models.example.io/source']), 'NotAnnotated'],
  ['a text for annotations', withAnnotations('models.example.io/source'), 'NotAnnotated'],
  ['null for metadata', { metadata: null }, 'NotAnnotated'],
  ['nothing at all', undefined, 'NotAnnotated'],
  ['null', null, 'NotAnnotated'],
  ['a number', 5, 'NotAnnotated'],
]

for (const [name, object, skipReason] of cases) {
  t.test(`a pod with ${name} is ${skipReason === undefined ? 'injected' : `skipped as ${skipReason}`}`, (t) => {
    t.equal(skipReasonOf(object, prefix), skipReason)
    t.end()
  })
}

t.test('the prefix is the one of the configuration', (t) => {
  t.equal(skipReasonOf(withAnnotations({ 'ml.corp/source': 'x' }), 'ml.corp/'), undefined)
  t.equal(skipReasonOf(withAnnotations({ 'ml.corp/inject': 'false' }), 'ml.corp/'), 'OptedOut')
  t.equal(skipReasonOf(withAnnotations({ 'ml.corp/source': 'x' }), prefix), 'NotAnnotated')
  t.end()
})
