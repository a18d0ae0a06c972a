/** A load within `publish` has no deadline for all of it: what bounds its listing has to reach the thread that lists. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir } from 'node:fs/promises'
import t from 'tap'
import { load } from '../../../src/loader/load.ts'
import { loadTask } from '../../kit/s3/load-task.ts'

t.test('a listing that always has another page ends at its deadline, and leaves nothing', async (t) => {
  let pages = 0
  const server = createServer((_request, response) => {
    const token = `<NextContinuationToken>${++pages}</NextContinuationToken>`
    response.end(`<ListBucketResult><IsTruncated>true</IsTruncated>${token}</ListBucketResult>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const root = t.testdir({})
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ignore = (): void => undefined
  await t.rejects(
    load(loadTask({ MODEL_ROOT: root, MODEL_ENDPOINT: endpoint }), {
      env: {},
      report: { info: ignore, warn: ignore, error: ignore, progress: ignore },
      signal: new AbortController().signal,
      giveUp: () => undefined,
      startJitterMs: 0,
      longestListingMs: 1000,
    }),
    { message: /: the listing did not end within 1 s$/, exit: 'NoProgress' },
  )
  t.strictSame(await readdir(root), [])
})
