/** The audit as one JSON object, a pod on each line. */
import { version } from '../../version.ts'
import type { Format } from './format.ts'

export const json: Format = async function* (pods, { place, scope, config, configHash, now, summary }) {
  yield `{"version":${JSON.stringify(version)},"audit":${JSON.stringify({ place, scope, config, configHash, time: now.toISOString() })},"pods":[`
  let separator = '\n'
  for await (const pod of pods) {
    yield separator + JSON.stringify(pod)
    separator = ',\n'
  }
  yield `\n],"summary":${JSON.stringify(summary())}}\n`
}
