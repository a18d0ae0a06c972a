/**
 * Runs the given files and every *.test.ts in the given folders, each as a Node.js process of its own: a line for every file, all that is known of
 * every failure, and at the end the names of the failures and `N passed, N failed`. A skipped or todo test is a failure: what does not run proves nothing.
 * With --quick the slow files of the folders are left out, for the loop in which people work.
 *
 * tap's own runner is not used: it loads its hooks into every Node.js process that a test starts, which costs 0.2 s of a core each,
 * and there are some thousand of them.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Parser, type FinalResults, type Result } from 'tap-parser'
import { stringify } from 'yaml'

/** Taking the types out is a third of the time of a command that is run from source. */
const compileCache = join(import.meta.dirname, '..', 'node_modules', '.cache', 'node-compile')
/** A file may wait for a build of its tools for longer; its own t.setTimeout says so. */
const patienceSeconds = 900
/** Longer than any file's own limit, which does nothing in a loop that never ends. */
const hungAfterMs = 60 * 60 * 1000
/** Started first, in this order, so that none of them runs alone at the end. */
const slowest = [
  'test/cluster/outage.test.ts',
  'test/loader/s5cmd-scenarios.test.ts',
  'test/loader/s5cmd-engine.test.ts',
  'test/loader/native-scenarios.test.ts',
  'test/loader/faults.test.ts',
  'test/publish/failed-listings.test.ts',
  'test/audit/page/cluster.test.ts',
  'test/cluster/chart-install.test.ts',
  'test/loader/s5cmd.test.ts',
  'test/loader/native.test.ts',
  'test/cluster/deliveries.test.ts',
  'test/cluster/check.test.ts',
]
/** One more than there are cores, because files wait for a good part of their time. */
const jobs = availableParallelism() + 1

/** Each takes five seconds or more on an idle machine, five times as long as the next. */
const slowFiles = [
  'test/unit/audit/formats.test.ts',
  'test/unit/audit/laws.test.ts',
  'test/unit/cli/json-items.test.ts',
  'test/unit/loader/transfer/transfer.test.ts',
  'test/unit/server/record-events.test.ts',
]

const { values: flags, positionals: paths } = parseArgs({
  options: {
    jobs: { type: 'string', default: String(jobs) },
    quick: { type: 'boolean', default: false },
    /** Laws are tried on many more cases. */
    long: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const environment = {
  ...process.env,
  TAP: '1',
  TAP_TIMEOUT: `${patienceSeconds}`,
  NODE_COMPILE_CACHE: compileCache,
  ...(flags.long && { TEST_LONG: '1' }),
}
const counts = { passed: 0, failed: 0 }
/** Said again at the end: of a long log people, and what keeps logs, see the end first. */
const failures: string[] = []
const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endAll)
const startedAtMs = performance.now()
const queue = slowestFirst(testFiles())
await Promise.all(Array.from({ length: Number(flags.jobs) }, runQueue))
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0)
process.stdout.write(
  [...failures, `in ${seconds} s`, `${counts.passed} passed, ${counts.failed} failed`, ''].join('\n'),
)
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1

/** Other modules in the folders of tests are no tests. */
function testFiles(): readonly string[] {
  const files = paths.flatMap((path) => (path.endsWith('.ts') ? [path] : globSync(`${path}/**/*.test.ts`).sort()))
  const moved = [...slowFiles, ...slowest].filter((file) => !existsSync(file))
  if (moved.length > 0) throw new Error(`files that test/run.ts names are not there: ${moved.join(', ')}`)
  const all = files.map((file) => relative('.', file))
  const chosen = flags.quick ? all.filter((file) => !slowFiles.includes(file)) : all
  if (chosen.length === 0) throw new Error(`no *.test.ts in ${paths.join(', ') || 'no folder: name files or folders'}`)
  return chosen
}

function slowestFirst(files: readonly string[]): string[] {
  const rank = (file: string): number => (slowest.includes(file) ? slowest.indexOf(file) : slowest.length)
  return files.toSorted((a, b) => rank(a) - rank(b))
}

async function runQueue(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file)
}

async function runFile(file: string): Promise<void> {
  const fileStartedAtMs = performance.now()
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
    timeout: hungAfterMs,
    killSignal: 'SIGKILL',
  })
  running.add(child)
  const { parser, failed } = parserOf(file)
  child.stdout.pipe(parser)
  const [[code, signal], [results]] = (await Promise.all([once(child, 'close'), once(parser, 'complete')])) as [
    [number | null, NodeJS.Signals | null],
    [FinalResults],
  ]
  running.delete(child)
  const ok = code === 0 && results.ok && results.count > 0
  // Tests that could not be read, or were ended, have reported no failure.
  if (!ok && failed() === 0) reportFailure(`failed: ${file}`, { code, signal, tests: results.count })
  const fileSeconds = ((performance.now() - fileStartedAtMs) / 1000).toFixed(1)
  process.stdout.write(`${ok ? 'ok    ' : 'NOT OK'} ${file} (${fileSeconds} s)\n`)
}

function parserOf(file: string): { parser: Parser; failed: () => number } {
  const parser = new Parser()
  let failed = 0
  parser.on('pass', () => {
    counts.passed++
  })
  for (const event of ['fail', 'skip', 'todo'] as const) {
    parser.on(event, ({ fullname, diag }: Result) => {
      failed++
      const words = event === 'fail' ? 'failed' : `${event}, which counts as failed`
      reportFailure(`${words}: ${file} > ${fullname}`, diag)
    })
  }
  return { parser, failed: () => failed }
}

function reportFailure(failure: string, diag: unknown): void {
  counts.failed++
  failures.push(failure)
  process.stdout.write(`${failure}\n${diag === null ? '' : stringify(diag).replace(/^/gm, '    ').trimEnd()}\n`)
}

/** Each file that still runs prints its current test. */
function endAll(signal: NodeJS.Signals): void {
  queue.length = 0
  for (const child of running) child.kill(signal)
}
