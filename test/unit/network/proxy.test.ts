/** NO_PROXY is asked about the host that is spoken to, and read as Go's net/http reads it (golang.org/x/net/http/httpproxy). */
import t from 'tap'
import { proxyFor } from '../../../src/network/proxy.ts'

const proxy = 'http://proxy.example.com:3128'
const bucketHost = 'https://models.s3.us-east-1.amazonaws.com'

/** Entry of NO_PROXY, URL, and whether Go 1.26 goes through the proxy. */
const cases: readonly (readonly [noProxy: string, url: string, through: boolean])[] = [
  ['', bucketHost, true],
  ['*', bucketHost, false],
  ['other.example.com,*', bucketHost, false],
  ['amazonaws.com', bucketHost, false],
  ['.amazonaws.com', bucketHost, false],
  ['*.amazonaws.com', bucketHost, false],
  ['.s3.us-east-1.amazonaws.com', bucketHost, false],
  ['s3.us-east-1.amazonaws.com', bucketHost, false],
  ['models.s3.us-east-1.amazonaws.com', bucketHost, false],
  ['AmazonAWS.com', bucketHost, false],
  [' amazonaws.com , other.example.com', bucketHost, false],
  ['aws.com', bucketHost, true],
  ['amazonaws.com.cn', bucketHost, true],
  ['.s3.us-east-1.amazonaws.com', 'https://s3.us-east-1.amazonaws.com', true],
  ['s3.us-east-1.amazonaws.com', 'https://s3.us-east-1.amazonaws.com', false],
  ['.amazonaws.com.cn', 'https://models.s3.cn-north-1.amazonaws.com.cn', false],
  ['amazonaws.com:443', bucketHost, false],
  ['amazonaws.com:9000', bucketHost, true],
  ['amazonaws.com:9000', 'https://models.s3.us-east-1.amazonaws.com:9000', false],
  ['.amazonaws.com:443', bucketHost, false],
  [':443', bucketHost, true],
  ['10.0.0.0/8', 'https://10.1.2.3:9000', false],
  ['10.0.0.0/8', 'https://11.1.2.3', true],
  ['10.0.0.0/8', bucketHost, true],
  ['10.0.0.0/99', 'https://10.1.2.3', true],
  ['10.1.2.3', 'https://10.1.2.3', false],
  ['10.1.2.3:443', 'https://10.1.2.3', false],
  ['10.1.2.3:80', 'https://10.1.2.3', true],
  ['2.3', 'https://10.1.2.3', true],
  ['fd00::/8', 'https://[fd00:ec2::23]', false],
  ['fd00:ec2::23', 'https://[fd00:ec2::23]', false],
  ['[fd00:ec2::23]:443', 'https://[fd00:ec2::23]', false],
  ['[fd00:ec2::23]:80', 'https://[fd00:ec2::23]', true],
  ['fd00:ec2:0::23', 'https://[fd00:ec2::23]', false],
  ['fd01::/16', 'https://[fd00:ec2::23]', true],
  ['', 'https://127.0.0.1:9000', false],
  ['', 'https://[::1]:9000', false],
  ['', 'https://localhost:9000', false],
]

for (const [noProxy, url, through] of cases) {
  t.test(`NO_PROXY "${noProxy}" sends ${url} ${through ? 'through the proxy' : 'directly'}`, (t) => {
    t.equal(proxyFor(url, { HTTPS_PROXY: proxy, NO_PROXY: noProxy }), through ? proxy : undefined)
    t.end()
  })
}

t.test('an IPv6 address in brackets counts without a port too, as curl reads it', (t) => {
  t.equal(proxyFor('https://[fd00:ec2::23]', { HTTPS_PROXY: proxy, NO_PROXY: '[fd00:ec2::23]' }), undefined)
  t.end()
})

t.test('names in lower case count where there is none in upper case', (t) => {
  t.equal(proxyFor(bucketHost, { https_proxy: proxy }), proxy)
  t.equal(proxyFor(bucketHost, { https_proxy: 'http://other:1', HTTPS_PROXY: proxy }), proxy)
  t.equal(proxyFor(bucketHost, { https_proxy: proxy, no_proxy: 'amazonaws.com' }), undefined)
  t.end()
})

t.test('plain HTTP never goes through a proxy, which could change the model', (t) => {
  t.equal(proxyFor('http://s3.example.com', { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, ALL_PROXY: proxy }), undefined)
  t.end()
})

t.test('an address without a scheme is that of an HTTP proxy', (t) => {
  t.equal(proxyFor(bucketHost, { HTTPS_PROXY: 'proxy.example.com:3128' }), proxy)
  t.end()
})
