/**
 * Runs tap on the given files and on every *.test.ts in the given folders: a line for every file, all that is known of every failure, and at the end
 * the names of the failures and `N passed, N failed`. A skipped or todo test is a failure: what does not run proves nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { Parser, type Result } from 'tap-parser'
import { stringify } from 'yaml'

const modules = join(import.meta.dirname, '..', 'node_modules')
const tap = join(modules, 'tap', 'dist', 'esm', 'run.mjs')
/** Taking the types out is a third of the time of a command that is run from source, and some files run sixty of them. */
const compileCache = join(modules, '.cache', 'node-compile')
const child = spawn(
  process.execPath,
  [tap, '--disable-coverage', '--jobs=2', '--timeout=900', '--reporter=tap', ...testFiles(process.argv.slice(2))],
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
function testFiles(paths: readonly string[]): readonly string[] {
  const files = paths.flatMap((path) => (path.endsWith('.ts') ? [path] : globSync(`${path}/**/*.test.ts`).sort()))
  if (files.length === 0) throw new Error(`no *.test.ts in ${paths.join(', ')}`)
  return files
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
