import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { s3Client } from '../../../src/aws/s3.ts'

t.test('a listing that says there is more, and not how to get it, is an error', async (t) => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/xml')
    response.end('<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key><Size>1</Size><ETag>"e"</ETag></Contents></ListBucketResult>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const s3 = s3Client({ region: 'us-east-1', endpoint, credentials: undefined, signal: new AbortController().signal })
  await t.rejects(s3.page('bucket', '', {}), { message: /TruncatedListing: the server says that there is more/ })
})
