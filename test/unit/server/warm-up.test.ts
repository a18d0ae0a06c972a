import t from 'tap'
import { warmUp } from '../../../src/server/warm-up.ts'

t.test('the made-up pods of a start are injected, and pass a second time as they are', (t) => {
  t.strictSame([...warmUp()], ['Injected', 'AlreadyInjected'])
  t.end()
})
