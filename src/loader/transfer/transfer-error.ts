/** Errors of the transfer; the loader maps each kind to an exit code. */
import { meaningOf, type ProblemKind, type Reaction } from '../../s3/meaning.ts'
import type { S3Problem } from '../../s3/s3-error.ts'

/** Problems of this side. */
const ownKinds = ['stalled', 'noSpace', 'notWritable', 'foreign'] as const
export type OwnKind = (typeof ownKinds)[number]

export type TransferErrorKind = ProblemKind | OwnKind

export function isOwnKind(kind: TransferErrorKind): kind is OwnKind {
  return (ownKinds as readonly string[]).includes(kind)
}

export function reactionTo(kind: TransferErrorKind): Reaction {
  return isOwnKind(kind) ? 'giveUp' : meaningOf(kind).reaction
}

export interface TransferErrorDetail {
  readonly kind: TransferErrorKind
  readonly key: string
  readonly status?: number
  /** Code of S3 or of the system: AccessDenied, ECONNRESET. */
  readonly code?: string
  /** Region of the bucket, if S3 reported it. */
  readonly region?: string
}

export class TransferError extends Error {
  override readonly name = 'TransferError'
  readonly kind: TransferErrorKind
  readonly key: string
  readonly status?: number
  readonly code?: string
  readonly region?: string

  constructor(message: string, detail: TransferErrorDetail, options?: ErrorOptions) {
    super(message, options)
    this.kind = detail.kind
    this.key = detail.key
    if (detail.status !== undefined) this.status = detail.status
    if (detail.code !== undefined) this.code = detail.code
    if (detail.region !== undefined) this.region = detail.region
  }
}

/** An error as a worker posts it: a structured clone of an Error loses its class and its fields. */
export interface ErrorMessage {
  readonly message: string
  readonly stack?: string
  readonly detail?: TransferErrorDetail
}

export function toMessage(error: Error): ErrorMessage {
  if (!(error instanceof TransferError)) {
    return { message: error.message, ...(error.stack !== undefined && { stack: error.stack }) }
  }
  const { message, kind, key, status, code, region } = error
  return {
    message,
    detail: {
      kind,
      key,
      ...(status !== undefined && { status }),
      ...(code !== undefined && { code }),
      ...(region !== undefined && { region }),
    },
  }
}

export function fromMessage({ message, stack, detail }: ErrorMessage): Error {
  if (detail !== undefined) return new TransferError(message, detail)
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}

/** No code of the system. */
const foreignCode = 'EFOREIGN'

const fileKinds: Readonly<Record<string, TransferErrorKind>> = {
  [foreignCode]: 'foreign',
  ENOSPC: 'noSpace',
  EFBIG: 'noSpace',
  EACCES: 'notWritable',
  EPERM: 'notWritable',
  EROFS: 'notWritable',
  EIO: 'notWritable',
  EDQUOT: 'notWritable',
  ENOENT: 'notWritable',
  ESTALE: 'notWritable',
  EISDIR: 'foreign',
  ELOOP: 'foreign',
  ENOTDIR: 'foreign',
  ENXIO: 'foreign',
}

const foreignWords: Readonly<Record<string, string>> = {
  EISDIR: 'is a directory',
  ELOOP: 'is a link',
  ENOTDIR: 'is below something that is no directory',
  ENXIO: 'is a pipe or a socket',
}

/** An error of the kind `foreign` for fileError(). */
export function foreignFile(what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(what), { code: foreignCode })
}

/** Converts an error of a system call on the staging file; anything unexpected is returned unchanged, as a bug. */
export function fileError(error: unknown, key: string, file: string): unknown {
  const code = errorCode(error)
  const kind = code === undefined ? undefined : fileKinds[code]
  if (kind === undefined || code === undefined) return error
  if (kind === 'foreign') {
    const what = foreignWords[code] ?? (error as Error).message
    return new TransferError(`${file} ${what}`, { kind, key, code }, { cause: error })
  }
  return new TransferError(`cannot write ${file}: ${(error as Error).message}`, { kind, key, code }, { cause: error })
}

export function transferErrorOf(problem: S3Problem, key: string, cause?: unknown): TransferError {
  const { kind, status, code, region, message } = problem
  return new TransferError(
    `${key}: ${message}`,
    { kind, key, status, ...(code !== '' && { code }), ...(region !== undefined && { region }) },
    { cause },
  )
}

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
