/** The audit as one JSON object: a pod on each line, then a workload on each. */
import { version } from '../../version.ts'
import { WorkloadCount } from '../workloads.ts'
import type { Format } from './format.ts'

export const json: Format = async function* (pods, { now, summary, by, ...context }) {
  const { place, scope, config, configHash, waivers } = context
  const count = new WorkloadCount()
  const audit = { place, scope, config, configHash, time: now.toISOString(), waivers }
  yield `{"version":${JSON.stringify(version)},"audit":${JSON.stringify(audit)},${by === 'pod' ? '"pods":[' : ''}`
  let separator = '\n'
  for await (const pod of pods) {
    count.add(pod)
    if (by !== 'pod') continue
    yield separator + JSON.stringify(pod)
    separator = ',\n'
  }
  yield `${by === 'pod' ? '\n],' : ''}"workloads":[`
  separator = '\n'
  for (const workload of count.workloads) {
    yield separator + JSON.stringify(workload)
    separator = ',\n'
  }
  yield `\n],"summary":${JSON.stringify(summary())}}\n`
}
