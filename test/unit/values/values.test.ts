/** The readers of single values: the accepted values with their canonical form, and the refused ones with the words. */
import t from 'tap'
import { compareClusterVersions, parseClusterVersion } from '../../../src/values/cluster-version.ts'
import { formatCredentials, parseCredentials } from '../../../src/values/credentials.ts'
import { formatAge, parseAgeSeconds, parseDecimalSeconds, parseDurationSeconds } from '../../../src/values/duration.ts'
import { parseEndpoint, parseRegion } from '../../../src/values/s3/endpoint.ts'
import { formatExpectation, parseExpectation } from '../../../src/values/expectation.ts'
import { isModelName, parseEnvName, parseImage, parseLabelName, parseObjectName } from '../../../src/values/names.ts'
import { parseList, parseWord, parsed, unreadable, type Parsed } from '../../../src/values/parsed.ts'
import { basename, isBelow, isSameOrBelow, parseAbsolutePath, parseMountPath } from '../../../src/values/path.ts'
import { parseVolumeChoice } from '../../../src/values/volume.ts'

interface Table<T> {
  readonly reads: (text: string) => Parsed<T>
  readonly accepted: readonly (readonly [text: string, value: unknown])[]
  readonly refused: readonly (readonly [text: string, problem: string])[]
}

function table<T>(name: string, { reads, accepted, refused }: Table<T>): void {
  t.test(`${name} is read into its one form`, (t) => {
    for (const [text, value] of accepted) t.strictSame(reads(text), { ok: true, value }, `${shown(text)} is accepted`)
    t.end()
  })
  t.test(`${name} that cannot be meant is refused with its reason`, (t) => {
    for (const [text, problem] of refused) {
      t.strictSame(reads(text), { ok: false, problem }, `${shown(text)} is refused`)
    }
    t.end()
  })
}

function shown(text: string): string {
  return JSON.stringify(text).slice(0, 60)
}

const digest = 'a'.repeat(64)

table('a duration', {
  reads: parseDurationSeconds,
  accepted: [
    ['90s', 90],
    ['10m', 600],
    ['2h', 7200],
    ['1h30m', 5400],
    ['1h1s', 3601],
    ['0h1m', 60],
    ['120m', 7200],
  ],
  refused: [
    ...['', '90', '1.5h', '1d', '30m1h', '-1s', ' 1s', '1h 30m', '1H', '1ms', '12345h'].map(
      (text) => [text, 'is not a duration'] as const,
    ),
    ['0s', 'must be at least one second'],
    ['0h0m', 'must be at least one second'],
  ],
})

table('an age', {
  reads: parseAgeSeconds,
  accepted: [
    ['30d', 2_592_000],
    ['12h', 43_200],
    ['1d12h', 129_600],
    ['90s', 90],
  ],
  refused: [
    ...['', 'd', '1d1d', '12h1d', '-1d', '1w', '1.5d', '123456d'].map((text) => [text, 'is not an age'] as const),
    ['0d', 'must be at least one second'],
    ['0d0s', 'must be at least one second'],
  ],
})

table('a number of seconds', {
  reads: parseDecimalSeconds,
  accepted: [
    ['0', 0],
    ['1.5', 1.5],
    ['0.125', 0.125],
    ['9999', 9999],
  ],
  refused: ['', '-1', '10000', '1s', '1.', '.5', '1e3', '1.2345'].map(
    (text) => [text, 'is not a number of seconds from 0 to 9999'] as const,
  ),
})

t.test('an age is written in its largest unit', (t) => {
  t.strictSame([3 * 86_400 + 5, 5 * 3600, 150, 10, -4].map(formatAge), ['3 d', '5 h', '2 min', '10 s', '0 s'])
  t.end()
})

table('a container or volume name', {
  reads: parseLabelName,
  accepted: [
    ['app', 'app'],
    ['a-1', 'a-1'],
    ['0', '0'],
    ['a'.repeat(63), 'a'.repeat(63)],
  ],
  refused: ['', 'A', 'a.b', '-a', 'a-', 'a_b', 'a\n', 'ä', 'a'.repeat(64)].map(
    (text) => [text, 'is not a DNS label'] as const,
  ),
})

table('an object name', {
  reads: parseObjectName,
  accepted: [
    ['model-reader', 'model-reader'],
    ['a.b-c.d', 'a.b-c.d'],
    ['a'.repeat(253), 'a'.repeat(253)],
  ],
  refused: ['', 'A', 'a..b', '.a', 'a.', 'a/b', 'a b', 'a'.repeat(254)].map(
    (text) => [text, 'is not a Kubernetes object name'] as const,
  ),
})

table('an environment variable name', {
  reads: parseEnvName,
  accepted: [
    ['MODEL_PATH', 'MODEL_PATH'],
    ['a.b-c', 'a.b-c'],
    ['_', '_'],
  ],
  refused: ['', '1A', 'A=B', 'A B', 'A\n', 'Ä'].map((text) => [text, 'is not an environment variable name'] as const),
})

table('an image', {
  reads: parseImage,
  accepted: [
    ['injector', 'injector'],
    ['registry.example.com:5000/a/b:1.0', 'registry.example.com:5000/a/b:1.0'],
    [`a@sha256:${digest}`, `a@sha256:${digest}`],
  ],
  refused: ['', '/a', 'a b', 'a\nb', '-a', 'a;b', 'a:', 'a@', '$(A)'].map(
    (text) => [text, 'is not an image reference'] as const,
  ),
})

table('a mount path', {
  reads: parseMountPath,
  accepted: [
    ['/models', '/models'],
    ['/models/', '/models'],
    ['/processing', '/processing'],
    ['/devices/x', '/devices/x'],
    ['/a b', '/a b'],
    ['/var/lib/x', '/var/lib/x'],
  ],
  refused: [
    ['models', 'is not an absolute path'],
    ['', 'is not an absolute path'],
    ['./a', 'is not an absolute path'],
    ['/', 'is the root of the container'],
    ['//', 'is the root of the container'],
    ['/a:b', 'has a colon, which the kubelet refuses'],
    ['/a/../b', 'has an empty, "." or ".." segment'],
    ['/a//b', 'has an empty, "." or ".." segment'],
    ['/a/.', 'has an empty, "." or ".." segment'],
    ['/proc', 'is inside /proc'],
    ['/proc/1', 'is inside /proc'],
    ['/sys/', 'is inside /sys'],
    ['/dev/shm', 'is inside /dev'],
    ['/var/run/secrets/kubernetes.io/serviceaccount', 'touches /var/run/secrets, where service account tokens are'],
    ['/var/run/secrets', 'touches /var/run/secrets, where service account tokens are'],
    ['/var', 'touches /var/run/secrets, where service account tokens are'],
    ['/run/secrets/x', 'touches /run/secrets, where service account tokens are'],
    ['/run', 'touches /run/secrets, where service account tokens are'],
    ['/a\u0000', 'has a control character'],
    ['/a\nb', 'has a control character'],
    [`/${'a'.repeat(1024)}`, 'is longer than 1024 characters'],
  ],
})

t.test('below is said of whole segments', (t) => {
  t.strictSame(
    [isBelow('/a/b', '/a'), isBelow('/ab', '/a'), isBelow('/a', '/a'), isBelow('/a/b', '/a/'), isBelow('/a', '/')],
    [true, false, false, true, true],
  )
  t.strictSame([isSameOrBelow('/a', '/a'), isSameOrBelow('/ab', '/a')], [true, false])
  t.strictSame(parseAbsolutePath('/'), { ok: true, value: '/' })
  t.end()
})

table('a volume', {
  reads: parseVolumeChoice,
  accepted: [
    ['disk', { kind: 'disk' }],
    ['memory', { kind: 'memory' }],
    ['ephemeral/fast.ssd', { kind: 'ephemeral', storageClass: 'fast.ssd' }],
    ['existing/cache', { kind: 'existing', volume: 'cache' }],
  ],
  refused: [
    ...['', 'Disk', 'ephemeral', 'existing', 'pvc/x', '/', 'disk/', 'constructor/x'].map(
      (text) => [text, 'is none of the accepted forms'] as const,
    ),
    ['ephemeral/', 'needs the name of a storage class'],
    ['ephemeral/A', 'needs the name of a storage class'],
    ['existing/', 'needs the name of a volume of the pod'],
    ['existing/a.b', 'needs the name of a volume of the pod'],
    ['existing/a/b', 'needs the name of a volume of the pod'],
  ],
})

table('credentials', {
  reads: parseCredentials,
  accepted: [
    ['pod-identity', { kind: 'pod-identity' }],
    ['irsa', { kind: 'irsa' }],
    ['anonymous', { kind: 'anonymous' }],
    ['secret/s3.keys', { kind: 'secret', name: 's3.keys' }],
  ],
  refused: [
    ...['', 'Pod-Identity', 'secret', 'secrets/x', 'none'].map(
      (text) => [text, 'is none of the accepted forms'] as const,
    ),
    ['secret/', 'needs the name of a Secret after secret/'],
    ['secret/A', 'needs the name of a Secret after secret/'],
    ['secret/a/b', 'needs the name of a Secret after secret/'],
  ],
})

t.test('credentials are written as they are read', (t) => {
  for (const text of ['pod-identity', 'irsa', 'anonymous', 'secret/s3-keys']) {
    const result = parseCredentials(text)
    t.equal(result.ok && formatCredentials(result.value), text)
  }
  t.end()
})

table('an expectation', {
  reads: parseExpectation,
  accepted: [
    ['objects=12', { objects: 12 }],
    ['bytes=1', { bytes: 1 }],
    ['objects=12, bytes=34', { objects: 12, bytes: 34 }],
    [`manifest=a/SHA256SUMS@sha256:${digest}`, { manifest: { key: 'a/SHA256SUMS', sha256: digest } }],
    [
      `manifest=a@b@sha256:${digest},bytes=9007199254740991`,
      { manifest: { key: 'a@b', sha256: digest }, bytes: Number.MAX_SAFE_INTEGER },
    ],
  ],
  refused: [
    ['', 'has an empty item'],
    ['objects=1,', 'has an empty item'],
    ['objects', 'is none of the accepted forms'],
    ['Objects=1', 'is none of the accepted forms'],
    ['objects=1,objects=2', 'says one thing twice'],
    ...['0', '-1', '1.5', '', '1e3', '0x1', '9007199254740993'].map(
      (count) => [`objects=${count}`, 'needs a whole number of at least 1'] as const,
    ),
    ['manifest=a', 'needs KEY@sha256: and 64 hexadecimal digits'],
    [`manifest=@sha256:${digest}`, 'needs KEY@sha256: and 64 hexadecimal digits'],
    [`manifest=a@sha256:${digest.toUpperCase()}`, 'needs KEY@sha256: and 64 hexadecimal digits'],
    [`manifest=a@sha256:${digest}a`, 'needs KEY@sha256: and 64 hexadecimal digits'],
    ...['../x', '/x', 'a//b', 'a/', './x'].map(
      (key) => [`manifest=${key}@sha256:${digest}`, 'has a manifest key with an empty, "." or ".." segment'] as const,
    ),
    [`manifest=a\u0007b@sha256:${digest}`, 'has a manifest key with a control character'],
  ],
})

t.test('an expectation has one spelling, whatever its order', (t) => {
  const result = parseExpectation(`manifest=m@sha256:${digest}, bytes=2 ,objects=1`)
  t.equal(result.ok && formatExpectation(result.value), `objects=1,bytes=2,manifest=m@sha256:${digest}`)
  t.end()
})

const otherPath = 'has a path with other characters than letters, digits, ".", "_", "~" and "-"'

table('an endpoint', {
  reads: parseEndpoint,
  accepted: [
    ['https://s3.example.com', 'https://s3.example.com'],
    ['https://s3.example.com/', 'https://s3.example.com'],
    ['http://minio:9000', 'http://minio:9000'],
    ['HTTPS://S3.Example.COM:443', 'https://s3.example.com'],
    ['http://[fd00::1]:9000', 'http://[fd00::1]:9000'],
    ['https://x.supabase.co/storage/v1/s3', 'https://x.supabase.co/storage/v1/s3'],
    ['https://x.supabase.co/storage/v1/s3/', 'https://x.supabase.co/storage/v1/s3'],
    ['https://a/storage/../v1', 'https://a/v1'],
  ],
  refused: [
    ['', 'is not a URL'],
    ['s3.example.com', 'is not a URL'],
    ['https://', 'is not a URL'],
    ['http://a:99999', 'is not a URL'],
    ['ftp://a', 'is neither http:// nor https://'],
    ['file:///etc/passwd', 'is neither http:// nor https://'],
    ['https://user:pw@a', 'has a user name; credentials belong in a Secret'],
    ['https://user@a', 'has a user name; credentials belong in a Secret'],
    ['https://a/storage/v1%2Fs3', otherPath],
    ['https://a/storage//s3', otherPath],
    ['https://a/störage', otherPath],
    ["https://a/storage'", otherPath],
    ['https://a?x=1', 'has a query or a fragment'],
    ['https://a#x', 'has a query or a fragment'],
    ['https://a/storage?x=1', 'has a query or a fragment'],
  ],
})

table('a region', {
  reads: parseRegion,
  accepted: [
    ['eu-west-1', 'eu-west-1'],
    ['auto', 'auto'],
    ['garage', 'garage'],
  ],
  refused: ['', 'EU', '-a', 'a b', 'a\n', 'a.b', 'a'.repeat(64)].map((text) => [text, 'is not a region name'] as const),
})

t.test('a model name is a DNS label of at most 40 characters', (t) => {
  t.strictSame(['llama', 'a-1', 'a'.repeat(40)].map(isModelName), [true, true, true])
  t.strictSame(['', 'A', 'a.b', 'a-', 'a'.repeat(41)].map(isModelName), [false, false, false, false, false])
  t.end()
})

t.test('a list loses blanks and repetitions, keeps its order and stops at the first bad item', (t) => {
  const item = (text: string): Parsed<string> => (text === 'bad' ? unreadable('is bad') : parsed(text))
  t.strictSame(parseList(' b ,a,b', item), { ok: true, value: ['b', 'a'] })
  t.strictSame(parseList('a,bad,c', item), { ok: false, problem: 'is bad' })
  for (const text of ['', ' ', ',', 'a,,b', 'a,']) {
    t.strictSame(parseList(text, item), { ok: false, problem: 'has an empty item' }, shown(text))
  }
  t.end()
})

t.test('a word is taken only as it is written in the table', (t) => {
  const read = parseWord(['first', 'last'])
  t.strictSame(read('last'), { ok: true, value: 'last' })
  for (const text of ['Last', ' last', '', 'toString']) {
    t.strictSame(read(text), { ok: false, problem: 'is none of the accepted words' }, shown(text))
  }
  t.end()
})

table('the version of a cluster', {
  reads: parseClusterVersion,
  accepted: [
    ['1.36', { major: 1, minor: 36 }],
    ['v1.36', { major: 1, minor: 36 }],
    ['1.36.2', { major: 1, minor: 36 }],
    ['v1.40.0-eks-1a2b3c4', { major: 1, minor: 40 }],
    ['v1.36.0-rc.1+k3s1', { major: 1, minor: 36 }],
    ['1.36+', { major: 1, minor: 36 }],
  ],
  refused: ['', '1', 'v1', '1.', '.36', '1.36 ', 'latest', '1.36x', '1.3636', '1,36', '1.36.2\n'].map(
    (text) => [text, 'is not the version of a cluster'] as const,
  ),
})

t.test('versions of clusters are compared as numbers, not as text', (t) => {
  const order = (one: string, other: string): number => {
    const [first, second] = [parseClusterVersion(one), parseClusterVersion(other)]
    return first.ok && second.ok ? Math.sign(compareClusterVersions(first.value, second.value)) : Number.NaN
  }
  t.strictSame(
    [order('1.9', '1.10'), order('1.35', '1.35.7'), order('1.36', '1.35'), order('2.0', '1.99')],
    [-1, 0, 1, 1],
  )
  t.end()
})

t.test('the last segment of a path', (t) => {
  t.strictSame(['current', 'llama/current', '/opt/models'].map(basename), ['current', 'current', 'models'])
  t.end()
})
