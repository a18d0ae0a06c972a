/** Lists of a pod are read through a few times and indexed after that: the answer is the same. */
import t from 'tap'
import { allByName, findByName } from '../../src/pod/lookup.ts'

for (const length of [0, 1, 32, 33, 500]) {
  t.test(`of ${length} items the first and all of a name are found, however often they are looked up`, (t) => {
    const list = Array.from({ length }, (_, i) => ({ name: `name-${i % 50}`, place: i }))
    for (let search = 0; search < 20; search++) {
      for (const name of ['name-0', 'name-49', 'name-7', 'missing']) {
        const all = list.filter((item) => item.name === name)
        t.strictSame(allByName(list, name), all)
        t.equal(findByName(list, name), all[0])
      }
    }
    t.end()
  })
}

t.test('a list that is not there has no items', (t) => {
  for (const list of [undefined, null]) {
    t.equal(findByName(list, 'name'), undefined)
    t.strictSame(allByName(list, 'name'), [])
  }
  t.end()
})
