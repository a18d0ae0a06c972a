/**
 * Runs tap on the given files and on every *.test.ts in the given folders: a line for every file, all that is known of every failure, and at the end
 * the names of the failures and `N passed, N failed`. A skipped or todo test is a failure: what does not run proves nothing.
 * With --quick the slow files of the folders are left out, for the loop in which people work.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Parser, type Result } from 'tap-parser'
import { stringify } from 'yaml'

/** Each takes five seconds or more on an idle machine, five times as long as the next. */
const slowFiles = [
  'test/unit/audit/formats.test.ts',
  'test/unit/audit/laws.test.ts',
  'test/unit/cli/json-items.test.ts',
  'test/unit/loader/transfer/transfer.test.ts',
  'test/unit/server/record-events.test.ts',
]

const { values: flags, positionals: paths } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const modules = join(import.meta.dirname, '..', 'node_modules')
const tap = join(modules, 'tap', 'dist', 'esm', 'run.mjs')
/** Taking the types out is a third of the time of a command that is run from source, and some files run sixty of them. */
const compileCache = join(modules, '.cache', 'node-compile')
const child = spawn(
  process.execPath,
  [tap, '--disable-coverage', '--jobs=2', '--timeout=900', '--reporter=tap', ...testFiles()],
  { stdio: ['inherit', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: compileCache } },
)
const counts = { passed: 0, failed: 0 }
/** Said again at the end: of a long log people, and what keeps logs, see the end first. */
const failures: string[] = []
const parser = new Parser()
parser.on('assert', reportFile)
parser.on('pass', () => {
  counts.passed++
})
for (const event of ['fail', 'skip', 'todo'] as const) {
  parser.on(event, (result: Result) => {
    reportFailure(event, result)
  })
}
child.stdout.pipe(parser)
const [[code]] = (await Promise.all([once(child, 'exit'), once(parser, 'complete')])) as [[number | null], unknown[]]
process.stdout.write([...failures, `${counts.passed} passed, ${counts.failed} failed`, ''].join('\n'))
process.exitCode = code === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1

/** tap would take helpers that lie beside the tests for tests without a test. */
function testFiles(): readonly string[] {
  const files = paths.flatMap((path) => (path.endsWith('.ts') ? [path] : globSync(`${path}/**/*.test.ts`).sort()))
  const chosen = flags.quick ? withoutSlow(files) : files
  if (chosen.length === 0) throw new Error(`no *.test.ts in ${paths.join(', ') || 'no folder: name files or folders'}`)
  return chosen
}

function withoutSlow(files: readonly string[]): readonly string[] {
  const moved = slowFiles.filter((file) => !existsSync(file))
  if (moved.length > 0) throw new Error(`slow files that test/run.ts names are not there: ${moved.join(', ')}`)
  return files.filter((file) => !slowFiles.includes(file))
}

function reportFile({ ok, name, time }: Result): void {
  process.stdout.write(`${ok ? 'ok    ' : 'NOT OK'} ${name} (${((time ?? 0) / 1000).toFixed(1)} s)\n`)
}

function reportFailure(event: 'fail' | 'skip' | 'todo', { fullname, name, diag }: Result): void {
  counts.failed++
  const words = event === 'fail' ? 'failed' : `${event}, which counts as failed`
  const failure = `${words}: ${fullname} > ${name}`
  failures.push(failure)
  process.stdout.write(`${failure}\n${diag === null ? '' : stringify(diag).replace(/^/gm, '    ')}`)
}
