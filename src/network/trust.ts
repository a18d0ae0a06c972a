/** Certificate authorities of the operator's own, beside those that Node trusts. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/** For every connection of this thread that is made afterwards; each thread has to be told. `certificates` are PEM. */
export function trustAlso(certificates: string | undefined): void {
  if (certificates === undefined || certificates === '') return
  setDefaultCACertificates([...getCACertificates('default'), certificates])
}
