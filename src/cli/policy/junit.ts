/** `model-injector policy test -o junit`: a test case for each pod. */
import { closeSuites, openSuites, printCase, printSuite } from '../../audit/formats/junit-xml.ts'
import { skipReasons } from '../../reasons.ts'
import { reasonOfVerdict, wordOfVerdict } from './verdict-text.ts'
import type { PolicyReport, TestedPod } from './options.ts'

export function printJunit({ config, pods }: PolicyReport): string {
  const failures = pods.filter(({ asExpected }) => !asExpected).length
  const skipped = pods.filter(
    (pod) => pod.asExpected && (pod.verdict === 'skipped' || pod.verdict === 'unjudged'),
  ).length
  const counts = { tests: pods.length, failures, skipped }
  const suite = printSuite({ name: config, ...counts }, pods.map(printTested))
  return `${openSuites({ name: 'model-injector policy test', ...counts })}${suite}${closeSuites}`
}

function printTested(pod: TestedPod): string {
  const { title, namespace, file, asExpected, reason, verdict } = pod
  const lines = describe(pod)
  const message = lines[0] ?? verdict
  return printCase({
    name: title,
    classname: namespace,
    file,
    ...(asExpected
      ? verdict === 'skipped' || verdict === 'unjudged'
        ? { skipped: message }
        : { output: lines }
      : { failure: { type: reason ?? verdict, message, lines } }),
  })
}

function describe({ models, problems, warnings, reason, verdict }: TestedPod): readonly string[] {
  if (verdict === 'skipped') return [`skipped: ${skipReasons[reason as keyof typeof skipReasons]}`]
  return [
    ...problems,
    ...models.map((model) => `${model.name}: ${wordOfVerdict(model)}: ${reasonOfVerdict(model)}`),
    ...warnings.map((warning) => `warning: ${warning}`),
  ]
}
