import fc from 'fast-check'
import t from 'tap'
import {
  formatBytes,
  formatMillicores,
  Gi,
  Mi,
  parseBytes,
  parseMillicores,
  parsePositiveBytes,
  parsePositiveMillicores,
} from '../../../src/values/quantity.ts'
import { quantity } from '../../kit/webhook/qos.ts'

const accepted: readonly [text: string, bytes: number, millicores: number][] = [
  ['0', 0, 0],
  ['1', 1, 1000],
  ['+2', 2, 2000],
  ['0.1', 1, 100],
  ['.5', 1, 500],
  ['5.', 5, 5000],
  ['100m', 1, 100],
  ['1500m', 2, 1500],
  ['1u', 1, 1],
  ['1n', 1, 1],
  ['1e3', 1000, 1_000_000],
  ['1E3', 1000, 1_000_000],
  ['1e+3', 1000, 1_000_000],
  ['12e-1', 2, 1200],
  ['0.07k', 70, 70_000],
  ['1.5Ki', 1536, 1_536_000],
  ['0.1Ki', 103, 102_400],
  ['300M', 300_000_000, 300_000_000_000],
]

for (const [text, bytes, millicores] of accepted) {
  t.test(`${text} is ${bytes} bytes and ${millicores} millicores, rounded up`, (t) => {
    t.strictSame(parseBytes(text), { ok: true, value: bytes })
    t.strictSame(parseMillicores(text), { ok: true, value: millicores })
    t.end()
  })
}

t.test('large quantities are exact up to the largest safe integer', (t) => {
  t.strictSame(parseBytes('1.5Gi'), { ok: true, value: 1.5 * Gi })
  t.strictSame(parseBytes('7Pi'), { ok: true, value: 7 * 2 ** 50 })
  t.strictSame(parseBytes('9007199254740991'), { ok: true, value: Number.MAX_SAFE_INTEGER })
  t.strictSame(parseBytes('1E'), { ok: false, problem: 'is out of range' })
  t.end()
})

for (const text of ['1E', '1Ei', '8Pi', '9007199254740992', '1e999', '-1', '-0.5', '-1e3']) {
  t.test(`${text} is out of range`, (t) => {
    t.strictSame(parseBytes(text), { ok: false, problem: 'is out of range' })
    t.end()
  })
}

for (const text of [
  '',
  ' ',
  '.',
  '-',
  '+',
  'e3',
  'Gi',
  '1 Gi',
  ' 1',
  '1\n',
  '1ki',
  '1K',
  '1gi',
  '1e3Ki',
  '1e',
  '1e1000',
  '1.2.3',
  '0x10',
  '1,5',
  '١',
  '∞',
  'NaN',
  '1'.repeat(65),
]) {
  t.test(`${JSON.stringify(text).slice(0, 20)} is no quantity`, (t) => {
    t.match(parseBytes(text), { ok: false, problem: /^is not a Kubernetes quantity(?:; write |$)/ })
    t.match(parseMillicores(text), { ok: false, problem: /^is not a Kubernetes quantity(?:; write |$)/ })
    t.end()
  })
}

t.test('units as disks have them are answered with those of Kubernetes', (t) => {
  const written = { '20GB': '20Gi, or 20G', '1.5 GiB': '1.5Gi, or 1.5G', '512mb': '512Mi, or 512M', '1K': '1Ki, or 1k' }
  for (const [text, meant] of Object.entries(written)) {
    t.strictSame(parseBytes(text), {
      ok: false,
      problem: `is not a Kubernetes quantity; write ${meant} for powers of ten`,
    })
  }
  t.end()
})

t.test('a size or a share of zero is a mistake, in every spelling', (t) => {
  for (const text of ['0', '0Gi', '0.0', '0e5', '-0']) {
    t.strictSame(parsePositiveBytes(text), { ok: false, problem: 'must be more than zero' })
    t.strictSame(parsePositiveMillicores(text), { ok: false, problem: 'must be more than zero' })
  }
  t.strictSame(parsePositiveBytes('1'), { ok: true, value: 1 })
  t.end()
})

t.test('bytes are written with the largest binary suffix that keeps them exact', (t) => {
  t.strictSame([20 * Gi, 1536 * Mi, 3 * 1024, 1000, 0, 1].map(formatBytes), ['20Gi', '1536Mi', '3Ki', '1000', '0', '1'])
  t.strictSame([2000, 1500, 1, 0].map(formatMillicores), ['2', '1500m', '1m', '0'])
  t.end()
})

t.test('a printed quantity is read back as the same number', (t) => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      (value) =>
        parseBytes(formatBytes(value)).ok &&
        JSON.stringify(parseBytes(formatBytes(value))) === JSON.stringify({ ok: true, value }),
    ),
  )
  fc.assert(
    fc.property(
      fc.nat(),
      (value) => JSON.stringify(parseMillicores(formatMillicores(value))) === JSON.stringify({ ok: true, value }),
    ),
  )
  t.end()
})

t.test('every decimal quantity is what exact arithmetic makes of it', (t) => {
  const texts = fc
    .tuple(fc.nat(99_999), fc.nat(999), fc.constantFrom('', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi'))
    .map(([whole, part, suffix]) => `${whole}.${part}${suffix}`)
  fc.assert(
    fc.property(texts, (text) => {
      const exact = quantity(text)
      const bytes = parseBytes(text)
      return bytes.ok && BigInt(bytes.value) === (exact + 999_999_999n) / 1_000_000_000n
    }),
    { numRuns: 2000 },
  )
  t.end()
})
