/** The least that a webhook in Node can be: HTTPS, JSON.parse, an answer. Prints its port when it listens. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const [directory = '.'] = process.argv.slice(2)
const server = createServer(
  { cert: readFileSync(join(directory, 'tls.crt')), key: readFileSync(join(directory, 'tls.key')) },
  (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const {
        request: { uid },
      } = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } }
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid, allowed: true },
        }),
      )
    })
  },
)
server.keepAliveTimeout = 95_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => {
  process.exit(0)
})
