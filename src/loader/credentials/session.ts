/** Parses the credentials format that the EKS agent and the EC2 metadata service share. */
import type { AwsCredentials } from './aws-credentials.ts'

/** Undefined for any other content. */
export function readSession(body: string): AwsCredentials | undefined {
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: expiration,
  } = parseObject(body)
  const expiresAtMs = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN
  if (
    typeof accessKeyId !== 'string' ||
    typeof secretAccessKey !== 'string' ||
    typeof sessionToken !== 'string' ||
    Number.isNaN(expiresAtMs)
  ) {
    return undefined
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiresAtMs }
}

/** Empty if the text is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
