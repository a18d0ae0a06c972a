/** An error response of S3, or a failure to get a response. */
import type { ProblemKind } from './meaning.ts'

export interface S3Problem {
  readonly kind: ProblemKind
  /** 0 where no answer came. */
  readonly status: number
  /** Code of S3 (NoSuchBucket) or of the system (ENOTFOUND); '' without one. */
  readonly code: string
  /** One line without control characters. */
  readonly message: string
  /** The text of S3 in it, if it came with one. */
  readonly reason?: string
  /** Region of the bucket, if S3 reported it. */
  readonly region: string | undefined
}

export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly problem: S3Problem

  constructor(problem: S3Problem, cause?: unknown) {
    super(problem.message, { cause })
    this.problem = problem
  }
}

/** A problem of our own finding, in an answer that says success. */
export function problemOf(kind: ProblemKind, message: string, status = 200): S3Problem {
  return { kind, status, code: '', message, region: undefined }
}
