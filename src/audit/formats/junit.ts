/** JUnit XML, which every CI system shows: a test case for each pod, a suite for each namespace, or several for a large one. */
import { fragment } from 'xmlbuilder2'
import { levelOf, type AuditedPod, type Judged } from '../judgement.ts'
import type { Format, FormatContext } from './format.ts'

/** The counts of a suite stand before its cases, so its cases are kept until then: not more of them than this. */
const mostCases = 1000

export const junit: Format = async function* (pods, context) {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="model-injector audit">\n'
  let suite: Suite | undefined
  for await (const pod of pods) {
    if (suite !== undefined && (pod.namespace !== suite.namespace || suite.cases.length === mostCases)) {
      yield print(suite, context)
      suite = undefined
    }
    suite ??= { namespace: pod.namespace, cases: [], failures: 0 }
    suite.cases.push(testCase(pod, context))
    if (pod.judgements.some((judged) => fails(judged, context))) suite.failures++
  }
  if (suite !== undefined) yield print(suite, context)
  yield '</testsuites>\n'
}

interface Suite {
  readonly namespace: string
  readonly cases: string[]
  failures: number
}

/** Characters that XML cannot hold become question marks. */
const xml = { invalidCharReplacement: '?' } as const

function print({ namespace, cases, failures }: Suite, { now }: FormatContext): string {
  const element = fragment(xml).ele('testsuite', {
    name: namespace,
    tests: cases.length,
    failures,
    errors: 0,
    timestamp: now.toISOString().slice(0, 19),
  })
  return `${element.toString().replace(/\/>$/, '>')}\n${cases.join('\n')}\n</testsuite>\n`
}

function testCase(pod: AuditedPod, context: FormatContext): string {
  const { name, namespace, owner, file, judgements, models } = pod
  const place = owner === undefined ? namespace : `${namespace}.${owner.kind}.${owner.name}`
  const element = fragment(xml).ele('testcase', { name, classname: place, ...(file !== undefined && { file }) })
  const [failed, other] = [
    judgements.filter((judged) => fails(judged, context)),
    judgements.filter((judged) => !fails(judged, context)),
  ]
  const [worst] = failed
  if (worst !== undefined) {
    element.ele('failure', { type: worst.judgement, message: worst.reason }).txt(failed.flatMap(describe).join('\n'))
  }
  element
    .ele('system-out')
    .txt([...models.map((model) => `${model.name}: ${model.source}`), ...other.flatMap(describe)].join('\n'))
  return element.toString()
}

/** What nobody should live with, and what the user says. */
function fails(judged: Judged, { failsOn }: FormatContext): boolean {
  return levelOf(judged) === 'error' || failsOn(judged)
}

function describe({ judgement, reason, evidence }: Judged): readonly string[] {
  return [
    `${judgement}: ${reason}`,
    ...evidence.map(
      ({ field, expected, found }) => `  ${field}: ${found ?? '(nothing)'}, expected ${expected ?? '(nothing)'}`,
    ),
  ]
}
