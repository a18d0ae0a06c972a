/** Another mutating webhook of the cluster, that changes pods in its own way and remembers what it saw. */
import { createServer } from 'node:https'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import jsonPatch from 'fast-json-patch'
import type { Pod } from '../../../src/pod/pod.ts'
import { createCertificateAuthority, issueCertificate } from '../webhook/pki.ts'

export interface ForeignWebhook {
  readonly url: string
  /** PEM. */
  readonly caCertificate: string
  /** Pods as they came in, oldest first. */
  readonly seen: readonly Pod[]
  close(): Promise<void>
}

export async function startForeignWebhook(directory: string, mutate: (pod: Pod) => Pod): Promise<ForeignWebhook> {
  const authority = await createCertificateAuthority(directory, 'foreign-webhook-ca')
  const { certificateFile, keyFile } = await issueCertificate(directory, authority, {
    name: 'foreign-webhook',
    subject: '/CN=foreign-webhook',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
  const seen: Pod[] = []
  const server = createServer(
    { cert: await readFile(certificateFile), key: await readFile(keyFile) },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.once('end', () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string; object: Pod } }
        const { uid, object } = review.request
        seen.push(object)
        const patch = Buffer.from(JSON.stringify(jsonPatch.compare(object, mutate(object)))).toString('base64')
        response.setHeader('content-type', 'application/json')
        response.end(
          JSON.stringify({
            apiVersion: 'admission.k8s.io/v1',
            kind: 'AdmissionReview',
            response: { uid, allowed: true, patchType: 'JSONPatch', patch },
          }),
        )
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    caCertificate: await readFile(authority.certificateFile, 'utf8'),
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
