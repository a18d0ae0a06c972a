/**
 * Faults of our own or of the installation. What a user of annotations can get wrong is a Diagnostic, never an exception.
 */
export const errorCodes = {
  ClusterRefused: 'the API server did not do what was asked',
  ClusterUnreachable: 'the API server gave no answer',
  ConfigurationInvalid: 'the configuration file has mistakes',
  ConfigurationUnreadable: 'the configuration file cannot be read',
  InputUnreadable: 'a manifest cannot be read',
  KubeconfigUnreadable: 'it is not clear from the kubeconfig which cluster is meant',
  ListenFailed: 'the address cannot be listened on',
  OutputUnwritable: 'a file that was asked for cannot be written',
} as const

export type ErrorCode = keyof typeof errorCodes

export class AppError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AppError'
    this.code = code
  }
}
