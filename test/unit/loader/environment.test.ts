import t from 'tap'
import { readTask, readVerifyTask } from '../../../src/loader/environment.ts'
import { loaderEnvironment, loadTask } from '../../kit/s3/load-task.ts'

t.test('a complete environment is a task', (t) => {
  const task = loadTask({
    MODEL_INCLUDE: '*.safetensors,*.json',
    MODEL_EXCLUDE: 'original/*',
    MODEL_EXPECT: 'objects=3,bytes=100',
    MODEL_SIZE_BYTES: '1024',
    MODEL_READ_ONLY: 'false',
    MODEL_REUSE: 'trust-own',
    MODEL_REQUIRE_CHECKSUMS: 'true',
    MODEL_ENDPOINT: 'https://x.supabase.co/storage/v1/s3/',
    MODEL_ADDRESSING: 'virtual',
    MODEL_REQUESTER_PAYS: 'true',
    MODEL_REGION: 'eu-west-1',
    AWS_REGION: 'eu-central-1',
    MODEL_CREDENTIALS: 'secret/keys',
  })
  t.match(task, {
    name: 'model',
    root: '/model',
    id: '0123456789abcdef',
    include: ['*.safetensors', '*.json'],
    exclude: ['original/*'],
    expect: { objects: 3, bytes: 100 },
    sizeBytes: 1024,
    readOnly: false,
    reuse: 'trust-own',
    requireChecksums: true,
    endpoint: 'https://x.supabase.co/storage/v1/s3',
    addressing: 'virtual',
    requesterPays: true,
    region: 'eu-west-1',
    clusterRegion: 'eu-central-1',
    credentials: { kind: 'secret', name: 'keys' },
    timeoutSeconds: 60,
    stallTimeoutSeconds: 10,
    source: { bucket: 'models', key: 'llama/1.2.3/', extent: 'prefix' },
  })
  t.end()
})

t.test('a missing variable has its default', (t) => {
  t.match(loadTask(), {
    include: [],
    exclude: [],
    expect: undefined,
    sizeBytes: undefined,
    readOnly: true,
    reuse: undefined,
    requireChecksums: false,
    endpoint: undefined,
    addressing: undefined,
    requesterPays: false,
    region: undefined,
  })
  t.equal(loadTask({ AWS_REGION: 'eu-west-1' }).region, 'eu-west-1', 'the bucket is in the region of the cluster')
  t.equal(loadTask({ AWS_DEFAULT_REGION: 'eu-west-1' }).region, 'eu-west-1')
  t.equal(
    loadTask({ MODEL_REGION: 'eu-west-1' }).clusterRegion,
    undefined,
    'that of a bucket says nothing of the cluster',
  )
  t.equal(loadTask({ AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-1' }).region, 'eu-west-1', 'empty is not set')
  t.end()
})

t.test('all problems come at once, each with its variable', (t) => {
  const read = readTask({
    ...loaderEnvironment,
    MODEL_NAME: undefined,
    MODEL_SOURCE: 'pvc://claim',
    MODEL_ROOT: 'model',
    MODEL_ID: '../../etc',
    MODEL_POD_UID: '../x',
    MODEL_EXPECT: 'files=3',
    MODEL_SIZE_BYTES: '1e3',
    MODEL_READ_ONLY: 'yes',
    MODEL_CREDENTIALS: 'node',
    MODEL_REUSE: 'trust',
    MODEL_REQUIRE_CHECKSUMS: 'yes',
    MODEL_ENDPOINT: 'ftp://x',
    MODEL_ADDRESSING: 'host',
    MODEL_REQUESTER_PAYS: 'requester',
    MODEL_TIMEOUT_SECONDS: '0',
    MODEL_STALL_TIMEOUT_SECONDS: '-1',
    MODEL_REGION: 'EU WEST',
    AWS_REGION: 'EU',
    MODEL_INCLUDE: 'a,,b',
  })
  const problems = read.ok ? [] : read.problems
  const named = problems.map((problem) => problem.split(' ')[0])
  t.strictSame(named, [
    'AWS_REGION',
    'MODEL_NAME',
    'MODEL_SOURCE',
    'MODEL_ROOT',
    'MODEL_ID',
    'MODEL_POD_UID',
    'MODEL_INCLUDE',
    'MODEL_EXPECT',
    'MODEL_SIZE_BYTES',
    'MODEL_READ_ONLY',
    'MODEL_REUSE',
    'MODEL_REQUIRE_CHECKSUMS',
    'MODEL_CREDENTIALS',
    'MODEL_ENDPOINT',
    'MODEL_ADDRESSING',
    'MODEL_REQUESTER_PAYS',
    'MODEL_REGION',
    'MODEL_TIMEOUT_SECONDS',
    'MODEL_STALL_TIMEOUT_SECONDS',
  ])
  t.end()
})

t.test('a bucket that AWS cannot have is read at an endpoint alone', (t) => {
  const source = { MODEL_SOURCE: 's3://tenant:My_Models/llama/' }
  t.match(loadTask({ ...source, MODEL_ENDPOINT: 'https://ceph.example.com' }).source, { bucket: 'tenant:My_Models' })
  for (const MODEL_ENDPOINT of [undefined, '']) {
    t.match(readTask({ ...loaderEnvironment, ...source, MODEL_ENDPOINT }), {
      ok: false,
      problems: [/^MODEL_SOURCE "s3:.*which AWS does not allow; name the endpoint/],
    })
  }
  t.match(loadTask({ MODEL_SOURCE: 's3://models/' }).source, { bucket: 'models', key: '', extent: 'prefix' })
  t.end()
})

t.test('only mounted sources are verified', (t) => {
  t.equal(readVerifyTask({ MODEL_SOURCE: 'pvc://claim/v1', MODEL_ROOT: '/m' }).ok, true)
  t.strictSame(readVerifyTask({ MODEL_SOURCE: 's3://models/llama/' }), {
    ok: false,
    problems: ['MODEL_SOURCE "s3://models/llama/" is not mounted, but loaded', 'MODEL_ROOT is not set'],
  })
  t.end()
})
