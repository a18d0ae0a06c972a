/** Remedies for missing or insufficient credentials, by kind of credentials. */
import type { Credentials } from '../../values/credentials.ts'
import { exits, LoaderFailure } from '../exit-codes.ts'

const allow = 'allow s3:GetObject and s3:ListBucket on the prefix'

const credentialsRemedies = {
  Denied: {
    'pod-identity': `${allow}, and check the Pod Identity association`,
    irsa: `${allow} to the role, and let its trust policy name the service account`,
    secret: `${allow} to the owner of the keys, or correct the Secret`,
    anonymous: 'choose other credentials, or let everybody read the prefix',
  },
  NoCredentials: {
    'pod-identity': 'check the agent on the node and the association of the service account',
    irsa: 'check that the pod reaches STS, and the region',
  },
  NoIdentity: {
    irsa: 'annotate the service account with its role and recreate the pod',
    secret: 'put both keys into the Secret',
  },
} as const satisfies Readonly<
  Partial<Record<keyof typeof exits, Readonly<Partial<Record<Credentials['kind'], string>>>>>
>

/** A failure with a remedy of its own keeps it. */
export function withRemedyFor(failure: LoaderFailure, { kind }: Credentials): LoaderFailure {
  const remedies: Readonly<Partial<Record<string, Readonly<Partial<Record<string, string>>>>>> = credentialsRemedies
  const remedy = remedies[failure.exit]?.[kind]
  if (remedy === undefined || failure.remedy !== exits[failure.exit].remedy) return failure
  return new LoaderFailure(failure.exit, failure.message, { cause: failure, remedy })
}
