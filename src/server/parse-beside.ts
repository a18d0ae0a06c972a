/**
 * Parses a changed configuration without a stop of the event loop, which goes on answering: 20,000 rules are some seconds of
 * reading YAML.
 */
import { on } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { freezeDeeply, parseConfig, type ConfigResult } from '../config/parse-config.ts'
import type { PolicyRule } from '../config/policy.ts'
import type { ParsedPart, ParseTask } from './parsed-parts.ts'

/** Read in less time than a thread takes to start. */
const longestAtOnce = 16 * 1024

/**
 * 20,000 rules of 3 MiB fit. What does not fit is refused, and the process does not take what the chart gives it: 512Mi, with which it
 * would be killed.
 */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

/** Always resolves. Without a result once the signal is aborted. */
export async function parseBeside(task: ParseTask, signal: AbortSignal): Promise<ConfigResult | undefined> {
  if (task.text.length <= longestAtOnce) return parseConfig(task.text, task.loaderImage)
  // In this directory: .ts in the source tree, .js in the build. Without the main thread's loader flags and environment.
  const file = new URL(`./parse-thread${extname(import.meta.filename)}`, import.meta.url)
  const thread = new Worker(file, { workerData: task, execArgv: [], env: {}, resourceLimits })
  try {
    return await take(thread, signal)
  } catch (error) {
    return signal.aborted ? undefined : { ok: false, problems: [threadProblem(error)] }
  } finally {
    await thread.terminate()
  }
}

/** Asks for a part only after it has taken the one before, so that admissions come between them. */
async function take(thread: Worker, signal: AbortSignal): Promise<ConfigResult> {
  const rules: PolicyRule[] = []
  for await (const [part] of on(thread, 'message', { signal, close: ['exit'] }) as AsyncIterable<[ParsedPart]>) {
    if ('result' in part) return complete(part.result, rules)
    rules.push(...freezeDeeply(part.rules))
    thread.postMessage('next')
  }
  throw new Error('its thread ended without a result')
}

/** A value that comes from a thread is no longer frozen. */
function complete(result: ConfigResult, rules: readonly PolicyRule[]): ConfigResult {
  if (!result.ok) return result
  const { config } = result
  return { ok: true, config: freezeDeeply({ ...config, policy: { ...config.policy, rules } }) }
}

function threadProblem(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return `takes more than ${resourceLimits.maxOldGenerationSizeMb} MiB of memory to read; write fewer rules, with patterns that stand for several`
  }
  return `cannot be parsed: ${error instanceof Error ? error.message : String(error)}`
}
