/** Parses the `credentials` annotation: the authentication of the loader. */
import { objectNameExpression, parseObjectName } from './names.ts'
import { parsed, unreadable, type Parsed } from './parsed.ts'
import type { ValueForm, ValueKind } from './value-form.ts'

export type Credentials =
  | { readonly kind: 'pod-identity' | 'irsa' | 'anonymous' }
  | { readonly kind: 'secret'; readonly name: string }

export const credentialsForms = 'pod-identity, irsa, secret/NAME, anonymous'

const credentialsForm: ValueForm = {
  expression: `pod-identity|irsa|anonymous|secret/${objectNameExpression}`,
  refused: '/.{254}',
}

export function parseCredentials(text: string): Parsed<Credentials> {
  if (text === 'pod-identity' || text === 'irsa' || text === 'anonymous') return parsed({ kind: text })
  if (!text.startsWith('secret/')) return unreadable('is none of the accepted forms')
  const name = parseObjectName(text.slice('secret/'.length))
  return name.ok ? parsed({ kind: 'secret', name: name.value }) : unreadable('needs the name of a Secret after secret/')
}

export function formatCredentials(credentials: Credentials): string {
  return credentials.kind === 'secret' ? `secret/${credentials.name}` : credentials.kind
}

export const credentialsValue: ValueKind<Credentials> = { parse: parseCredentials, form: credentialsForm }
