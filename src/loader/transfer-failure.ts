/** Maps errors of the transfer to failures of the loader. */
import type { LoadTask } from './environment.ts'
import { LoaderFailure, type Exit } from './exit-codes.ts'
import { TransferError, type TransferErrorKind } from './transfer/transfer.ts'

const exitOf: Readonly<Record<TransferErrorKind, Exit>> = {
  denied: 'Denied',
  skewed: 'CannotList',
  noSuchBucket: 'CannotList',
  wrongRegion: 'CannotList',
  archived: 'DownloadFailed',
  changed: 'DownloadFailed',
  notFound: 'DownloadFailed',
  network: 'DownloadFailed',
  tls: 'DownloadFailed',
  dns: 'DownloadFailed',
  http: 'DownloadFailed',
  protocol: 'DownloadFailed',
  stalled: 'NoProgress',
  noSpace: 'NoSpace',
  notWritable: 'NotWritable',
  foreign: 'ForeignFiles',
}

const remedyOf: Readonly<Partial<Record<TransferErrorKind, string>>> = {
  skewed: 'correct the clock of the node',
  archived: 'restore it from Glacier first',
}

/** Other errors are returned unchanged. */
export function transferFailureOf(error: unknown, { source }: LoadTask): unknown {
  if (!(error instanceof TransferError)) return error
  const remedy = remedyOf[error.kind]
  return new LoaderFailure(exitOf[error.kind], `${source.uri}: ${error.message}`, {
    cause: error,
    ...(remedy !== undefined && { remedy }),
  })
}
