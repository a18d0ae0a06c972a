/** Credentials of AWS, as requests are signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** Undefined for keys that do not expire. */
  readonly expiresAtMs?: number
}
