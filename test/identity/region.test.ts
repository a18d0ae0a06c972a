/** A bucket that is elsewhere: S3 says where, by a redirect or by an error, and is asked there. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { accessDenied, parseAuthorization } from '../kit/s3/s3-signature.ts'
import { errorXml, listingXml, type S3ErrorAnswer } from '../kit/s3/s3-answers.ts'
import {
  accountBucket,
  check,
  prodClusterArn,
  giveRole,
  operator,
  rendered,
  renderRole,
  resetWorld,
  startWorld,
} from './identity-world.ts'

t.setTimeout(20 * 60 * 1000)

const world = await startWorld(t.testdir({}))
t.teardown(() => world.stop())
const role = await renderRole(rendered.role)
const [own, key] = ['models/apps/llama/', 'models/apps/llama/config.json']

const elsewhere: Readonly<Record<string, S3ErrorAnswer>> = {
  'a redirect (301)': {
    status: 301,
    code: 'PermanentRedirect',
    message:
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
    headers: { 'x-amz-bucket-region': 'eu-central-1' },
    details: { Endpoint: `${accountBucket}.s3.eu-central-1.amazonaws.com`, Bucket: accountBucket },
  },
  'an error (400) without the header': {
    status: 400,
    code: 'AuthorizationHeaderMalformed',
    message: "The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'eu-central-1'",
    details: { Region: 'eu-central-1' },
  },
}

/** In eu-central-1 there is one model, and nothing else may be read. */
function answer(error: S3ErrorAnswer, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://s3')
  const isHere = parseAuthorization(request.headers.authorization ?? '')?.region === 'eu-central-1'
  const refusal = isHere ? accessDenied : error
  const query = {
    bucket: accountBucket,
    prefix: own,
    delimiter: undefined,
    maxKeys: 10,
    continuationToken: undefined,
    startAfter: undefined,
    urlEncoded: true,
  }
  if (isHere && searchParams.get('prefix') === own) {
    response.end(
      listingXml(query, {
        objects: [{ key, size: 1, etag: '"x"', lastModified: new Date(), storageClass: 'STANDARD' }],
        commonPrefixes: [],
        nextToken: undefined,
      }),
    )
  } else if (isHere && pathname === `/${accountBucket}/${key}`) {
    response.writeHead(206, { 'content-length': 1, 'content-range': 'bytes 0-0/1' }).end('{')
  } else {
    response
      .writeHead(refusal.status, { 'content-type': 'application/xml', ...refusal.headers })
      .end(errorXml(refusal, 'X'))
  }
}

for (const [what, error] of Object.entries(elsewhere)) {
  t.test(`${what} is one finding with the right region, and everything else is found out there`, async (t) => {
    resetWorld(world)
    giveRole(world, role)
    const server = createServer((request, response) => {
      answer(error, request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close().closeAllConnections()
    })
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { problems, findings } = await check(
      world,
      operator(world),
      ['--role', role.arn, '--cluster-arn', prodClusterArn, '--source', `s3://${accountBucket}/${own}`],
      { AWS_ENDPOINT_URL_S3: endpoint },
    )
    t.strictSame(problems, [['bucket-region', 'error']], JSON.stringify(findings, null, 1))
    t.match(
      findings.find(({ id }) => id === 'bucket-region'),
      {
        what: 'my-ml-bucket is in eu-central-1, and pods look in eu-west-1',
        remedy: /models\.example\.io\/region: eu-central-1/,
      },
    )
  })
}
