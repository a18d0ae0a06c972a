/** The environment from the webhook: with one wrong value, or all of them, the loader sends no request and writes nothing. */
import { readdir } from 'node:fs/promises'
import type { Test } from 'tap'
import { exits } from '../../../src/loader/exit-codes.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import type { Stage } from '../../kit/s3/loader-world.ts'
import type { Env } from './identity.ts'
import type { Scenario } from './scenario.ts'

/** Values that each variable refuses, in addition to the empty one. */
const mistakes = {
  MODEL_SOURCE: [
    'models/llama',
    's3://mo dels/x/',
    's3://a:b:models/x/',
    's3://models/a/../b',
    's3://models/a//b/',
    's3://models/a*b/',
    's3://models/a\nb/',
    'pvc://models/llama',
    'node:///models',
  ],
  MODEL_ROOT: ['model', '/a/../b', '/a//b', '/a\nb'],
  MODEL_ID: ['0123', '../../etc/passwd', '0123456789ABCDEF', '0123456789abcdef0'],
  MODEL_POD_UID: ['../x', 'a b', 'x'.repeat(65)],
  MODEL_EXPECT: [
    'files=3',
    'objects=0',
    'objects=3,what',
    'bytes=1e3',
    'bytes=-1',
    'manifest=x',
    'manifest=../x@sha256:'.concat('0'.repeat(64)),
    'manifest=x@sha256:abc',
    'objects=1,objects=2',
  ],
  MODEL_SIZE_BYTES: ['-1', '0', '1e3', '1Gi', '99999999999999999999'],
  MODEL_READ_ONLY: ['yes', 'TRUE', '1'],
  MODEL_CREDENTIALS: ['root', 'secret/', 'secret/../x', 'instance-profile'],
  MODEL_ENDPOINT: [
    'ftp://s3.example.com',
    's3.example.com',
    'https://user:word@s3.example.com',
    'https://s3.example.com/path%20',
  ],
  MODEL_ADDRESSING: ['host', 'PATH'],
  MODEL_REQUESTER_PAYS: ['requester', '1'],
  MODEL_REQUIRE_CHECKSUMS: ['yes', '1'],
  MODEL_REUSE: ['trust', 'VERIFY'],
  MODEL_TIMEOUT_SECONDS: ['0', '-1', '1.5', 'soon', '2h'],
  MODEL_STALL_TIMEOUT_SECONDS: ['0', '-1', '1e3', 'never'],
  MODEL_EXCLUDE: ['a,,b'],
  MODEL_INCLUDE: ['a,,b'],
  MODEL_REGION: ['EU WEST', '-x', 'eu/west'],
  AWS_REGION: ['EU WEST', '-x', 'eu/west'],
  MODEL_ENGINE: ['rclone', 'S5CMD'],
  MODEL_S5CMD_PATH: ['s5cmd', '/usr/../s5cmd'],
} as const

const required = [
  'MODEL_NAME',
  'MODEL_SOURCE',
  'MODEL_ROOT',
  'MODEL_ID',
  'MODEL_CREDENTIALS',
  'MODEL_TIMEOUT_SECONDS',
  'MODEL_STALL_TIMEOUT_SECONDS',
] as const

export const environments: readonly Scenario[] = [
  ...Object.entries(mistakes).map(
    ([name, values]): Scenario => ({
      name: `${name} is refused where it is wrong`,
      run: async (t, stage) => {
        for (const value of values) await refuses(t, stage, { [name]: value })
      },
    }),
  ),
  {
    name: 'missing required variables are named',
    run: async (t, stage) => {
      for (const name of required) {
        const end = await stage.run({ [name]: '' })
        endsWith(t, end, exits.InvalidEnvironment.code)
        t.ok(end.terminationMessage.includes(`${name} is not set`), end.terminationMessage)
      }
      await nothingHappened(t, stage)
    },
  },
  {
    name: 'all mistakes come in one message',
    run: (t, stage) =>
      refuses(t, stage, Object.fromEntries(Object.entries(mistakes).map(([name, [value]]) => [name, value]))),
  },
]

async function refuses(t: Test, stage: Stage, env: Env): Promise<void> {
  const end = await stage.run(env)
  endsWith(t, end, exits.InvalidEnvironment.code)
  for (const name of Object.keys(env)) {
    t.ok(end.terminationMessage.includes(`${name} "`), `${name}: ${end.terminationMessage}`)
  }
  await nothingHappened(t, stage)
}

async function nothingHappened(t: Test, { world, root }: Stage): Promise<void> {
  t.strictSame(world.proxy.requests, [], 'nothing was asked for')
  t.strictSame(await readdir(root), [], 'nothing was written')
}
