import t from 'tap'
import { parseProxy } from '../../../src/values/s3/endpoint.ts'

t.test('a proxy is http://host:port', (t) => {
  for (const text of ['http://proxy:3128', 'http://proxy.example.com', 'http://[fd00::1]:8080/']) {
    t.strictSame(parseProxy(text), { ok: true, value: text })
  }
  for (const text of ['proxy:3128', 'https://proxy', 'socks5://proxy', 'http://proxy/path', 'http://proxy?x', '']) {
    t.equal(parseProxy(text).ok, false, text)
  }
  t.end()
})
