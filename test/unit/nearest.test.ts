import t from 'tap'
import { annotationNames } from '../../src/annotations.ts'
import { nearest } from '../../src/nearest.ts'

const cases: readonly [text: string, word: string | undefined][] = [
  ['sorce', 'source'],
  ['mount_path', 'mount-path'],
  ['mountpath', 'mount-path'],
  ['Source', 'source'],
  ['readonly', 'read-only'],
  ['serviceAccount', 'service-account'],
  ['xyz', undefined],
  ['', undefined],
  ['completely-different', undefined],
  ['s'.repeat(65), undefined],
]

for (const [text, word] of cases) {
  t.test(
    `${JSON.stringify(text).slice(0, 30)} is ${word === undefined ? 'near to nothing' : `taken for ${word}`}`,
    (t) => {
      t.equal(nearest(text, annotationNames), word)
      t.end()
    },
  )
}

t.test('among no words none is near', (t) => {
  const none: string[] = []
  t.equal(nearest('a', none), undefined)
  t.end()
})
