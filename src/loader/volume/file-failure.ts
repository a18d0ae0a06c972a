/** Maps errors of the file system to failures of the loader. */
import { LoaderFailure } from '../exit-codes.ts'

const notWritable: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EIO: 'the disk has an error',
  EDQUOT: 'the quota is used up',
}

/** Other errors are returned unchanged. */
export function fileFailureOf(error: unknown): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException
  if (error instanceof LoaderFailure || code === undefined) return error
  if (code === 'ENOSPC') return new LoaderFailure('NoSpace', `the volume is full: ${message}`, { cause: error })
  const words = notWritable[code]
  return words === undefined
    ? error
    : new LoaderFailure('NotWritable', `${path ?? 'the volume'}: ${words}`, { cause: error })
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
