/** Credentials as the agent of EKS and the metadata service of EC2 both write them. */
import type { AwsCredentials } from './aws-credentials.ts'

/** Undefined where it is something else. */
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

/** Without members where it is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
