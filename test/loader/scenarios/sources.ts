/** Sources that do not hold still. */
import { endsWith } from '../../support/loader-end.ts'
import { holdsModel, holdsNothing } from '../../support/loader-world.ts'
import { bytes } from '../cases.ts'
import { requestsOf, type Scenario } from './scenario.ts'

export const sources: readonly Scenario[] = [
  {
    name: 'an object that changes twice while it is read ends the loader', cannot: { s5cmd: 'does not pin what it listed; size and count are compared' },
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      await stage.put('weights.bin', bytes(100_000, 1))
      let version = 1
      const replace = async (): Promise<void> => { await stage.world.server.putObject(stage.bucket, `${stage.prefix}weights.bin`, bytes(100_000, ++version)) }
      stage.fault({ match: { operation: 'get', key: /weights/ }, times: 'always', action: { kind: 'run', run: replace } })
      endsWith(t, await stage.run(), 15, /weights\.bin changed twice/)
      await holdsNothing(t, stage)
      t.equal(requestsOf(stage).filter(({ key }) => key?.endsWith('weights.bin')).length, 2, 'it was tried twice')
      stage.world.proxy.reset()
      endsWith(t, await stage.run(), 0)
      stage.model.set('weights.bin', bytes(100_000, version))
      await holdsModel(t, stage)
    },
  },
]
