/** Why there is `publish`: what a `sync --delete` onto the volume does on the same answers that leave it alone here. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { s5cmdBinary } from '../kit/tools/go-binaries.ts'
import { publishBucket, inventoryOf, shelfOf, startPublishWorld } from './publish-world.ts'

const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())

const files = { 'config.json': '{"layers":2}', 'weights/part-1.bin': 'weights' }

for (const [what, action] of [
  ['a prefix that lists nothing', undefined],
  ['a listing that is throttled for good', { kind: 'status', status: 503, code: 'SlowDown' }],
] as const) {
  t.test(
    `s5cmd sync --delete into the directory of the pods empties it for ${what}, and says that all is well`,
    async (t) => {
      const shelf = await shelfOf(t, world)
      await shelf.upload('1.0.0', files)
      const model = join(shelf.root, 'model')
      await mkdir(model)
      await writeFile(join(model, 'config.json'), files['config.json'])
      if (action !== undefined) world.proxy.fault({ match: { operation: 'list' }, times: 'always', action })
      const source = `s3://${publishBucket}/${action === undefined ? 'llama-mistyped' : `${shelf.prefix}1.0.0`}/*`
      t.equal(
        await runS5cmd([
          '--endpoint-url',
          world.proxy.endpoint,
          '--retry-count',
          '1',
          'sync',
          '--delete',
          source,
          model,
        ]),
        0,
      )
      t.strictSame(await inventoryOf(model), {}, 'the pods that mount it have nothing left')
    },
  )
}

async function runS5cmd(args: readonly string[]): Promise<number> {
  const { accessKeyId, secretAccessKey, region } = world.server
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: region,
    TMPDIR: t.testdirName,
  }
  const binary = await s5cmdBinary()
  return await new Promise((resolve) => {
    const child = execFile(binary, [...args], { env }, () => {
      resolve(child.exitCode ?? -1)
    })
  })
}
