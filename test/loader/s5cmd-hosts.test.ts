/** The binary asks the very host that the loader itself would ask, which a proxy on its way sees. */
import t, { type Test } from 'tap'
import { locateSource } from '../../src/loader/locate-source.ts'
import { placeOf } from '../../src/loader/s5cmd/place.ts'
import { inheritedPath, runProgram } from '../../src/loader/s5cmd/program.ts'
import { Directory } from '../../src/loader/volume/directory.ts'
import { originOf } from '../../src/s3/origin.ts'
import { startConnectProxy } from '../kit/s3/connect-proxy.ts'
import { loadTask } from '../kit/s3/load-task.ts'
import { s5cmdBinary } from '../kit/tools/go-binaries.ts'

const path = await s5cmdBinary()

/** The last one is newer than the SDK of the binary. */
const regions = ['us-east-1', 'eu-west-1', 'us-gov-west-1', 'cn-north-1', 'us-west-2', 'mx-central-1']

t.test('for every region and bucket', async (t) => {
  for (const region of regions) {
    for (const bucket of ['models', 'models.example.com']) await asksTheOrigin(t, { MODEL_REGION: region }, bucket)
  }
})

t.test('for an endpoint', async (t) => {
  for (const MODEL_ENDPOINT of ['https://s3.example.test', 'https://s3.example.test:9000']) {
    await asksTheOrigin(t, { MODEL_ENDPOINT }, 'models')
  }
})

async function asksTheOrigin(t: Test, env: Readonly<Record<string, string>>, bucket: string): Promise<void> {
  const proxy = await startConnectProxy(9)
  t.teardown(() => proxy.stop())
  proxy.refuse(403)
  const task = loadTask({ ...env, MODEL_SOURCE: `s3://${bucket}/llama/weights.bin` })
  const location = locateSource(task, {})
  const origin = { ...originOf(location, task.alsoTrusted), proxy: proxy.url }
  const place = placeOf(origin, bucket, location.region)
  const args = ['--retry-count', '0', '--no-sign-request', ...place.args, 'run']
  const directory = await Directory.open(t.testdir())
  t.teardown(() => directory.close())
  const running = runProgram({ path, args, env: place.env }, directory, () => undefined)
  running.write(`cp --raw 's3://${bucket}/llama/weights.bin' '${inheritedPath('1.object')}'\n`)
  running.endInput()
  await running.ended
  t.strictSame([...new Set(proxy.asked)], [`${origin.host}:${origin.port}`], JSON.stringify({ ...env, bucket }))
}
