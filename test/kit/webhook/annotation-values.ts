/** Values of annotations: good ones, nearly good ones, and ones that nobody means well. */
import fc from 'fast-check'
import { annotations, type AnnotationName } from '../../../src/annotations.ts'
import type { AnnotationRow } from '../../../src/values/annotation-row.ts'

const digest = `sha256:${'0a'.repeat(32)}`
const sources = [
  's3://models/llama/1.2.3/',
  's3://models/*',
  's3://models/a/*',
  's3://models/.a/..b/...',
  's3://tenant:Bucket_1/a b',
  's3://models--x-s3/a',
  'pvc://claim',
  'pvc://claim.a/b/',
  'node:///opt/models/llama/',
  `oci://registry.example.com:5000/a/b@${digest}#dir/file`,
]
const quantities = [
  '1',
  '+1.5Gi',
  '.5Ki',
  '5.',
  '1e3',
  '2E+2',
  '1E',
  '192Mi',
  '201326591.5',
  '9007199254740991',
  '0.1n',
]
const durations = ['2h', '1h30m', '90s', '0h1s', '0001h', '99999999s']
const patterns = ['*.safetensors,*.json', ' a b , c\t', 'é*?', 'a/b']
const names = ['a', 'model-reader', 'a.b-c.d', '0']

/** Beside the example of a row. */
const samples: Readonly<Partial<Record<AnnotationName, readonly string[]>>> = {
  inject: ['true', 'TRUE'],
  source: sources,
  claim: names,
  'mount-path': ['/models', '/models/', '/.a/..b', '/variable', '/run/secretsx', '/devil', '/srv/é a'],
  containers: ['*', ' * ', 'a, b', 'a,a', 'a'.repeat(63)],
  size: quantities,
  cpu: [...quantities, '9007199254740991m'],
  memory: quantities,
  volume: ['disk', 'memory', 'ephemeral/gp3.x', 'existing/cache'],
  include: patterns,
  exclude: patterns,
  expect: [
    'objects=12',
    'bytes=0001, objects=9007199254740991',
    `manifest=a/.b/..c@x@${digest}`,
    'objects=1,objects=1',
  ],
  env: ['MODEL_PATH', '.a-b', '-'],
  region: ['eu-west-1', 'auto', '0'],
  endpoint: [
    'https://s3.example.com',
    'http://10.0.0.1:9000/s3/',
    'HTTPS:\\host?#',
    ' https://[::1]:1 ',
    'https:/@a/..//b',
    'ht\ntps://a',
  ],
  'service-account': names,
  credentials: ['pod-identity', 'irsa', 'secret/s3-keys.a', 'anonymous'],
  'run-as-user': ['auto', '1', '2147483647', '0000000001'],
  timeout: durations,
  'stall-timeout': durations,
  image: [`example/model-injector@${digest}`, 'a:5000/b_c:1.2'],
}

/** Characters that parsers and regular expressions understand differently: blanks, dots, slashes, digits, letters beyond ASCII. */
const pieces =
  ' |\t|\n|\v|\r|\u0000|\u007f|\u0085|\u00a0|\u180e|\u2028|\ufeff|\u202e|é|日|𝒳|/|//|.|..|/./|/../|:|,|*|?|#|@|=|+|-|_|0|1|9|e|E|i|K|m|n|"|\'|\\|$|(|{{'.split(
    '|',
  )

interface Edit {
  /** In thousandths of the length. */
  readonly at: number
  readonly dropped: number
  readonly added: string
}

const edits: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(1000),
  dropped: fc.nat(2),
  added: fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 4, arbitrary: fc.constantFrom(...pieces) }),
})

/** A sample of the row or of another one, with up to three changes, or any text. */
export function annotationValues(name: AnnotationName): fc.Arbitrary<string> {
  const { example }: AnnotationRow<unknown> = annotations[name]
  const own = [example.replaceAll('"', ''), ...(samples[name] ?? [])]
  const all = Object.values(samples).flat()
  const start = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...own) },
    { weight: 1, arbitrary: fc.constantFrom(...all) },
  )
  const edited = fc
    .tuple(start, fc.array(edits, { maxLength: 3 }))
    .map(([text, changes]) => changes.reduce(applyEdit, text))
  return fc.oneof(
    { weight: 12, arbitrary: edited },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...pieces), maxLength: 12 }) },
    { weight: 1, arbitrary: edited.map((text) => text.repeat(Math.ceil(200 / (text.length + 1)))) },
  )
}

/** By code points: half of a pair of surrogates does not reach an API server. */
function applyEdit(text: string, { at, dropped, added }: Edit): string {
  const characters = Array.from(text)
  characters.splice(Math.floor((at * (characters.length + 1)) / 1001), dropped, added)
  return characters.join('')
}
