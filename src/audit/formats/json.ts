/** The audit as one JSON object, a pod on each line. */
import { version } from '../../version.ts'
import type { Format } from './format.ts'

export const json: Format = async function* (pods, { now, summary, ...context }) {
  const { place, scope, config, configHash, waivers } = context
  const audit = { place, scope, config, configHash, time: now.toISOString(), waivers }
  yield `{"version":${JSON.stringify(version)},"audit":${JSON.stringify(audit)},"pods":[`
  let separator = '\n'
  for await (const pod of pods) {
    yield separator + JSON.stringify(pod)
    separator = ',\n'
  }
  yield `\n],"summary":${JSON.stringify(summary())}}\n`
}
