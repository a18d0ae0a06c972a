import t from 'tap'
import { parseSource } from '../../../src/values/source.ts'

const digest = 'f'.repeat(64)

const accepted: readonly [text: string, source: object][] = [
  [
    's3://models/llama/1.2.3/',
    { scheme: 's3', bucket: 'models', key: 'llama/1.2.3/', extent: 'prefix', uri: 's3://models/llama/1.2.3/' },
  ],
  [
    's3://models/llama/*',
    { scheme: 's3', bucket: 'models', key: 'llama/', extent: 'prefix', uri: 's3://models/llama/' },
  ],
  [
    's3://my.bucket-1/a',
    { scheme: 's3', bucket: 'my.bucket-1', key: 'a', extent: 'object', uri: 's3://my.bucket-1/a' },
  ],
  [
    's3://models/ünï code/x',
    { scheme: 's3', bucket: 'models', key: 'ünï code/x', extent: 'object', uri: 's3://models/ünï code/x' },
  ],
  ['pvc://claim', { scheme: 'pvc', claim: 'claim', path: undefined, uri: 'pvc://claim' }],
  ['pvc://claim/', { scheme: 'pvc', claim: 'claim', path: undefined, uri: 'pvc://claim' }],
  ['pvc://claim/a/b/', { scheme: 'pvc', claim: 'claim', path: 'a/b', uri: 'pvc://claim/a/b' }],
  ['node:///opt/models/llama', { scheme: 'node', path: '/opt/models/llama', uri: 'node:///opt/models/llama' }],
  ['node:///opt/models/', { scheme: 'node', path: '/opt/models', uri: 'node:///opt/models' }],
  [
    `oci://registry.example.com:5000/team/llama@sha256:${digest}`,
    {
      scheme: 'oci',
      reference: `registry.example.com:5000/team/llama@sha256:${digest}`,
      path: undefined,
      uri: `oci://registry.example.com:5000/team/llama@sha256:${digest}`,
    },
  ],
  [
    `oci://r/llama@sha256:${digest}#models/`,
    {
      scheme: 'oci',
      reference: `r/llama@sha256:${digest}`,
      path: 'models',
      uri: `oci://r/llama@sha256:${digest}#models`,
    },
  ],
  [
    `oci://r/llama@sha256:${digest}#models/a`,
    {
      scheme: 'oci',
      reference: `r/llama@sha256:${digest}`,
      path: 'models/a',
      uri: `oci://r/llama@sha256:${digest}#models/a`,
    },
  ],
]

for (const [text, source] of accepted) {
  t.test(`${text} is a source`, (t) => {
    t.strictSame(parseSource(text), { ok: true, value: source })
    t.end()
  })
}

const wholeBucket = 'names a whole bucket; name a prefix or a key in it'
const wildcard = 'has a wildcard; only a closing /* is one, use include and exclude for the rest'
const segment = 'has an empty, "." or ".." segment'
const oci = 'needs registry/repository@sha256: and 64 hexadecimal digits'
const node = 'needs an absolute path after node://, as in node:///opt/models/llama'

const denied: readonly [text: string, problem: string][] = [
  ['', 'has no scheme'],
  ['models/llama', 'has no scheme'],
  ['s3:/models/llama', 'has no scheme'],
  ['https://models.s3.amazonaws.com/llama', 'has the unknown scheme "https"'],
  ['S3://models/llama', 'has the unknown scheme "S3"'],
  ['__proto__://x/y', 'has the unknown scheme "__proto__"'],
  ['arn:aws:s3:::models/llama', 'is an ARN; write the bucket as s3://bucket/prefix/'],
  [
    's3://models--use1-az4--x-s3/llama/',
    'names a directory bucket (S3 Express One Zone), which takes sessions instead of signatures; copy the model to a general purpose bucket',
  ],
  ['s3://arn:aws:s3:eu-west-1:1:accesspoint/x', 'names an ARN; write the bucket by its name'],
  ['s3://Models/llama', 'has the bucket name "Models", which S3 does not allow'],
  ['s3://m/llama', 'has the bucket name "m", which S3 does not allow'],
  ['s3:///llama', 'has the bucket name "", which S3 does not allow'],
  ['s3://models', wholeBucket],
  ['s3://models/', wholeBucket],
  ['s3://models/*', wholeBucket],
  ['s3://models/llama*', wildcard],
  ['s3://models/*/a', wildcard],
  ['s3://models/ll?ma', wildcard],
  ['s3://models/a/**', wildcard],
  ['s3://models//a', segment],
  ['s3://models/a//', segment],
  ['s3://models/a/../b', segment],
  ['s3://models/./a', segment],
  ['s3://models/a\nb', 'has a control character'],
  [`s3://models/${'ü'.repeat(513)}`, 'has a key of more than 1024 bytes'],
  ['pvc://', 'has the claim name "", which Kubernetes does not allow'],
  ['pvc://Claim/a', 'has the claim name "Claim", which Kubernetes does not allow'],
  ['pvc://claim/../a', segment],
  ['pvc://claim/a//b', segment],
  ['node://opt/models', node],
  ['node:///opt/../etc', node],
  ['node:///', 'names the whole file system of the node'],
  ['oci://registry.example.com/llama:1.0', oci],
  [`oci://llama@sha256:${digest}`, oci],
  [`oci://r/llama@sha256:${digest.slice(1)}`, oci],
  [`oci://r/llama@sha256:${digest}#`, 'has an empty path after #'],
  [`oci://r/llama@sha256:${digest}#../a`, segment],
]

for (const [text, problem] of denied) {
  t.test(`${JSON.stringify(text).slice(0, 60)} is no source`, (t) => {
    t.strictSame(parseSource(text), { ok: false, problem })
    t.end()
  })
}
