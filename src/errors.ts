/** Errors of our own or of the installation. A mistake in annotations is a Diagnostic, never an exception. */
export type ErrorCode =
  /** The API server refused the request. */
  | 'ClusterRefused'
  /** The API server gave no answer. */
  | 'ClusterUnreachable'
  /** The configuration file has mistakes. */
  | 'ConfigurationInvalid'
  /** The configuration file cannot be read. */
  | 'ConfigurationUnreadable'
  /** A manifest cannot be read. */
  | 'InputUnreadable'
  /** The kubeconfig does not select a cluster. */
  | 'KubeconfigUnreadable'
  /** The address cannot be listened on. */
  | 'ListenFailed'
  /** A requested file cannot be written. */
  | 'OutputUnwritable'
  /** The file of waivers has mistakes. */
  | 'WaiversInvalid'
  /** The file of waivers cannot be read. */
  | 'WaiversUnreadable'

export class AppError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
  }
}
