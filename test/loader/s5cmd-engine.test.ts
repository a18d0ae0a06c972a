/** The engine s5cmd alone: the limits that the loader sets to a program that knows none, and what the program gets to know. */
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { endsWith } from '../kit/s3/loader-end.ts'
import type { RunningLoader } from '../kit/s3/loader-run.ts'
import { holdsModel, holdsNothing, stageOf, startLoaderWorld, type Stage } from '../kit/s3/loader-world.ts'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { treeOf } from '../kit/tools/process-memory.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { temporaryDirectory } from '../kit/webhook/mounted-directory.ts'
import { bytes } from './cases.ts'
import { withAgent } from './scenarios/identity.ts'
import { endSignal, MiB, requestsOf, waitForBytes } from './scenarios/scenario.ts'

t.setTimeout(10 * 60 * 1000)
const directory = await temporaryDirectory(t)
const world = await startLoaderWorld(directory, await s5cmdEngine())
t.teardown(() => world.stop())
let volumes = 0

/** A small model on the server, and a volume with nothing on it. */
async function smallModel(): Promise<Stage> {
  world.proxy.reset()
  const root = join(directory, `volume-${++volumes}`)
  mkdirSync(root)
  const stage = stageOf(world, `s5cmd ${volumes}`, root)
  await stage.put('config.json', '{"layers":32}')
  await stage.put('shards/weights.bin', bytes(200_000, 1))
  return stage
}

/** The program, which waits for the rest of an object. */
async function stalledProgram(
  stage: Stage,
  env: Readonly<Record<string, string>> = {},
): Promise<[RunningLoader, number]> {
  const action = { kind: 'stall', afterBytes: 100 } as const
  stage.fault({ match: { operation: 'get', key: /weights/ }, times: 'always', action })
  const loader = await stage.start(env)
  await waitForBytes(stage, loader, 100)
  const program = treeOf(loader.child.pid ?? 0).find((pid) => commandLine(pid).includes('s5cmd\0'))
  if (program === undefined) throw new Error('s5cmd does not run')
  return [loader, program]
}

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}

function isRunning(pid: number): boolean {
  return readdirSync('/proc').includes(`${pid}`)
}

async function endOfProgram(pid: number): Promise<void> {
  await waitFor('the end of s5cmd', () => Promise.resolve(isRunning(pid) ? undefined : true))
}

t.test('an object that sends more than was listed is stopped long before it fills the volume', async (t) => {
  const stage = await smallModel()
  world.proxy.forge(stage.bucket, { key: `${stage.prefix}packed.json`, size: 133, body: bytes(100_000, 2) })
  // Neither a length nor a range: s5cmd asks for one part after the other, for ever.
  for (const kind of ['chunked', 'ignore-range'] as const) {
    stage.fault({ match: { operation: 'get', key: /packed/ }, times: 'always', action: { kind } })
  }
  endsWith(
    t,
    await stage.run(),
    15,
    /packed\.json: it has 133 bytes in the listing, and \d+ or more arrive; see what answers/,
  )
  await holdsNothing(t, stage)
  const asked = requestsOf(stage).filter(({ key }) => key?.endsWith('packed.json'))
  t.ok(asked.length < 1000, `${asked.length} requests`)
})

t.test('an object of another length than listed is refused with both lengths', async (t) => {
  for (const body of [bytes(40, 3), bytes(400, 3)]) {
    const stage = await smallModel()
    world.proxy.forge(stage.bucket, { key: `${stage.prefix}packed.json`, size: 133, body })
    endsWith(
      t,
      await stage.run(),
      15,
      new RegExp(`packed\\.json: it has 133 bytes in the listing, and ${body.length} arrived`),
    )
    await holdsNothing(t, stage)
  }
})

t.test('the environment of s5cmd is built from nothing, and holds no keys of S3', async (t) => {
  const stage = await smallModel()
  const { env } = await withAgent(t, stage)
  const [loader, program] = await stalledProgram(stage, { ...env, AWS_PROFILE: 'other', S3_ENDPOINT_URL: 'http://x' })
  const variables = readFileSync(`/proc/${program}/environ`, 'utf8')
    .split('\0')
    .filter((text) => text !== '')
  t.strictSame(variables.map((text) => text.split('=')[0]).sort(), [
    'AWS_CONFIG_FILE',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_EC2_METADATA_DISABLED',
    'AWS_REGION',
    'AWS_S3_US_EAST_1_REGIONAL_ENDPOINT',
    'AWS_SHARED_CREDENTIALS_FILE',
    'GOMEMLIMIT',
    'PATH',
    'SSL_CERT_DIR',
    'SSL_CERT_FILE',
  ])
  t.match(variables.join('\n'), /^AWS_CONTAINER_CREDENTIALS_FULL_URI=http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}$/m)
  const [, token = ''] =
    variables.find((text) => text.startsWith('AWS_CONTAINER_AUTHORIZATION_TOKEN='))?.split('=') ?? []
  t.notMatch(commandLine(program), token, 'no list of processes shows the token')
  loader.child.kill('SIGTERM')
  endsWith(t, await loader.end, 143, /^SIGTERM: /)
})

t.test('SIGTERM ends the program as well', async (t) => {
  const stage = await smallModel()
  const [loader, program] = await stalledProgram(stage)
  loader.child.kill('SIGTERM')
  endsWith(t, await loader.end, 143, /the next run continues/)
  t.notOk(isRunning(program))
  await holdsNothing(t, stage)
})

t.test(
  'files that were whole before a SIGKILL are not fetched again, and the program writes nowhere else',
  async (t) => {
    const stage = await smallModel()
    const [loader, program] = await stalledProgram(stage)
    const journal = join(stage.root, `.staging-${stage.id}-pod-1`, 'journal.ndjson')
    await waitFor(
      'the first file in the journal',
      async () => ((await readFile(journal, 'utf8')).includes('"path":"config.json"') ? true : undefined),
      { timeoutSeconds: 30, signal: endSignal(loader) },
    )
    loader.child.kill('SIGKILL')
    await loader.end
    world.proxy.reset()
    endsWith(t, await stage.run(), 0)
    await holdsModel(t, stage)
    t.strictSame(
      requestsOf(stage).map(({ key }) => key),
      [`${stage.prefix}shards/weights.bin`],
    )
    if (isRunning(program)) process.kill(program, 'SIGKILL')
    await endOfProgram(program)
  },
)

t.test('a link in the place of the directory of s5cmd leads its bytes nowhere else, and ends the loader', async (t) => {
  const stage = await smallModel()
  const [loader] = await stalledProgram(stage)
  const other = join(directory, `other-${volumes}`)
  mkdirSync(other)
  const staging = join(stage.root, `.staging-${stage.id}-pod-1`)
  const [arriving = ''] = (await readdir(staging)).filter((name) => name.startsWith('arriving-'))
  await rename(join(staging, arriving), join(stage.root, 'taken-away'))
  await symlink(other, join(staging, arriving))
  world.proxy.reset()
  endsWith(t, await loader.end, 18, new RegExp(`${arriving} is a link, not a file or a directory`))
  t.strictSame(await readdir(other), [])
  await holdsNothing(t, stage)
})

t.test('an object that is replaced by a longer one while it is read is listed again', async (t) => {
  const stage = await smallModel()
  const longer = bytes(300_000, 5)
  stage.fault({ match: { operation: 'get', key: /weights/ }, action: { kind: 'replace', body: longer } })
  stage.model.set('shards/weights.bin', longer)
  const end = await stage.run()
  endsWith(t, end, 0)
  t.match(end.log, /warning: .*weights\.bin changed while it was read; listing again/)
  await holdsModel(t, stage)
})

t.test('a program that crashes, or ends well without a file, ends the loader', async (t) => {
  const lies: readonly (readonly [script: string, says: RegExp])[] = [
    ['echo "panic: oh" >&2; echo "main.go:1" >&2; exit 2', /s5cmd did not copy it: panic: oh/],
    ['exit 0', /s5cmd did not copy it: it ended with 0/],
  ]
  // At once, because each is tried again for half of its time.
  const env = { MODEL_TIMEOUT_SECONDS: '24' }
  const ends = await Promise.all(
    lies.map(async ([script, says], i) => {
      const path = join(directory, `program-${i}`)
      await writeFile(path, `#!/bin/sh\nwhile read -r line; do :; done\n${script}\n`, { mode: 0o755 })
      const stage = await smallModel()
      return { stage, says, end: await stage.run({ ...env, MODEL_S5CMD_PATH: path }) }
    }),
  )
  for (const { stage, says, end } of ends) {
    endsWith(t, end, 14, says)
    await holdsNothing(t, stage)
  }
})

t.test('a file that is no program ends the loader', async (t) => {
  const stage = await smallModel()
  const path = join(directory, 'no-program')
  await writeFile(path, 'text', { mode: 0o644 })
  endsWith(t, await stage.run({ MODEL_S5CMD_PATH: path }), 64, /cannot be started at .*no-program; use the product's/)
  await holdsNothing(t, stage)
})

t.test('an image without the program ends the loader before it asks for anything', async (t) => {
  const stage = await smallModel()
  const path = join(directory, 'no-such-program')
  endsWith(
    t,
    await stage.run({ MODEL_S5CMD_PATH: path }),
    64,
    /no-such-program; use the product's image of this release/,
  )
  t.strictSame(world.proxy.requests, [])
})

t.test('parts that the other engine left are no file, and make room for the whole one', async (t) => {
  const stage = await smallModel()
  await stage.put('large.bin', bytes(40 * MiB, 4))
  const isLate = ({ range = '' }: { range: string | undefined }): boolean => /=(?:16777216|33554432)-/.test(range)
  const action = { kind: 'stall', afterBytes: 100 } as const
  stage.fault({ match: { operation: 'get', where: isLate }, times: 'always', action })
  const loader = await stage.start({ MODEL_ENGINE: 'native' })
  const journal = join(stage.root, `.staging-${stage.id}-pod-1`, 'journal.ndjson')
  await waitFor(
    'a part of the large file in the journal',
    async () => ((await readFile(journal, 'utf8').catch(() => '')).includes('"path":"large.bin"') ? true : undefined),
    { timeoutSeconds: 30, signal: endSignal(loader) },
  )
  loader.child.kill('SIGKILL')
  await loader.end
  world.proxy.reset()
  endsWith(t, await stage.run(), 0)
  await holdsModel(t, stage)
  t.ok(requestsOf(stage).some(({ key, range }) => key?.endsWith('large.bin') && range?.startsWith('bytes=0-')))
})

t.test("each engine accepts the other's model", async (t) => {
  for (const [first, second] of [
    ['s5cmd', 'native'],
    ['native', 's5cmd'],
  ] as const) {
    const stage = await smallModel()
    endsWith(t, await stage.run({ MODEL_ENGINE: first }), 0)
    world.proxy.reset()
    endsWith(t, await stage.run({ MODEL_ENGINE: second }), 0)
    t.strictSame(requestsOf(stage), [], 'no object is asked for')
    await holdsModel(t, stage)
  }
})

t.test('objects without any checksum are loaded with a warning', async (t) => {
  const stage = await smallModel()
  const body = bytes(2000, 6)
  world.proxy.forge(stage.bucket, { key: `${stage.prefix}bare.bin`, body })
  stage.model.set('bare.bin', body)
  const end = await stage.run()
  endsWith(t, end, 0)
  await holdsModel(t, stage)
  t.match(
    end.log,
    /^warning: S3 keeps no checksum of the whole for 1 of 3 objects; .*a manifest in expect tells more$/m,
  )
})

t.test('nothing stays in the directory for temporary files', async (t) => {
  const stage = await smallModel()
  const temporary = join(directory, 'temporary')
  mkdirSync(temporary)
  endsWith(t, await stage.run({ TMPDIR: temporary }), 0)
  t.strictSame(await readdir(temporary), [])
  t.equal((await stat(join(stage.root, stage.id, 'files', 'config.json'))).mode & 0o777, 0o644)
})
