/** Reads credentials that people and controllers wrote as text: `echo` and editors add a line break, which signs nothing. */
import { readFile } from 'node:fs/promises'
import type { Environment } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'

/** Keys, tokens and ARNs are visible ASCII. */
const visible = /^[\x21-\x7e]*$/
const remedy = 'write it without them, as printf %s does'

/** A path or an address; '' where it is not set. */
export function readTrimmed(env: Environment, name: string): string {
  return (env[name] ?? '').trim()
}

/** A key, a token or an ARN; '' where it is not set. `source` has it, as in a message: `the Secret keys`. */
export function readCredentialText(env: Environment, name: string, source: string): string {
  const text = readTrimmed(env, name)
  if (visible.test(text)) return text
  throw new LoaderFailure('NoIdentity', `${source} has white space or other characters inside ${name}`, { remedy })
}

/** Reads the token of a service account. The kubelet renews the file, so callers read it for every request. */
export async function readTokenFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new LoaderFailure('NoCredentials', `the token file ${file} cannot be read`, { cause: error })
  })
  const token = text.trim()
  if (token === '') throw new LoaderFailure('NoCredentials', `the token file ${file} is empty`)
  if (visible.test(token)) return token
  throw new LoaderFailure('NoCredentials', `the token file ${file} has white space or other characters in the token`)
}
