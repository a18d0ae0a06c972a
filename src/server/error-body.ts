/** Error bodies: small, of one shape, and without information that the client did not have. */
import { STATUS_CODES } from '../network/node-http.ts'

export interface ErrorBody {
  readonly statusCode: number
  readonly error: string
  readonly message: string
}

export function errorBody(statusCode: number, message: string): ErrorBody {
  return { statusCode, error: STATUS_CODES[statusCode] ?? 'Error', message }
}
