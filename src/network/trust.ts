/** The operator's own certificate authorities, in addition to those that Node trusts. */

/** Applies to later connections of this thread only; each thread has to call it. `certificates` are PEM. */
export function trustAlso(certificates: string | undefined): void {
  if (certificates === undefined || certificates === '') return
  // Loaded lazily: few installations need it, and a thread without connections does without TLS.
  const { getCACertificates, setDefaultCACertificates } = process.getBuiltinModule('node:tls')
  setDefaultCACertificates([...getCACertificates('default'), certificates])
}
