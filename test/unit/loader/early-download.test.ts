/** Bytes move while pages are listed, and only the whole listing is published. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'
import { load } from '../../../src/loader/load.ts'
import { loadTask } from '../../kit/s3/load-task.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { listingXml, type AnsweredObject } from '../../kit/s3/s3-answers.ts'

const prefix = 'llama/1.2.3/'
const bodyOf = (key: string): string => `the content of ${key}`

interface Server {
  readonly endpoint: string
  /** Keys in the order in which they were asked for with GET. */
  readonly asked: string[]
  readonly heads: string[]
  /** Numbers of pages that were asked for. */
  readonly pages: number[]
}

interface Answers {
  readonly checksumAlgorithm?: string
  /** Called before a page is answered. */
  readonly beforePage?: (number: number, server: Server) => Promise<void>
  /** Status for a page; 200 by default. */
  readonly statusOf?: (number: number) => number
}

/** Serves the pages of keys in their order. */
async function serve(t: Test, pages: readonly (readonly string[])[], answers: Answers = {}): Promise<Server> {
  const http = createServer((request, response) => {
    void answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  const server: Server = {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked: [],
    heads: [],
    pages: [],
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', server.endpoint)
    const key = decodeURIComponent(url.pathname).slice('/models/'.length)
    if (url.searchParams.has('list-type')) {
      const number = Number(url.searchParams.get('continuation-token') ?? 0)
      server.pages.push(number)
      await answers.beforePage?.(number, server)
      const status = answers.statusOf?.(number) ?? 200
      response.writeHead(status).end(status === 200 ? pageOf(pages, number, answers) : '')
      return
    }
    if (request.method === 'GET') server.asked.push(key)
    else server.heads.push(key)
    response.writeHead(200, { 'content-length': Buffer.byteLength(bodyOf(key)), etag: `"${key}"` })
    response.end(request.method === 'HEAD' ? undefined : bodyOf(key))
  }
  return server
}

function pageOf(pages: readonly (readonly string[])[], number: number, { checksumAlgorithm }: Answers): string {
  const objects = (pages[number] ?? []).map(
    (key): AnsweredObject => ({
      key,
      size: Buffer.byteLength(bodyOf(key)),
      etag: `"${key}"`,
      lastModified: new Date(0),
      storageClass: 'STANDARD',
      checksumAlgorithm,
    }),
  )
  const asked = {
    bucket: 'models',
    prefix,
    delimiter: undefined,
    maxKeys: 1000,
    continuationToken: undefined,
    startAfter: undefined,
    urlEncoded: true,
  }
  const nextToken = number + 1 < pages.length ? String(number + 1) : undefined
  return listingXml(asked, { objects, commonPrefixes: [], nextToken })
}

function keys(...names: readonly string[]): readonly string[] {
  return names.map((name) => prefix + name)
}

async function run(
  root: string,
  { endpoint }: Server,
  changes: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const nothing = (): void => undefined
  const task = loadTask({ MODEL_ROOT: root, MODEL_ENDPOINT: endpoint, ...changes })
  const report = { info: nothing, warn: nothing, error: nothing, progress: nothing }
  const { signal } = new AbortController()
  return await load(task, { env: {}, report, signal, giveUp: nothing, startJitterMs: 0, patienceMs: 300 }).catch(
    (error: unknown) => error,
  )
}

/** Holds the page back until some object was asked for. */
async function untilAsked({ asked }: Server): Promise<void> {
  await waitFor('a GET', () => Promise.resolve(asked.length > 0 || undefined))
}

t.test('objects of the first page are asked for before the last page is there', async (t) => {
  const root = t.testdir()
  const pages = [keys('a', 'b'), keys('c/d', 'e'), keys('f/g/h')]
  const server = await serve(t, pages, {
    beforePage: async (number) => {
      if (number === 2) await untilAsked(server)
    },
  })
  t.match(await run(root, server, { MODEL_EXPECT: 'objects=5' }), { files: 5 })
  const files = join(root, '0123456789abcdef', 'files')
  for (const key of pages.flat()) {
    t.equal(await readFile(join(files, key.slice(prefix.length)), 'utf8'), bodyOf(key))
  }
  t.strictSame(server.asked.toSorted(), pages.flat(), 'each is asked for once')
})

const first = keys('a', 'k')
for (const [what, second, changes, exit] of [
  ['has an unsafe key', keys('x/../y'), {}, 'UnsafeKeys'],
  ['has a directory of the name of an earlier file', keys('k/x'), {}, 'UnsafeKeys'],
  ['has more objects than expected', keys('x'), { MODEL_EXPECT: 'objects=2' }, 'VerificationFailed'],
  ['has more bytes than the size annotation', keys('x'), { MODEL_SIZE_BYTES: '64' }, 'NoSpace'],
] as const) {
  t.test(`nothing is published where a later page ${what}, and nothing of it is asked for`, async (t) => {
    const root = t.testdir()
    const server = await serve(t, [first, second], {
      beforePage: async (number) => {
        if (number === 1) await untilAsked(server)
      },
    })
    const error = await run(root, server, changes)
    t.ok(error instanceof LoaderFailure && error.exit === exit, String(error))
    t.strictSame(await readdir(root), [], 'no staging is left')
    if (exit !== 'VerificationFailed') {
      t.strictSame(
        server.asked.filter((key) => !first.includes(key)),
        [],
      )
    }
  })
}

t.test('nothing is published where a later page does not come; the next run keeps what came', async (t) => {
  const root = t.testdir()
  const staging = '.staging-0123456789abcdef-b5d4c0de-0000'
  const journal = join(root, staging, 'journal.ndjson')
  let failing = true
  const server = await serve(t, [first, keys('x')], {
    beforePage: async (number) => {
      if (number !== 1 || !failing) return
      await waitFor('the journal', async () => (await readJournal(journal)).includes('"k"') || undefined)
    },
    statusOf: (number) => (failing && number === 1 ? 500 : 200),
  })
  const error = await run(root, server)
  t.ok(error instanceof LoaderFailure && error.exit === 'DownloadFailed', String(error))
  t.strictSame(await readdir(root), [staging])
  failing = false
  t.match(await run(root, server), { files: 3 })
  t.strictSame(server.asked.toSorted(), keys('a', 'k', 'x'), 'each is asked for once')
})

async function readJournal(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '')
}

t.test('with a manifest, no object is asked for before the last page is there', async (t) => {
  const root = t.testdir()
  const server = await serve(t, [first, keys('x')], {
    beforePage: async () => {
      await setTimeout(100)
      t.strictSame(server.asked, [])
    },
  })
  const error = await run(root, server, { MODEL_EXPECT: `manifest=SHA256SUMS@sha256:${'0'.repeat(64)}` })
  t.ok(error instanceof LoaderFailure && error.exit === 'VerificationFailed', String(error))
})

t.test('no HEAD comes before the first GET where the listing says which checksums S3 keeps', async (t) => {
  const saying = await serve(t, [first], { checksumAlgorithm: 'CRC64NVME' })
  t.match(await run(t.testdir({ saying: {} }) + '/saying', saying), { files: 2 })
  t.strictSame(saying.heads, [])
  const silent = await serve(t, [first])
  t.match(await run(t.testdir({ silent: {} }) + '/silent', silent), { files: 2 })
  t.strictSame(silent.heads, [first[0]])
})
