/** A load balancer that sends every request to the next of several webhooks, as a Service does with replicas. */
import { createServer, request } from 'node:https'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createCertificateAuthority, issueCertificate } from './pki.ts'

interface Backend {
  readonly url: string
  /** PEM. */
  readonly caCertificate: string
}

export interface AlternatingProxy extends Backend {
  close(): Promise<void>
}

export async function startAlternatingProxy(
  directory: string,
  backends: readonly Backend[],
): Promise<AlternatingProxy> {
  const authority = await createCertificateAuthority(directory, 'proxy-ca')
  const { certificateFile, keyFile } = await issueCertificate(directory, authority, {
    name: 'proxy',
    subject: '/CN=proxy',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
  let next = 0
  const server = createServer(
    { cert: await readFile(certificateFile), key: await readFile(keyFile) },
    (incoming, response) => {
      const backend = backends[next++ % backends.length]
      if (backend === undefined) throw new Error('no backend')
      const outgoing = request(
        backend.url,
        { method: incoming.method, headers: incoming.headers, ca: backend.caCertificate },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        },
      )
      outgoing.once('error', () => response.destroy())
      incoming.pipe(outgoing)
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/mutate`,
    caCertificate: await readFile(authority.certificateFile, 'utf8'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
