/** The host that s5cmd is sent to is the loader's own; where s5cmd cannot follow, the loader says so. */
import t from 'tap'
import { placeOf } from '../../../../src/loader/s5cmd/place.ts'
import type { Origin } from '../../../../src/s3/origin.ts'

function argsFor(origin: Partial<Origin>, bucket = 'models', region = 'eu-west-1'): readonly string[] {
  return placeOf({ protocol: 'https:', host: '', port: 443, pathPrefix: '', ...origin }, bucket, region).args
}

t.test('AWS itself needs no endpoint', (t) => {
  t.strictSame(argsFor({ host: 'models.s3.eu-west-1.amazonaws.com' }), [])
  t.strictSame(argsFor({ host: 'models.s3.cn-north-1.amazonaws.com.cn' }, 'models', 'cn-north-1'), [])
  t.end()
})

t.test('a bucket in the path is asked for at its endpoint', (t) => {
  for (const [origin, endpoint] of [
    [{ host: 's3.example.com' }, 'https://s3.example.com'],
    [{ host: 's3.example.com', port: 9000 }, 'https://s3.example.com:9000'],
    [{ protocol: 'http:', host: '10.0.0.1', port: 80 }, 'http://10.0.0.1'],
    [{ protocol: 'http:', host: 'fd00::1', port: 9000 }, 'http://[fd00::1]:9000'],
  ] as const) {
    t.strictSame(argsFor({ ...origin, pathPrefix: '/models' }), ['--endpoint-url', endpoint])
  }
  t.end()
})

t.test('the path of an endpoint stays before the bucket, whose name may be one of Ceph', (t) => {
  const host = 's3.example.com'
  const inPath = { host, pathPrefix: '/storage/v1/s3/models' }
  t.strictSame(argsFor(inPath), ['--endpoint-url', 'https://s3.example.com/storage/v1/s3'])
  const ofTenant = { host, pathPrefix: '/ml_team%3AMy_Models' }
  t.strictSame(argsFor(ofTenant, 'ml_team:My_Models'), ['--endpoint-url', 'https://s3.example.com'])
  t.end()
})

t.test('another host of AWS is asked by path', (t) => {
  const host = 'models.s3-fips.dualstack.eu-west-1.amazonaws.com'
  const domain = 'https://s3-fips.dualstack.eu-west-1.amazonaws.com'
  t.strictSame(argsFor({ host }), ['--endpoint-url', domain])
  t.end()
})

t.test('a bucket in the name of another host is refused', (t) => {
  for (const origin of [
    { host: 'models.oss.example.com' },
    { host: 'models.s3.eu-west-1.amazonaws.com', port: 8443 },
    { host: 's3.example.com', pathPrefix: '/storage/v1/s3/other' },
    { host: 'models.s3.amazonaws.com.example.com' },
  ]) {
    t.throws(() => argsFor(origin), {
      exit: 'InvalidEnvironment',
      message: `the engine s5cmd cannot address models at ${origin.host}${origin.pathPrefix ?? ''}`,
    })
  }
  t.end()
})

t.test('only a proxy that was resolved is used', (t) => {
  const origin = { protocol: 'https:', host: 's3.example.com', port: 443, pathPrefix: '/models' } as const
  t.equal(placeOf(origin, 'models', 'eu-west-1').env.HTTPS_PROXY, undefined)
  t.equal(placeOf({ ...origin, proxy: 'http://p:3128' }, 'models', 'eu-west-1').env.HTTPS_PROXY, 'http://p:3128')
  t.end()
})
