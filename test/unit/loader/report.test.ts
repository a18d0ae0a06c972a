import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { exits, failureLine, LoaderFailure } from '../../../src/loader/exit-codes.ts'
import { counted, formatSize } from '../../../src/loader/format-size.ts'
import { jsonReport, textReport, writeTerminationMessage, type Output } from '../../../src/loader/report.ts'

const half = { bytes: 512 * 2 ** 20, totalBytes: 2 ** 30, bytesPerSecond: 2 ** 20 }

t.test('people get lines', (t) => {
  const output = outputOf()
  const report = textReport(output)
  report.info('loading', { ignored: true })
  report.warn('it changed')
  report.progress(half)
  report.error('it failed')
  t.strictSame(output.lines(), [
    'loading',
    'warning: it changed',
    '512 MiB of 1.00 GiB (50 %), 1.00 MiB/s, 9 min left',
    'it failed',
  ])
  t.end()
})

t.test('time left is printed in the unit that fits, and left out if it is unknown', (t) => {
  const output = outputOf()
  const report = textReport(output)
  for (const bytesPerSecond of [0, 2 ** 29, 2 ** 23, 2 ** 17]) report.progress({ ...half, bytesPerSecond })
  t.strictSame(
    output.lines().map((line) => /\/s(.*)$/.exec(line)?.[1]),
    ['', ', 1 s left', ', 1 min left', ', 1.1 h left'],
  )
  t.end()
})

t.test('percents are never rounded up to a hundred, and nothing is a hundred percent of nothing', (t) => {
  const output = outputOf()
  const report = textReport(output)
  report.progress({ bytes: 9999, totalBytes: 10_000, bytesPerSecond: 0 })
  report.progress({ bytes: 0, totalBytes: 0, bytesPerSecond: 0 })
  t.strictSame(
    output.lines().map((line) => /\((\d+) %\)/.exec(line)?.[1]),
    ['99', '100'],
  )
  t.end()
})

t.test('a terminal gets a bar that draws over itself, and lines that do not', (t) => {
  const output = outputOf(true)
  const report = textReport(output)
  report.progress(half)
  report.info('ready')
  const clear = '\r\u001b[K'
  t.equal(
    output.text(),
    `${clear}[${'#'.repeat(12)}${' '.repeat(12)}] 512 MiB of 1.00 GiB (50 %), 1.00 MiB/s, 9 min left${clear}ready\n`,
  )
  t.end()
})

t.test('machines get one JSON object a line', (t) => {
  const output = outputOf()
  const report = jsonReport(output)
  report.info('loading\n"x"', { files: 3 })
  report.warn('it changed')
  report.progress(half)
  report.error('it failed', { exit: 14 })
  const lines = output.lines().map((line) => JSON.parse(line) as { time: string })
  t.match(lines, [
    { level: 'info', msg: 'loading "x"', files: 3 },
    { level: 'warn', msg: 'it changed' },
    { level: 'info', msg: 'progress', bytes: 2 ** 29, totalBytes: 2 ** 30, bytesPerSecond: 2 ** 20, secondsLeft: 512 },
    { level: 'error', msg: 'it failed', exit: 14 },
  ])
  t.ok(lines.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000))
  t.end()
})

t.test('the termination message goes where the kubelet looks, and is as long as it reads', async (t) => {
  const file = join(t.testdir({ log: '' }), 'log')
  writeTerminationMessage(file, 'x'.repeat(5000))
  t.equal((await readFile(file, 'utf8')).length, 4096)
})

t.test('without a kubelet no file is made', (t) => {
  const file = join(t.testdir(), 'log')
  t.doesNotThrow(() => {
    writeTerminationMessage(file, 'x')
  })
  t.rejects(readFile(file), { code: 'ENOENT' })
  t.end()
})

t.test('a failure is one line: what kind, what was found, what to do, and the exit code', (t) => {
  t.equal(
    failureLine(new LoaderFailure('NoSpace', 'it needs 3, 2 are free')),
    'not enough space: it needs 3, 2 are free; raise the size annotation or choose another volume (exit 13)',
  )
  t.match(
    failureLine(new LoaderFailure('Nothing', 'x', { remedy: 'write it with a slash' })),
    'x; write it with a slash (exit 12)',
  )
  const codes = Object.values(exits).map(({ code }) => code)
  t.equal(new Set(codes).size, codes.length, 'every kind has a code of its own')
  t.end()
})

t.test('nothing that a server or a manifest wrote breaks a line or reaches a terminal', (t) => {
  const hostile = 'a\u001b[2Jb\r\nc\u202ed\u2028e\u0085f\0'
  const safe = 'a\\u001b[2Jb c\\u202ed e\\u0085f\\u0000'
  t.match(failureLine(new LoaderFailure('Nothing', hostile, { remedy: 'x\ny' })), `${safe}; x y (exit 12)`)
  const output = outputOf()
  const report = textReport(output)
  report.info(hostile)
  report.warn(hostile)
  report.error(`Error: ${hostile.replaceAll('\n', '')}\n    at file.ts:1`)
  t.strictSame(output.lines(), [
    safe,
    `warning: ${safe}`,
    'Error: a\\u001b[2Jb\\u000dc\\u202ed\\u2028e\\u0085f\\u0000',
    '    at file.ts:1',
  ])
  const machine = outputOf()
  jsonReport(machine).warn(hostile)
  t.match(JSON.parse(machine.text()), { msg: safe })
  t.end()
})

t.test('sizes have three digits and a unit', (t) => {
  const cases = [
    [0, '0 bytes'],
    [1, '1 bytes'],
    [1023, '1023 bytes'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [600 * 2 ** 30, '600 GiB'],
  ] as const
  for (const [size, text] of cases) t.equal(formatSize(size), text)
  t.equal(counted(1, 'file'), '1 file')
  t.equal(counted(0, 'file'), '0 files')
  t.end()
})

t.test('sizes just below a unit, and beyond the last one, are figures a person can read', (t) => {
  t.equal(formatSize(1023 * 2 ** 20), '1023 MiB')
  t.equal(formatSize(2048 * 2 ** 40), '2048 TiB')
  t.end()
})

function outputOf(isTTY = false): Output & { text(): string; lines(): string[] } {
  let written = ''
  return {
    isTTY,
    write: (text) => {
      written += text
    },
    text: () => written,
    lines: () => written.split('\n').slice(0, -1),
  }
}
