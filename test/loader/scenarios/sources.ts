/** Sources that do not hold still. */
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing } from '../../kit/s3/loader-world.ts'
import { bytes, putManifest } from '../cases.ts'
import { MiB, requestsOf, type Scenario } from './scenario.ts'

export const sources: readonly Scenario[] = [
  {
    name: 'an object that changes twice while it is read ends the loader',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      await stage.put('weights.bin', bytes(100_000, 1))
      let version = 1
      const replace = async (): Promise<void> => {
        await stage.world.server.putObject(stage.bucket, `${stage.prefix}weights.bin`, bytes(100_000, ++version))
      }
      stage.fault({
        match: { operation: 'get', key: /weights/ },
        times: 'always',
        action: { kind: 'run', run: replace },
      })
      endsWith(t, await stage.run(), 15, /weights\.bin changed twice/)
      await holdsNothing(t, stage)
      t.equal(requestsOf(stage).filter(({ key }) => key?.endsWith('weights.bin')).length, 2, 'it was tried twice')
      stage.world.proxy.reset()
      endsWith(t, await stage.run(), 0)
      stage.model.set('weights.bin', bytes(100_000, version))
      await holdsModel(t, stage)
    },
  },
  {
    name: 'an object without a checksum of the whole is refused where checksums are required, unless a manifest has one',
    run: async (t, stage) => {
      await stage.put('weights.bin', bytes(20 * MiB, 4), {
        checksum: 'SHA256',
        checksumType: 'COMPOSITE',
        multipartBytes: 8 * MiB,
      })
      const required = { MODEL_REQUIRE_CHECKSUMS: 'true' }
      endsWith(
        t,
        await stage.run(required),
        15,
        /no checksum of the whole for 1 of 1 object, and the operator requires checksums; upload it with a checksum/,
      )
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...required, MODEL_EXPECT: await putManifest(stage) }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'every byte is asked for by the ETag that was listed: small objects whole with their checksum, large ones in ranges after one HEAD',
    cannot: { s5cmd: 'pins no request; the loader asks for the ETag of each whole file' },
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      await stage.put('weights.bin', bytes(40 * MiB, 1))
      endsWith(t, await stage.run(), 0)
      await holdsModel(t, stage)
      const gets = requestsOf(stage)
      t.ok(gets.every(({ ifMatch }) => ifMatch !== undefined && ifMatch !== ''))
      t.match(
        gets.filter(({ key }) => key?.endsWith('config.json')),
        [{ range: undefined, checksumMode: true }],
      )
      const ranges = gets.filter(({ key }) => key?.endsWith('weights.bin')).map(({ range }) => range)
      t.strictSame(ranges.sort(), ['bytes=0-16777215', 'bytes=16777216-33554431', 'bytes=33554432-41943039'])
      t.equal(
        stage.world.proxy.requests.filter(({ operation, key }) => operation === 'head' && key?.endsWith('weights.bin'))
          .length,
        1,
      )
    },
  },
]
