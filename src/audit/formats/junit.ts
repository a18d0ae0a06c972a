/** JUnit XML, which every CI system shows: a test case for each pod, a suite for each namespace, or several for a large one. */
import { levelOf, judgedInWords, waivedOf, waiverInWords, type AuditedPod, type Judged } from '../judgement.ts'
import type { Format, FormatContext } from './format.ts'
import { closeSuites, openSuites, printCase, printSuite } from './junit-xml.ts'

/** The counts of a suite stand before its cases, so its cases are kept until then: not more of them than this. */
const mostCases = 1000

export const junit: Format = async function* (pods, context) {
  yield openSuites({ name: 'model-injector audit' })
  let suite: Suite | undefined
  for await (const pod of pods) {
    if (suite !== undefined && (pod.namespace !== suite.namespace || suite.cases.length === mostCases)) {
      yield print(suite, context)
      suite = undefined
    }
    suite ??= { namespace: pod.namespace, cases: [], failures: 0, skipped: 0 }
    suite.cases.push(testCase(pod, context))
    if (pod.judgements.some((judged) => fails(judged, context))) suite.failures++
    else if (waivedOf(pod).length > 0) suite.skipped++
  }
  if (suite !== undefined) yield print(suite, context)
  yield closeSuites
}

interface Suite {
  readonly namespace: string
  readonly cases: string[]
  failures: number
  skipped: number
}

function print({ namespace, cases, failures, skipped }: Suite, { now }: FormatContext): string {
  const timestamp = now.toISOString().slice(0, 19)
  return printSuite({ name: namespace, tests: cases.length, failures, errors: 0, skipped, timestamp }, cases)
}

function testCase(pod: AuditedPod, context: FormatContext): string {
  const { name, namespace, owner, file, judgements, models } = pod
  const failed = judgements.filter((judged) => fails(judged, context))
  const other = judgements.filter((judged) => !fails(judged, context))
  const [worst] = failed
  const waived = waivedOf(pod)
  return printCase({
    name,
    classname: owner === undefined ? namespace : `${namespace}.${owner.kind}.${owner.name}`,
    file,
    failure: worst && { type: worst.judgement, message: worst.reason, lines: failed.flatMap(describe) },
    // A case cannot be both, and a failure must be seen.
    skipped:
      worst === undefined && waived.length > 0
        ? waived.map((judged) => `${judged.judgement} ${waiverInWords(judged.waived)}`).join(' | ')
        : undefined,
    output: [...models.map((model) => `${model.name}: ${model.source}`), ...other.flatMap(describe)],
  })
}

/** Errors fail, and so does every judgement of --fail-on; what is waived does not. */
function fails(judged: Judged, { failsOn }: FormatContext): boolean {
  return judged.waived === undefined && (levelOf(judged) === 'error' || failsOn(judged))
}

function describe(judged: Judged): readonly string[] {
  return [
    judgedInWords(judged),
    ...judged.evidence.map(
      ({ field, expected, found }) => `  ${field}: ${found ?? '(nothing)'}, expected ${expected ?? '(nothing)'}`,
    ),
  ]
}
