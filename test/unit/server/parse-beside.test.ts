import t from 'tap'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { parseBeside } from '../../../src/server/parse-beside.ts'
import { manyRules } from '../../kit/webhook/large-configuration.ts'

const stays = new AbortController().signal
const loaderImage = 'registry.example.com/injector:1'

for (const [what, text] of [
  ['a small configuration', manyRules(2)],
  ['a large one', manyRules(1250)],
  ['a large one with mistakes', manyRules(1250, 'polices: {}\nopenshift: perhaps')],
  ['a large one with a key twice', manyRules(1250, 'openshift: true\nopenshift: true')],
] as const) {
  t.test(`${what} is the same as one that is parsed at once`, async (t) => {
    const result = await parseBeside({ text, loaderImage }, stays)
    t.strictSame(result, parseConfig(text, loaderImage))
    t.ok(result !== undefined && (!result.ok || isFrozen(result.config)), 'and nothing can change it')
  })
}

t.test('one that takes too much memory is refused, and the process goes on', async (t) => {
  const text = `policy: {rules: [${'[],'.repeat(700_000)}]}`
  t.match(await parseBeside({ text, loaderImage }, stays), {
    ok: false,
    problems: [/^takes more than 256 MiB of memory to read; write fewer rules/],
  })
})

t.test('one that nobody waits for any longer has no result', async (t) => {
  const closing = new AbortController()
  const parsing = parseBeside({ text: manyRules(1250), loaderImage }, closing.signal)
  closing.abort()
  t.equal(await parsing, undefined)
  t.equal(await parseBeside({ text: manyRules(1250), loaderImage }, closing.signal), undefined, 'nor later')
})

function isFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(isFrozen)
}
