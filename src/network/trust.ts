/** Certificate authorities of the operator's own, beside those that Node trusts. */

/** For every connection of this thread that is made afterwards; each thread has to be told. `certificates` are PEM. */
export function trustAlso(certificates: string | undefined): void {
  if (certificates === undefined || certificates === '') return
  // Hardly anybody has any, and a thread that makes no connection does without TLS.
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule('node:tls')
  setDefaultCACertificates([...getCACertificates('default'), certificates])
}
