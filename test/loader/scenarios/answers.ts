/** Answers of reported servers: the exit code follows from the meaning of an answer, and one line says what answered. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import type { FaultAction, RecordedRequest } from '../../kit/s3/s3-fault-proxy.ts'
import { freePorts } from '../../kit/tools/free-ports.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { endSignal, type Scenario } from './scenario.ts'

type Operation = RecordedRequest['operation']

export const answers: readonly Scenario[] = [
  {
    name: 'an endpoint that is not there yet is waited for',
    run: async (t, stage) => {
      await putModel(stage)
      const [port = 0] = await freePorts(1)
      const loader = await stage.start({ MODEL_ENDPOINT: `https://127.0.0.1:${port}` })
      const said = (): Promise<true | undefined> =>
        Promise.resolve(loader.log().includes('waiting for S3: the server refuses the connection') || undefined)
      await waitFor('the loader to wait', said, { signal: endSignal(loader) })
      await forward(t, port, new URL(stage.world.proxy.endpoint).port)
      endsWith(t, await loader.end, 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a listing that is throttled for ever ends in the code of what may heal',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['list'],
        action: { kind: 'status', status: 503, code: 'SlowDown' },
        env: { MODEL_TIMEOUT_SECONDS: '20' },
        exit: 14,
        says: /503 SlowDown/,
      }),
  },
  {
    name: 'credentials that are refused with status 400 while listing are denied',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['list'],
        action: { kind: 'status', status: 400, code: 'ExpiredToken' },
        exit: 10,
        says: /400 ExpiredToken/,
      }),
  },
  {
    name: 'credentials that are refused with status 400 while reading are denied',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['get', 'head'],
        action: { kind: 'status', status: 400, code: 'InvalidToken' },
        exit: 10,
        says: /InvalidToken/,
      }),
  },
  {
    name: 'an object that sends more bytes than were listed is refused with both numbers',
    run: async (t, stage) => {
      await putModel(stage)
      const forged = { key: `${stage.prefix}packed.json`, size: 133, body: 'packed'.repeat(20_000) }
      stage.world.proxy.forge(stage.bucket, forged)
      // Neither a length nor a range, as from a server that unpacks what it sends.
      for (const kind of ['chunked', 'ignore-range'] as const) {
        stage.fault({ match: { operation: 'get', key: /packed/ }, times: 'always', action: { kind } })
      }
      endsWith(
        t,
        await stage.run(),
        15,
        /packed\.json: it has 133 bytes in the listing, and \d+ or more arrive; see what/,
      )
      await holdsNothing(t, stage)
      t.ok(stage.world.proxy.requests.length < 1000, 'the number of requests is bounded')
    },
  },
  {
    name: 'a redirect to another URL is not followed, and said',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['list'],
        action: {
          kind: 'status',
          status: 308,
          code: 'PermanentlyMoved',
          headers: { location: 'https://s3.example.test/models' },
        },
        exit: 11,
        says: /the endpoint answers 308 to "https:\/\/s3\.example\.test\/models"; set the endpoint/,
      }),
  },
  {
    name: 'a server that speaks plain http at an https endpoint is named so',
    run: (t, stage) => endsAt(t, stage, stage.world.server.endpoint.replace('http:', 'https:'), /speaks plain http/),
  },
  {
    name: 'a server that refuses to be asked for checksums is asked without',
    run: async (t, stage) => {
      await putModel(stage)
      const where = ({ checksumMode }: RecordedRequest): boolean => checksumMode
      for (const operation of ['head', 'get'] as const) {
        stage.fault({
          match: { operation, where },
          times: 'always',
          action: { kind: 'status', status: 400, code: 'InvalidArgument' },
        })
      }
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a KMS key that is disabled is not called an archive',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['get', 'head'],
        action: { kind: 'status', status: 400, code: 'KMS.DisabledException', message: 'the key is disabled.' },
        exit: 10,
        says: /KMS\.DisabledException.*; enable the KMS key/,
      }),
  },
  {
    name: 'one object that may not be read says that it may be missing',
    run: async (t, stage) => {
      await putModel(stage)
      refuse(stage, ['head', 'get'], { kind: 'status', status: 403, code: 'AccessDenied' })
      const end = await stage.run({ MODEL_SOURCE: `s3://${stage.bucket}/${stage.prefix}config.json` })
      endsWith(t, end, 10, /403 AccessDenied.*S3 answers so for a missing key too, unless s3:ListBucket is allowed/)
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'objects without an ETag are refused by that word',
    run: (t, stage) =>
      ends(t, stage, {
        on: ['list'],
        action: { kind: 'rewrite', rewrite: (listing) => listing.replaceAll(/<ETag>[^<]*<\/ETag>/g, '') },
        exit: 11,
        says: /the server gives 2 objects no ETag, or a weak one/,
      }),
  },
  {
    name: 'escape sequences and line breaks of a server reach neither the log nor the termination message',
    run: async (t, stage) => {
      await putModel(stage)
      const message = 'no\u001b[2J\r\nready: 2 files\u202e'
      refuse(stage, ['list'], { kind: 'status', status: 403, code: 'AccessDenied', message })
      const end = await stage.run()
      endsWith(t, end, 10, /no\\u001b\[2J ready: 2 files\\u202e/)
      t.notMatch(end.log, /\u001b|\r|\u202e|^ready/m)
      await holdsNothing(t, stage)
    },
  },
]

async function putModel(stage: Stage): Promise<void> {
  await stage.put('config.json', '{"layers":32}')
  await stage.put('weights.bin', 'weights')
}

function refuse(stage: Stage, operations: readonly Operation[], action: FaultAction): void {
  for (const operation of operations) stage.fault({ match: { operation }, times: 'always', action })
}

interface Ending {
  readonly on: readonly Operation[]
  readonly action: FaultAction
  readonly env?: Readonly<Record<string, string>>
  readonly exit: number
  readonly says: RegExp
}

async function ends(t: Test, stage: Stage, { on, action, env, exit, says }: Ending): Promise<void> {
  await putModel(stage)
  refuse(stage, on, action)
  endsWith(t, await stage.run(env), exit, says)
  await holdsNothing(t, stage)
}

/** From now on, a port leads to another one. */
async function forward(t: Test, from: number, to: string): Promise<void> {
  const server = createServer((client) => {
    const upstream = connect(Number(to), '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => other.destroy())
    }
  })
  server.listen(from, '127.0.0.1')
  await once(server, 'listening')
  t.ok((server.address() as AddressInfo).port === from)
  t.teardown(() => server.close())
}

async function endsAt(t: Test, stage: Stage, endpoint: string, says: RegExp): Promise<void> {
  await putModel(stage)
  endsWith(t, await stage.run({ MODEL_ENDPOINT: endpoint }), 11, says)
  await holdsNothing(t, stage)
}
