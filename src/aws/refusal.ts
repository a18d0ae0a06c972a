/** Result of a call to AWS: its value or its refusal. Callers that check permissions expect both. */
import { S3Error } from '../s3/s3-error.ts'

export interface Refusal {
  /** 0 where no answer came. */
  readonly status: number
  readonly code: string
  readonly message: string
  /** That of a bucket, where S3 said so. */
  readonly region: string | undefined
}

export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal }

/** Rethrows our own bugs. */
export async function attempt<T>(call: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await call() }
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof ReferenceError) throw error
    return { ok: false, refusal: refusalOf(error) }
  }
}

type SDKError = Error & {
  readonly code?: string | number
  readonly $metadata?: { readonly httpStatusCode?: number }
}

function refusalOf(error: Error): Refusal {
  if (error instanceof S3Error) {
    const { status, code, message, reason = message, region } = error.problem
    return { status, code, message: reason, region }
  }
  const { name, message, code, $metadata } = error as SDKError
  // The code of an abort is a number.
  return {
    status: $metadata?.httpStatusCode ?? 0,
    code: typeof code === 'string' ? code : name,
    message: textOf(error, message),
    region: undefined,
  }
}

/** A failed connection to a host with two addresses has its messages only in the inner errors. */
function textOf(error: Error, message: string): string {
  if (message !== '') return message
  const [first] = error instanceof AggregateError ? (error.errors as readonly Error[]) : []
  return first?.message ?? error.name
}
