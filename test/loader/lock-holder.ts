/** Takes a lock, says so, and holds it until it is killed. */
import { acquireLock } from '../../src/loader/volume/lock.ts'

const [root = '', lock = ''] = process.argv.slice(2)
await acquireLock(
  { root, lock },
  {
    podUid: 'pod-1',
    isPublished: () => Promise.resolve(false),
    signal: new AbortController().signal,
    say: () => undefined,
  },
)
process.send?.('held')
