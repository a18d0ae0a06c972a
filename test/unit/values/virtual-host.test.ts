import t from 'tap'
import { virtualHostProblem } from '../../../src/values/s3/virtual-host.ts'

t.test('a bucket can be in the host name of AWS where one certificate covers it', (t) => {
  t.equal(virtualHostProblem('models', undefined), undefined)
  t.match(virtualHostProblem('my.bucket', undefined), /a dot in its name/)
  t.end()
})

t.test('a bucket can be in the host name of a server that has a name', (t) => {
  for (const endpoint of ['https://oss-cn-hangzhou.aliyuncs.com', 'http://minio:9000', 'https://s3.example.com/v1']) {
    t.equal(virtualHostProblem('my.bucket', endpoint), undefined, endpoint)
  }
  for (const endpoint of ['http://10.0.0.7:9000', 'http://[fd00::7]:9000']) {
    t.match(virtualHostProblem('models', endpoint), /IP address/, endpoint)
  }
  t.end()
})

t.test('a bucket that is no host name is never in one', (t) => {
  for (const bucket of ['My_Models', 'tenant:models', 'my..bucket', '-models', '']) {
    t.match(virtualHostProblem(bucket, 'https://s3.example.com'), /is not allowed/, bucket)
  }
  t.end()
})
