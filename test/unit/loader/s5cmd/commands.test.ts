/** A key is one word of one command, whatever is in it. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { concurrencyFor, copyCommand } from '../../../../src/loader/s5cmd/commands.ts'
import { objectOfCommand } from '../../../../src/loader/s5cmd/arrivals.ts'

t.test('a shell reads the words that were meant', (t) => {
  for (const key of ["it's", '$(touch x)', '`id`', 'a b', '"', '\\', "'; rm -rf / #", '-rf', '*?[x]', 'größe', "''"]) {
    const command = copyCommand({ bucket: 'models', key, file: '/v/1.object' }, { objects: 1, parts: 3 })
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
      .split('\n')
      .slice(0, -1)
    t.strictSame(words, ['cp', '--raw', '--concurrency', '3', `s3://models/${key}`, '/v/1.object'])
  }
  t.end()
})

t.test('many objects come at once, or many parts of a few', (t) => {
  for (const count of [1, 4, 5, 32, 33, 100_000]) {
    const { objects, parts } = concurrencyFor(count)
    t.ok(objects * parts >= 64 && objects * parts <= 128, `${count}: ${objects} objects, ${parts} parts`)
  }
  t.end()
})

t.test('an error is about the object whose file it names', (t) => {
  t.equal(objectOfCommand('cp s3://b/9.object /v/arriving-0/12.object'), 12)
  t.equal(objectOfCommand('run'), undefined)
  t.equal(objectOfCommand(''), undefined)
  t.end()
})
