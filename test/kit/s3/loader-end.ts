/** Expectations about the end of a loader, for every kind of end. */
import type { Test } from 'tap'
import { exits } from '../../../src/loader/exit-codes.ts'
import type { LoaderEnd } from './loader-run.ts'

/** `says` is looked for in the last line, which the kubelet shows too. */
export function endsWith(
  t: Test,
  { exitCode, signal, log, terminationMessage }: LoaderEnd,
  wanted: number,
  says?: RegExp,
): void {
  if (exitCode !== wanted) t.comment(log)
  t.strictSame({ exitCode, signal }, { exitCode: wanted, signal: null })
  const line = log.trim().split('\n').at(-1) ?? ''
  if (says !== undefined) t.match(line, says)
  if (wanted === 0) return
  t.equal(terminationMessage.trim(), line, 'the last line of the log is the termination message')
  const exit = Object.values(exits).find(({ code }) => code === wanted)
  t.ok(line.startsWith(`${exit?.summary ?? ''}: `), line)
  t.ok(line.endsWith(`(exit ${wanted})`), line)
}
