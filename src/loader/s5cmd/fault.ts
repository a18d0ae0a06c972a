/** Reads the errors of s5cmd, whose exit code is 1 for all of them, and judges each as an answer to the loader's own requests. */
import { kindOfCode } from '../../s3/answer-problem.ts'
import type { Reaction } from '../../s3/meaning.ts'
import { reactionTo, TransferError, type TransferErrorKind } from '../transfer/transfer-error.ts'
import { printable } from '../../values/print/printable.ts'

export interface CopyFault {
  readonly error: TransferError
  readonly reaction: Reaction
}

interface Judgement {
  readonly kind: TransferErrorKind
  readonly code?: string
}

/** Errors of the system, at the end of what Go says of a file. */
const ofFiles: readonly (readonly [RegExp, TransferErrorKind])[] = [
  [/: (?:no space left on device|file too large)$/, 'noSpace'],
  [
    /: (?:permission denied|operation not permitted|read-only file system|input\/output error|disk quota exceeded|stale NFS file handle|no such file or directory|not a directory)$/,
    'notWritable',
  ],
]

const ofConnections: readonly (readonly [RegExp, TransferErrorKind])[] = [
  [/: http: server gave HTTP response to HTTPS client$/, 'plainHttp'],
  [/: x509: |: tls: /, 'tls'],
  [/: no such host$/, 'dns'],
]

export function faultOf(text: string, key: string): CopyFault {
  const { kind, code } = judge(text)
  const error = new TransferError(`${key}: ${printable(wordsOf(text))}`, {
    kind,
    key,
    ...(code !== undefined && { code }),
  })
  return { error, reaction: reactionTo(kind) }
}

function judge(text: string): Judgement {
  const status = / status code: (\d{3}), request id: /.exec(text)?.[1]
  const code = /^([\w.]+): /.exec(text)?.[1]
  if (status !== undefined) return { kind: kindOfAnswer(Number(status), code), ...(code !== undefined && { code }) }
  const file = kindIn(ofFiles, text)
  if (file !== undefined) return { kind: file, ...(file === 'noSpace' && { code: 'ENOSPC' }) }
  return { kind: kindIn(ofConnections, text) ?? 'network' }
}

/** The answer to a HEAD has no body, and so no code: a 400 may be about credentials that have ended. */
function kindOfAnswer(status: number, code: string | undefined): TransferErrorKind {
  if (code === 'BadRequest') return 'expired'
  return code === 'BucketRegionError' ? 'wrongRegion' : kindOfCode(code, status)
}

function kindIn(kinds: readonly (readonly [RegExp, TransferErrorKind])[], text: string): TransferErrorKind | undefined {
  return kinds.find(([pattern]) => pattern.test(text))?.[1]
}

/** Without what is empty or only of use to a programmer. */
function wordsOf(text: string): string {
  return text
    .replace(/^RequestError: send request failed caused by: (?:Get|Head) "[^"]*": /, '')
    .replace(/ status code: (\d{3}), request id: .*$/s, ' (status $1)')
    .slice(0, 500)
}
