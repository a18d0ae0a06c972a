import t from 'tap'
import { parseSource, s3SourceProblem, type S3Source } from '../../../src/values/source.ts'

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
  ['s3://models', { scheme: 's3', bucket: 'models', key: '', extent: 'prefix', uri: 's3://models/' }],
  ['s3://models/', { scheme: 's3', bucket: 'models', key: '', extent: 'prefix', uri: 's3://models/' }],
  ['s3://models/*', { scheme: 's3', bucket: 'models', key: '', extent: 'prefix', uri: 's3://models/' }],
  [
    's3://My_Models/llama/',
    { scheme: 's3', bucket: 'My_Models', key: 'llama/', extent: 'prefix', uri: 's3://My_Models/llama/' },
  ],
  [
    's3://ml_team:My_Models/llama/',
    {
      scheme: 's3',
      bucket: 'ml_team:My_Models',
      key: 'llama/',
      extent: 'prefix',
      uri: 's3://ml_team:My_Models/llama/',
    },
  ],
  [
    's3://models/100%/a%2Fb',
    { scheme: 's3', bucket: 'models', key: '100%/a%2Fb', extent: 'object', uri: 's3://models/100%/a%2Fb' },
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

const version =
  'names a version by versionId, and objects are read as they are now; publish each version below a prefix of its own, as s3://bucket/model/1.2.3/'
const wildcard = 'has a wildcard; only a closing /* is one, use include and exclude for the rest'
const segment = 'has an empty, "." or ".." segment'
const oci = 'needs registry/repository@sha256: and 64 hexadecimal digits'
const node = 'needs an absolute path after node://, as in node:///opt/models/llama'

const denied: readonly [text: string, problem: string][] = [
  ['', 'has no scheme'],
  ['models/llama', 'has no scheme'],
  ['s3:/models/llama', 'has no scheme'],
  ['https://models.s3.amazonaws.com/llama', 'is the web address of "s3://models/llama"; write that'],
  ['S3://models/llama', 'has another scheme for S3; write "s3://models/llama"'],
  ['__proto__://x/y', 'has the unknown scheme "__proto__"'],
  ['arn:aws:s3:::models/llama', 'is an ARN; write "s3://models/llama"'],
  ['arn:aws:s3:eu-west-1:111122223333:accesspoint/x', 'is an ARN; write the bucket as s3://bucket/prefix/'],
  [
    'https://models.s3.dualstack.eu-west-1.amazonaws.com/a%20b/c',
    'is the web address of "s3://models/a b/c"; write that',
  ],
  ['https://s3.console.aws.amazon.com/s3/buckets/models', 'is a page of the console; write "s3://models/"'],
  ['https://huggingface.co/org/model', 'is at Hugging Face; copy it to S3 and name that prefix, as s3://bucket/llama/'],
  [
    'https://example.com/model.bin',
    'is a web address, which is not downloaded; copy it to S3 and name that prefix, as s3://bucket/llama/',
  ],
  ['docker://registry.example.com/m', 'names an image; write "oci://registry.example.com/m"'],
  [
    'file:///opt/m',
    'is a path; write "node:///opt/m" for a directory of the node, or pvc://claim/opt/m for one of a claim',
  ],
  [
    's3://models--use1-az4--x-s3/llama/',
    'names a directory bucket (S3 Express One Zone), which takes sessions instead of signatures; copy the model to a general purpose bucket',
  ],
  ['s3://arn:aws:s3:eu-west-1:1:accesspoint/x', 'names an ARN; write the bucket by its name'],
  ['s3://mod els/llama', 'has the bucket name "mod els", which S3 does not allow'],
  ['s3://a:b:models/llama', 'has the bucket name "a:b:models", which S3 does not allow'],
  ['s3://:models/llama', 'has the bucket name ":models", which S3 does not allow'],
  ['s3://m/llama', 'has the bucket name "m", which S3 does not allow'],
  ['s3:///llama', 'has the bucket name "", which S3 does not allow'],
  ['s3://models/weights.bin?versionId=3HL4kqtJlcpXroDTDmJ', version],
  ['s3://models/llama/?versionId=null', version],
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

function s3Source(uri: string): S3Source {
  const source = parseSource(uri)
  if (!source.ok || source.value.scheme !== 's3') throw new Error(uri)
  return source.value
}

t.test('names that Ceph allows are allowed at an endpoint alone', (t) => {
  const names = ['Models', 'My_Models', 'tenant:models', 'a'.repeat(200)]
  for (const bucket of names) {
    const source = s3Source(`s3://${bucket}/llama/`)
    t.equal(s3SourceProblem(source, { endpoint: 'https://ceph.example.com', allowWholeBucket: false }), undefined)
    t.match(
      s3SourceProblem(source, { endpoint: undefined, allowWholeBucket: true }),
      /which AWS does not allow; name the endpoint of the server that does$/,
    )
  }
  t.equal(s3SourceProblem(s3Source('s3://my.models-1/x'), { endpoint: undefined, allowWholeBucket: false }), undefined)
  t.end()
})

t.test('a whole bucket is a source where the operator allows it', (t) => {
  const source = s3Source('s3://models/')
  t.equal(s3SourceProblem(source, { endpoint: undefined, allowWholeBucket: true }), undefined)
  t.equal(
    s3SourceProblem(source, { endpoint: undefined, allowWholeBucket: false }),
    'names a whole bucket; name a prefix or a key in it, or let an operator set allowWholeBucket',
  )
  t.end()
})
