/** A task of the loader, for tests that change one thing of it. */
import { readTask, type LoadTask } from '../../../src/loader/environment.ts'

export const loaderEnvironment = {
  MODEL_NAME: 'model',
  MODEL_SOURCE: 's3://models/llama/1.2.3/',
  MODEL_ROOT: '/model',
  MODEL_ID: '0123456789abcdef',
  MODEL_POD_UID: 'b5d4c0de-0000',
  MODEL_CREDENTIALS: 'anonymous',
  MODEL_TIMEOUT_SECONDS: '60',
  MODEL_STALL_TIMEOUT_SECONDS: '10',
} as const

export function loadTask(changes: Readonly<Record<string, string>> = {}): LoadTask {
  const read = readTask({ ...loaderEnvironment, ...changes })
  if (!read.ok) throw new Error(read.problems.join(', '))
  return read.task
}
