import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { publishedCalls } from '../../../src/aws/s3-published.ts'
import { s3Client } from '../../../src/aws/s3.ts'

const truncated = { message: /TruncatedListing: the server says that there is more/ }

/** Options for a server that answers every listing with one key and one directory, and keeps the token of the next page to itself. */
async function serverWithoutTokens(t: Test) {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/xml')
    response.end(
      '<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key><Size>1</Size><ETag>"e"</ETag></Contents><CommonPrefixes><Prefix>1.0.0/</Prefix></CommonPrefixes></ListBucketResult>',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { region: 'us-east-1', endpoint, credentials: undefined, signal: new AbortController().signal }
}

t.test('a listing of objects that says there is more, and not how to get it, is an error', async (t) => {
  const s3 = s3Client(await serverWithoutTokens(t))
  await t.rejects(s3.page('bucket', '', {}), truncated)
})

t.test('and so is one of versions, of which the newest may be missing', async (t) => {
  const calls = publishedCalls(await serverWithoutTokens(t))
  t.teardown(() => {
    calls.close()
  })
  const pages = calls.directories('bucket', '')
  t.strictSame(await pages.next(), { done: false, value: ['1.0.0'] })
  await t.rejects(pages.next(), truncated)
})
