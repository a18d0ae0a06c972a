import { readFileSync } from 'node:fs'
import t from 'tap'
import { version } from '../../src/version.ts'

t.test('the version is the one in package.json', (t) => {
  const { version: expected } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.equal(version, expected)
  t.end()
})
