/** The place of a bucket, compared with the endpoint rules of the AWS SDK. */
import { S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { locateBucket, type LocationSettings } from '../../../src/s3/location.ts'
import type { Addressing } from '../../../src/values/s3/endpoint.ts'

const { endpointProvider } = new S3Client({ region: 'us-east-1' }).config

/** Two regions of each partition or more, one that is not known yet, and words that other servers use. */
const regions = [
  'us-east-1',
  'us-west-2',
  'eu-central-1',
  'ap-southeast-7',
  'ca-west-1',
  'il-central-1',
  'me-central-1',
  'mx-central-1',
  'af-south-1',
  'sa-east-1',
  'eu-nowhere-9',
  'us-gov-west-1',
  'us-gov-east-1',
  'cn-north-1',
  'cn-northwest-1',
  'cn-nowhere-9',
  'us-iso-east-1',
  'us-iso-west-1',
  'us-isob-east-1',
  'us-isob-west-1',
  'eu-isoe-west-1',
  'us-isof-south-1',
  'us-isof-east-1',
  'eusc-de-east-1',
  'eusc-de-nowhere-9',
  'auto',
  'garage',
]
const buckets = [
  'models',
  'my-models-1',
  'my.models',
  'a.bc',
  'My_Models',
  'models-x-s3alias',
  '10.0.0.1',
  'abc',
  'tenant:bucket',
]
const endpoints = [
  undefined,
  'https://s3.example.com',
  'http://s3.example.com:9000',
  'https://10.1.2.3:9000',
  'http://[fd00::1]:9000',
  'https://project.example.com/storage/v1/s3',
  'https://project.example.com/storage/v1/s3/',
]

function bySdk(bucket: string, settings: LocationSettings, fips: boolean, dualstack: boolean): string {
  const { endpoint, addressing, region = '' } = settings
  try {
    const { url, properties } = endpointProvider({
      Bucket: bucket,
      Region: region,
      UseFIPS: fips,
      UseDualStack: dualstack,
      ForcePathStyle: addressing === 'path',
      ...(endpoint !== undefined && { Endpoint: endpoint }),
    })
    const [scheme] = properties?.authSchemes as { readonly name: string; readonly signingRegion: string }[]
    return `${url.href.replace(/\/$/, '')} signed for ${scheme?.signingRegion ?? ''}`
  } catch {
    return 'refused'
  }
}

function byUs(bucket: string, settings: LocationSettings, fips: boolean, dualstack: boolean): string {
  const env = { AWS_USE_FIPS_ENDPOINT: String(fips), AWS_USE_DUALSTACK_ENDPOINT: String(dualstack) }
  const location = locateBucket(bucket, settings, env)
  if (!location.ok) return 'refused'
  const { protocol, host, port, pathPrefix, region } = location.value
  const url = new URL(`${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}${pathPrefix}`)
  return `${url.href.replace(/\/$/, '')} signed for ${region}`
}

for (const region of regions) {
  t.test(`a bucket in ${region} is where the SDK says it is`, (t) => {
    const pairs = [true, false].flatMap((fips) =>
      [true, false].flatMap((dualstack) =>
        endpoints.flatMap((endpoint) =>
          (['path', 'virtual'] as const).flatMap((addressing) =>
            buckets.map((bucket) => {
              const settings = { region, endpoint, addressing }
              return [byUs(bucket, settings, fips, dualstack), bySdk(bucket, settings, fips, dualstack)] as const
            }),
          ),
        ),
      ),
    )
    t.equal(pairs.length, 504)
    t.ok(pairs.some(([ours]) => ours !== 'refused'))
    t.strictSame(
      pairs.map(([ours]) => ours),
      pairs.map(([, theirs]) => theirs),
    )
    t.end()
  })
}

function locate(bucket: string, settings: Partial<LocationSettings> = {}, env: Record<string, string> = {}): unknown {
  const location = locateBucket(bucket, { region: undefined, endpoint: undefined, ...settings }, env)
  return location.ok ? location.value : location.problem
}

t.test('AWS is asked by the name of the bucket, an endpoint by path, unless another addressing is chosen', (t) => {
  const hosts = (addressing?: Addressing): unknown[] => [
    locate('models', { addressing }),
    locate('models', { addressing, endpoint: 'https://s3.example.com/s3/' }),
  ]
  t.match(hosts(), [
    { host: 'models.s3.us-east-1.amazonaws.com', pathPrefix: '', addressing: 'virtual' },
    { host: 's3.example.com', pathPrefix: '/s3/models', addressing: 'path', serviceUrl: 'https://s3.example.com/s3' },
  ])
  t.match(hosts('path'), [{ host: 's3.us-east-1.amazonaws.com', pathPrefix: '/models' }, { host: 's3.example.com' }])
  t.match(hosts('virtual'), [
    { host: 'models.s3.us-east-1.amazonaws.com' },
    { host: 'models.s3.example.com', pathPrefix: '/s3', addressing: 'virtual' },
  ])
  t.end()
})

t.test('an endpoint of the environment counts unless there is one of the model, or it is to be ignored', (t) => {
  const env = { AWS_ENDPOINT_URL: 'http://all:1', AWS_ENDPOINT_URL_S3: 'http://s3:2' }
  t.match(locate('models', {}, env), { protocol: 'http:', host: 's3', port: 2, pathPrefix: '/models' })
  t.match(locate('models', {}, { AWS_ENDPOINT_URL: 'http://all:1' }), { host: 'all', port: 1 })
  t.match(locate('models', { endpoint: 'http://own:3' }, env), { host: 'own', port: 3 })
  t.match(locate('models', {}, { ...env, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }), { protocol: 'https:' })
  t.end()
})

t.test('NO_PROXY is asked about the host that is spoken to', (t) => {
  const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.s3.us-east-1.amazonaws.com' }
  t.match(locate('models', {}, env), { proxy: undefined })
  t.match(locate('models', { addressing: 'path' }, env), { proxy: 'http://proxy:3128' })
  t.match(locate('models', { region: 'us-west-2' }, env), { proxy: 'http://proxy:3128' })
  t.match(locate('models', {}, { ...env, NO_PROXY: 'models.s3.us-east-1.amazonaws.com' }), { proxy: undefined })
  t.match(locate('models', { endpoint: 'http://s3:9000' }, env), { proxy: undefined })
  t.end()
})

for (const [bucket, kind] of [
  ['models--use1-az4--x-s3', /directory bucket/],
  ['models--use1-az4--xa-s3', /directory bucket/],
  ['models-1234--ol-s3', /Object Lambda/],
  ['models--op-s3', /Outposts/],
  ['models--table-s3', /table bucket/],
  ['mfzwi23gnjvgw.mrap', /multi-region access point/],
] as const) {
  t.test(`${bucket} is refused by name`, (t) => {
    t.match(locate(bucket), kind)
    t.match(locate(bucket), bucket)
    t.end()
  })
}

for (const [name, settings, env, problem] of [
  [
    'FIPS with an endpoint',
    { endpoint: 'https://s3.example.com' },
    { AWS_USE_FIPS_ENDPOINT: 'true' },
    /FIPS.*endpoint/,
  ],
  ['FIPS in China', { region: 'cn-north-1' }, { AWS_USE_FIPS_ENDPOINT: 'true' }, /cn-north-1 has no FIPS endpoint/],
  [
    'a switch that is no switch',
    {},
    { AWS_USE_FIPS_ENDPOINT: 'yes' },
    /AWS_USE_FIPS_ENDPOINT is neither true nor false/,
  ],
  ['a region of old FIPS names', { region: 'us-gov-west-1-fips' }, {}, /us-gov-west-1-fips is no region.*AWS_USE_FIPS/],
  ['a region without buckets', { region: 'aws-global' }, {}, /aws-global is no region of a bucket/],
  ['an endpoint that is none', {}, { AWS_ENDPOINT_URL_S3: 's3.example.com' }, /AWS_ENDPOINT_URL_S3 is no http/],
  [
    'an endpoint with a password',
    {},
    { AWS_ENDPOINT_URL: 'https://a:b@s3.example.com' },
    /AWS_ENDPOINT_URL has a user/,
  ],
  [
    'two networks at an endpoint',
    { endpoint: 'https://s3.example.com' },
    { AWS_USE_DUALSTACK_ENDPOINT: 'TRUE' },
    /DUALSTACK.*endpoint/,
  ],
] as const) {
  t.test(`${name} is refused, with the setting that is wrong`, (t) => {
    t.match(locate('models', settings, env), problem)
    t.end()
  })
}
