/**
 * Faults of our own or of the installation. What a user of annotations can get wrong is a Diagnostic, never an exception.
 */
export type ErrorCode =
  /** The API server did not do what was asked. */
  | 'ClusterRefused'
  /** The API server gave no answer. */
  | 'ClusterUnreachable'
  /** The configuration file has mistakes. */
  | 'ConfigurationInvalid'
  /** The configuration file cannot be read. */
  | 'ConfigurationUnreadable'
  /** A manifest cannot be read. */
  | 'InputUnreadable'
  /** It is not clear from the kubeconfig which cluster is meant. */
  | 'KubeconfigUnreadable'
  /** The address cannot be listened on. */
  | 'ListenFailed'
  /** A file that was asked for cannot be written. */
  | 'OutputUnwritable'

export class AppError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
  }
}
