/** Why a pod gets its model or not: the first step that stops it decides, and what is not known is not judged. */
import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { absent, found, unknown } from '../../../src/diagnosis/lookup.ts'
import { explainPod, type Explanation, type InjectionVerdict } from '../../../src/check/why/explain.ts'
import { passes, stops, type StepId, type StepVerdict } from '../../../src/check/why/step.ts'
import type { ExplainedPod, Surroundings } from '../../../src/check/why/explained-pod.ts'
import { factsWithoutCluster, surroundingsOf } from '../../../src/check/why/surroundings.ts'
import type { MutatingWebhook, ClusterPod } from '../../../src/cluster/objects.ts'
import { inject } from '../../../src/inject/inject.ts'
import { goodWebhook, registration } from './good-survey.ts'

const prefix = 'models.example.io/'
const annotated = {
  [`${prefix}source`]: 's3://models/llama/',
  [`${prefix}size`]: '1Gi',
  [`${prefix}expect`]: 'objects=1',
}
const installedAt = '2026-01-10T00:00:00Z'

function podWith(annotations: Record<string, string> = annotated, more: object = {}): ClusterPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
    ...more,
  }
}

function subjectOf(pod: unknown, live?: Partial<ClusterPod>): ExplainedPod {
  return { title: 'pod/app', namespace: 'apps', pod, live: live === undefined ? undefined : { ...podWith(), ...live } }
}

function around(webhook: Partial<MutatingWebhook> = {}, config: Config = defaultConfig): Surroundings {
  const changed = { ...goodWebhook('x'), ...webhook }
  const object = registration(changed)
  return {
    registration: found({ ...object, metadata: { ...object.metadata, creationTimestamp: installedAt } }),
    webhook: found(changed),
    namespaceLabels: found({ team: 'a' }),
    config,
    configPlace: 'ConfigMap x',
  }
}

function configOf(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('; '))
  return result.config
}

function verdictOf({ steps }: Explanation, id: StepId): StepVerdict | undefined {
  return steps.find((step) => step.id === id)?.verdict
}

const foreign = { name: 'theirs', expression: 'object.spec.priority > 5' }
const conditions = goodWebhook('x').matchConditions ?? []
const rules = configOf('policy: { rules: [{ name: team, namespaces: [apps], sources: ["s3://other/*"] }] }')

const cases: readonly (readonly [
  what: string,
  subject: ExplainedPod,
  surroundings: Surroundings,
  verdict: InjectionVerdict,
  decides: StepId | undefined,
  because: RegExp,
])[] = [
  [
    'an annotated pod',
    subjectOf(podWith()),
    around(),
    'injected',
    undefined,
    /model <- s3:\/\/models\/llama\/ \(download\)/,
  ],
  [
    'a pod without annotations',
    subjectOf(podWith({})),
    around(),
    'not injected',
    'match-conditions',
    /no annotation that begins with models\.example\.io\//,
  ],
  [
    'a pod that opted out',
    subjectOf(podWith({ ...annotated, [`${prefix}inject`]: 'false' })),
    around(),
    'not injected',
    'match-conditions',
    /inject: "false"/,
  ],
  [
    'a mirror pod',
    subjectOf(podWith({ ...annotated, 'kubernetes.io/config.mirror': 'x' })),
    around(),
    'not injected',
    'match-conditions',
    /static pod/,
  ],
  [
    'a pod in kube-system',
    { ...subjectOf(podWith()), namespace: 'kube-system' },
    around(),
    'not injected',
    'namespace-selector',
    /kube-system is left out/,
  ],
  [
    'a pod in a namespace without a label',
    subjectOf(podWith()),
    around({ namespaceSelector: { matchLabels: { team: 'b' } } }),
    'not injected',
    'namespace-selector',
    /apps is left out/,
  ],
  [
    'a pod whose labels are not selected',
    subjectOf(podWith()),
    around({ objectSelector: { matchLabels: { models: 'yes' } } }),
    'not injected',
    'object-selector',
    /labels of the pod are not selected/,
  ],
  [
    'a webhook for other objects',
    subjectOf(podWith()),
    around({ rules: [] }),
    'not injected',
    'registration',
    /not called when pods are created/,
  ],
  [
    'a cluster without the webhook',
    subjectOf(podWith()),
    { ...around(), registration: absent, webhook: absent },
    'not injected',
    'registration',
    /nothing is injected in this cluster/,
  ],
  [
    'a bad value',
    subjectOf(podWith({ ...annotated, [`${prefix}size`]: '10Gx' })),
    around(),
    'denied',
    'annotations',
    /a mistake in the pod or its annotations/,
  ],
  [
    'a source that no rule allows',
    subjectOf(podWith()),
    around({}, rules),
    'denied',
    'policy',
    /policy does not allow it \(ConfigMap x\)/,
  ],
  [
    'a pod that opted out without match conditions',
    subjectOf(podWith({ ...annotated, [`${prefix}inject`]: 'false' })),
    around({ matchConditions: [] }),
    'not injected',
    'opt-out',
    /inject is "false"/,
  ],
  [
    'a pod that is no pod',
    subjectOf('text'),
    around({ matchConditions: [] }),
    'not injected',
    'outcome',
    /no annotation of ours/,
  ],
]

for (const [what, subject, surroundings, verdict, decides, because] of cases) {
  t.test(`${what}: ${verdict}`, (t) => {
    const explanation = explainPod(subject, surroundings, undefined)
    t.equal(explanation.verdict, verdict)
    t.equal(explanation.steps.find((step) => step.verdict === 'stops')?.id, decides)
    t.match(explanation.because, because)
    t.end()
  })
}

t.test('steps come in the order in which they are asked in the cluster', (t) => {
  t.strictSame(
    explainPod(subjectOf(podWith(), {}), around(), passes('dry-run', 'yes')).steps.map(({ id }) => id),
    [
      'pod',
      'registration',
      'namespace-selector',
      'object-selector',
      'match-conditions',
      'opt-out',
      'annotations',
      'policy',
      'outcome',
      'dry-run',
    ],
  )
  t.end()
})

t.test('an unmet requirement is shown as it was written', (t) => {
  const { steps } = explainPod({ ...subjectOf(podWith()), namespace: 'kube-system' }, around(), undefined)
  t.strictSame(steps.find(({ id }) => id === 'namespace-selector')?.details, [
    'not met: kubernetes.io/metadata.name NotIn [kube-system, model-injector]',
  ])
  t.end()
})

t.test('CEL of others is shown, not evaluated, and stops nothing', (t) => {
  const explanation = explainPod(subjectOf(podWith()), around({ matchConditions: [...conditions, foreign] }), undefined)
  t.equal(explanation.verdict, 'injected')
  t.equal(verdictOf(explanation, 'match-conditions'), 'unknown')
  t.ok(
    explanation.steps
      .find(({ id }) => id === 'match-conditions')
      ?.details.includes('theirs: not evaluated: object.spec.priority > 5'),
  )
  t.end()
})

t.test('a condition of our name with another expression is CEL of others', (t) => {
  const changed = conditions.map((condition) =>
    condition.name === 'annotated' ? { ...condition, expression: 'false' } : condition,
  )
  t.equal(
    verdictOf(explainPod(subjectOf(podWith({})), around({ matchConditions: changed }), undefined), 'match-conditions'),
    'unknown',
  )
  t.end()
})

t.test('a selector on labels that are not known is not judged', (t) => {
  const surroundings = {
    ...around({ namespaceSelector: { matchLabels: { team: 'b' } } }),
    namespaceLabels: unknown('forbidden'),
  }
  const explanation = explainPod(subjectOf(podWith()), surroundings, undefined)
  t.equal(verdictOf(explanation, 'namespace-selector'), 'unknown')
  t.match(explanation.steps.find(({ id }) => id === 'namespace-selector')?.what, 'forbidden')
  t.equal(explanation.verdict, 'injected')
  t.end()
})

t.test('without a cluster only the conditions, the annotations and the policy of the file are judged', async (t) => {
  const surroundings = await surroundingsOf(
    factsWithoutCluster({ config: rules, place: 'config.yaml' }),
    undefined,
    'apps',
  )
  const explanation = explainPod(subjectOf(podWith()), surroundings, undefined)
  t.strictSame(
    explanation.steps.map(({ id, verdict }) => [id, verdict]),
    [
      ['registration', 'unknown'],
      ['namespace-selector', 'unknown'],
      ['object-selector', 'unknown'],
      ['match-conditions', 'passes'],
      ['opt-out', 'passes'],
      ['annotations', 'passes'],
      ['policy', 'stops'],
    ],
  )
  t.equal(explanation.verdict, 'denied')
})

t.test('mistakes and refusals of one pod are both reported', (t) => {
  const image = { ...annotated, [`${prefix}mount-path`]: '/models/x', [`${prefix}image`]: 'evil:1' }
  const { steps } = explainPod(subjectOf(podWith(image)), around({}, rules), undefined)
  t.match(steps.find(({ id }) => id === 'policy')?.details[0], /the source .* the image "evil:1"/)
  t.end()
})

t.test('the answer of the API server decides over the local evaluation', (t) => {
  const theirs = around({ matchConditions: [...conditions, foreign] })
  t.match(explainPod(subjectOf(podWith()), theirs, stops('dry-run', 'as it is')), {
    verdict: 'not injected',
    because: 'as it is',
  })
  t.match(
    explainPod(
      subjectOf(podWith({ ...annotated, [`${prefix}size`]: 'x' })),
      theirs,
      passes('dry-run', 'with its model'),
    ),
    { verdict: 'injected' },
  )
  t.end()
})

t.test('warnings that the API server passes on are printed once', (t) => {
  const silent = Object.fromEntries(Object.entries(annotated).filter(([key]) => !key.endsWith('expect')))
  const [warning = ''] =
    explainPod(subjectOf(podWith(silent)), around(), undefined).steps.find(({ id }) => id === 'annotations')?.details ??
    []
  t.match(warning, /^warning: .*expect/)
  t.strictSame(
    explainPod(
      subjectOf(podWith(silent)),
      around(),
      passes('dry-run', 'yes', [warning, 'warning: of others']),
    ).steps.at(-1)?.details,
    ['warning: of others'],
  )
  t.end()
})

t.test('a live pod that was injected says by what and from where, whatever would be decided today', (t) => {
  const outcome = inject(podWith(), 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(outcome.outcome)
  const explanation = explainPod(
    subjectOf(outcome.pod, {}),
    around({ namespaceSelector: { matchLabels: { team: 'b' } } }, rules),
    undefined,
  )
  t.equal(explanation.verdict, 'injected')
  t.match(
    explanation.because,
    /^model <- s3:\/\/models\/llama\/ at \/models\/model \(by version \S+, with another configuration than that of now\)$/,
  )
  t.strictSame(explanation.hints, [])
  t.end()
})

t.test('a live pod without its model that would be injected now gets possible causes', (t) => {
  const young = { metadata: { name: 'app', creationTimestamp: '2026-01-11T00:00:00Z' } }
  const old = { metadata: { name: 'app', creationTimestamp: '2026-01-09T00:00:00Z' } }
  const later = explainPod(subjectOf(podWith(), young), around(), undefined)
  t.match(later, { live: true, verdict: 'not injected', because: 'it would be if it were created now' })
  t.match(later.hints[0], /annotations were written after it was created/)
  t.notOk(later.hints.some((hint) => hint.includes('Ignore')))
  t.ok(
    explainPod(subjectOf(podWith(), young), around({ failurePolicy: 'Ignore' }), undefined).hints.some((hint) =>
      hint.includes('failurePolicy is Ignore'),
    ),
  )
  const before = explainPod(subjectOf(podWith(), old), around(), undefined)
  t.match(before.hints, [/^it was created before the webhook was installed/])
  t.match(before.steps[0]?.details, [/older than the webhook configuration, which was created 2026-01-10/])
  t.end()
})

t.test('the state of a live pod is reported without consequence', (t) => {
  const live = {
    metadata: { name: 'app', creationTimestamp: '2026-01-11T00:00:00Z' },
    status: { phase: 'Running' },
    spec: { containers: [], hostNetwork: true },
  }
  t.match(explainPod(subjectOf(podWith(), live), around(), undefined).steps[0], {
    id: 'pod',
    verdict: 'fact',
    what: 'Running, created 2026-01-11T00:00:00Z, on the host network',
  })
  t.end()
})
