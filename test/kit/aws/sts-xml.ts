/** Answers of STS. */
import { randomUUID } from 'node:crypto'

export interface STSRefusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

export interface SessionKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiresAt: Date
}

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

export function resultXml(action: string, result: string): string {
  return `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`
}

export function sessionXml({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: SessionKeys): string {
  const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${sessionToken}</SessionToken>`
  return `<Credentials>${keys}<Expiration>${expiresAt.toISOString().replace(/\.\d+/, '')}</Expiration></Credentials>`
}

export function stsErrorXml({ status, code, message }: STSRefusal): string {
  const type = status < 500 ? 'Sender' : 'Receiver'
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>${type}</Type><Code>${code}</Code><Message>${text}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`
}
