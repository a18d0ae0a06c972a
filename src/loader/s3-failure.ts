/** Maps problems of S3 and errors of the transfer to failures of the loader, by the table of meanings. */
import { meaningOf } from '../s3/meaning.ts'
import { S3Error } from '../s3/s3-error.ts'
import type { S3Source } from '../values/source.ts'
import { LoaderFailure, type Exit } from './exit-codes.ts'
import { isOwnKind, TransferError, type OwnKind, type TransferErrorKind } from './transfer/transfer-error.ts'

interface Problem {
  readonly kind: TransferErrorKind
  readonly message: string
  readonly region?: string | undefined
}

/** Problems that are not of S3. */
const exitOfOwn: Readonly<Record<OwnKind, Exit>> = {
  stalled: 'NoProgress',
  noSpace: 'NoSpace',
  notWritable: 'NotWritable',
  foreign: 'ForeignFiles',
}

/** Failures, aborts and bugs are returned unchanged. */
export function failureOf(error: unknown, source: S3Source): unknown {
  const problem = problemIn(error)
  if (problem === undefined) return error
  const { exit, remedy } = endOf(problem)
  return new LoaderFailure(exit, describe(problem, source), {
    cause: error,
    ...(remedy !== undefined && { remedy }),
  })
}

function problemIn(error: unknown): Problem | undefined {
  if (error instanceof S3Error) return error.problem
  return error instanceof TransferError ? error : undefined
}

function endOf({ kind, region }: Problem): { readonly exit: Exit; readonly remedy?: string } {
  if (isOwnKind(kind)) return { exit: exitOfOwn[kind] }
  if (kind === 'wrongRegion' && region !== undefined) {
    return { exit: meaningOf(kind).exit, remedy: `set the region annotation to ${region}` }
  }
  return meaningOf(kind)
}

function describe({ kind, message, region }: Problem, { bucket, uri }: S3Source): string {
  if (kind === 'noSuchBucket') return `there is no bucket ${bucket}`
  if (kind !== 'wrongRegion') return `${uri}: ${message}`
  return `the bucket ${bucket} is in ${region === undefined ? 'another region' : `the region ${region}`}`
}
