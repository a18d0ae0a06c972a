/** A configuration is read in time that grows with its length, whatever it has many of. Work is counted, not timed. */
import t from 'tap'
import { dictionary, times } from '../kit/webhook/large-pod.ts'
import { blocksOfWork } from '../kit/webhook/work-meter.ts'

// Imported after the meter, which counts only in code that is compiled later.
const { parseConfig } = await import('../../src/config/parse-config.ts')

const named = (i: number): object => ({ name: `team-${i}`, namespaces: [`team-${i}-*`] })

const manyOf: Readonly<Record<string, (count: number) => object>> = {
  rules: (n) => ({ policy: { rules: times(n, named) } }),
  'rules of one name': (n) => ({ policy: { rules: times(n, () => named(0)) } }),
  'wrong rules': (n) => ({ policy: { rules: times(n, (i) => ({ name: `team-${i}`, namespace: ['a'] })) } }),
  'namespaces of a rule': (n) => ({ policy: { rules: [{ name: 'a', namespaces: times(n, (i) => `ns-${i}`) }] } }),
  'variables of loaders': (n) => ({ loader: { env: dictionary(n, (i) => [`A${i}`, '1']) } }),
  'unknown defaults': (n) => ({ defaults: dictionary(n, (i) => [`sise.x${i}`, '1Gi']) }),
  'unknown keys': (n) => dictionary(n, (i) => [`polices${i}`, '1']),
}

for (const [what, make] of Object.entries(manyOf)) {
  t.test(`many ${what} cost in proportion`, (t) => {
    const [first, second, third] = [250, 500, 1000].map((count) => costOf(make(count))) as [number, number, number]
    t.ok(third - second <= 2.6 * (second - first), `${first}, ${second}, ${third} blocks`)
    t.end()
  })
}

function costOf(configuration: object): number {
  const text = JSON.stringify(configuration, undefined, 1)
  return blocksOfWork(() => parseConfig(text))
}
