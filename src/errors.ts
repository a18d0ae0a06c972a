/**
 * Faults of our own or of the installation. What a user of annotations can get wrong is a Diagnostic, never an exception.
 */
export const errorCodes = {
  ConfigurationInvalid: 'the configuration file has mistakes',
  ConfigurationUnreadable: 'the configuration file cannot be read',
  InputUnreadable: 'a manifest cannot be read',
  ListenFailed: 'the address cannot be listened on',
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
