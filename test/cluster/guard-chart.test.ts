/** The policies as the chart renders them, compared with the tables and code that they have to agree with. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { knownAnnotations, refusedChanges, requiredParts, valueForms } from '../../deploy/chart/generate-policies.ts'
import { exclusions } from '../../deploy/chart/exclusions.ts'
import { matchConditions } from '../../src/match-conditions.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import { chartDirectory, objectOf, renderChart, type ChartValues } from '../kit/tools/helm.ts'
import { guardName, placementName, valuesName, type PolicyObject } from '../kit/cluster/policies.ts'

const policy = 'ValidatingAdmissionPolicy'
const binding = 'ValidatingAdmissionPolicyBinding'

interface Webhook {
  readonly namespaceSelector: object
  readonly matchConditions: PolicyObject['spec']['matchConditions']
}

const selections: readonly { readonly name: string; readonly values: ChartValues }[] = [
  { name: 'by default', values: {} },
  { name: 'with another prefix', values: { config: { annotationPrefix: 'models.corp.example/' } } },
  { name: 'with excluded namespaces', values: { webhook: { excludedNamespaces: ['monitoring', 'kube-system'] } } },
  {
    name: 'with a selector',
    values: {
      webhook: {
        namespaceSelector: { matchLabels: { models: 'yes' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
      },
    },
  },
]

for (const { name, values } of selections) {
  t.test(`${name}, the guard looks at the pods that the webhook sees, and at no others`, async (t) => {
    const objects = await renderChart(values, { release: 'release', namespace: 'models' })
    const guard = objectOf(objects, policy, guardName) as PolicyObject
    const [webhook] = (
      objectOf(objects, 'MutatingWebhookConfiguration') as ApiObject & { webhooks: readonly Webhook[] }
    ).webhooks

    t.strictSame(guard.spec.matchConstraints.namespaceSelector, webhook?.namespaceSelector)
    t.strictSame(guard.spec.matchConditions.slice(0, 3), webhook?.matchConditions)
    const { annotationPrefix = 'models.example.io/' } = (values.config ?? {}) as { annotationPrefix?: string }
    t.strictSame(
      guard.spec.matchConditions.slice(0, 3),
      matchConditions(annotationPrefix).map(({ name, expression }) => ({ name, expression })),
    )
    t.strictSame(
      (objectOf(objects, policy, placementName) as PolicyObject).spec.matchConstraints.namespaceSelector,
      webhook?.namespaceSelector,
    )
  })
}

t.test('the guard refuses the creation of pods alone, and also what it cannot judge', async (t) => {
  const objects = await renderChart()
  const { spec } = objectOf(objects, policy, guardName) as PolicyObject
  t.strictSame(spec.matchConstraints.resourceRules, [
    { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
  ])
  t.equal(spec.failurePolicy, 'Fail')
  t.strictSame(objectOf(objects, binding, guardName).spec, { policyName: guardName, validationActions: ['Deny'] })
})

t.test('the placement policy never refuses anything', async (t) => {
  const objects = await renderChart()
  t.equal((objectOf(objects, policy, placementName) as PolicyObject).spec.failurePolicy, 'Ignore')
  t.strictSame(objectOf(objects, binding, placementName).spec, {
    policyName: placementName,
    validationActions: ['Warn'],
  })
})

t.test(
  'the policy about values warns, or refuses where the operator says so, and lets pass what it cannot judge',
  async (t) => {
    const actions = async (values?: ChartValues): Promise<unknown> =>
      objectOf(await renderChart(values), binding, valuesName).spec
    t.equal((objectOf(await renderChart(), policy, valuesName) as PolicyObject).spec.failurePolicy, 'Ignore')
    t.strictSame(await actions(), { policyName: valuesName, validationActions: ['Warn'] })
    t.strictSame(await actions({ placement: { valueActions: ['Deny', 'Audit'] } }), {
      policyName: valuesName,
      validationActions: ['Deny', 'Audit'],
    })
  },
)

t.test('each can be turned off without the other', async (t) => {
  const names = async (values: ChartValues): Promise<(string | undefined)[]> =>
    (await renderChart(values))
      .filter(({ kind }) => kind === policy || kind === binding)
      .map(({ metadata }) => metadata?.name)
      .sort()
  const forAuthors = [placementName, placementName, valuesName, valuesName]
  t.strictSame(await names({}), [guardName, guardName, ...forAuthors])
  t.strictSame(await names({ guard: { enabled: false } }), forAuthors)
  t.strictSame(await names({ placement: { enabled: false } }), [guardName, guardName])
})

t.test('the names do not depend on the release', async (t) => {
  const objects = await renderChart({ fullnameOverride: 'other' }, { release: 'other', namespace: 'other' })
  for (const name of [guardName, placementName, valuesName]) {
    for (const kind of [policy, binding]) t.ok(objectOf(objects, kind, name))
  }
})

t.test('refusals name the administrators, unless the operator names a contact', async (t) => {
  for (const [contact, asked] of [
    ['', 'ask the administrators of model-injector in this cluster: '],
    ['#ml', 'ask #ml: '],
  ] as const) {
    t.match(JSON.stringify(objectOf(await renderChart({ guard: { contact } }), policy, guardName)), asked)
  }
})

async function variableExpression(config: object, name: string): Promise<string> {
  const guard = objectOf(await renderChart({ config }), policy, guardName) as PolicyObject
  return guard.spec.variables.find((variable) => variable.name === name)?.expression ?? ''
}

t.test('the guard lets the variables pass that the configuration sets, or lets others set', async (t) => {
  t.match(await variableExpression({}, 'steered'), '!(variable.name in [])')
  t.match(
    await variableExpression({ loader: { env: { RES_OPTIONS: 'ndots:1' } } }, 'steered'),
    '!(variable.name in ["RES_OPTIONS"])',
  )
  t.match(
    await variableExpression({ loader: { env: { NO_PROXY: '*' }, proxy: { url: 'http://proxy:3128' } } }, 'steered'),
    '!(variable.name in ["HTTPS_PROXY","NO_PROXY"])',
  )
  const pattern = '&& !variable.name.matches("(?s)^(SCANNER_.*|A\\\\.B.)$")'
  t.match(await variableExpression({ ownership: { allowedEnv: ['SCANNER_*', 'A.B?'] } }, 'steered'), pattern)
  t.notMatch(await variableExpression({}, 'steered'), '(?s)')
})

t.test('the guard knows whose token a loader has by default', async (t) => {
  t.match(await variableExpression({}, 'tokenPaths'), '.orValue("pod-identity")')
  t.match(await variableExpression({ defaults: { credentials: 'irsa' } }, 'tokenPaths'), '.orValue("irsa")')
})

t.test('every exclusion is in the refusal of the variable that its webhook sets', async (t) => {
  const guard = objectOf(await renderChart(), policy, guardName) as PolicyObject
  const refusal = guard.spec.validations.find(({ expression }) => expression === 'variables.steered.size() == 0')
  for (const { product, exclusion } of exclusions) {
    t.match(refusal?.messageExpression, `${product} leaves a pod alone that has ${exclusion.replaceAll('"', '\\"')}`)
  }
})

t.test('the tables of the policies are those of the code', (t) => {
  for (const [name, expected] of [
    ['parts.yaml', requiredParts()],
    ['loaders.yaml', refusedChanges()],
    ['known-annotations.yaml', knownAnnotations()],
    ['values.yaml', valueForms()],
  ] as const) {
    t.equal(readFileSync(join(chartDirectory, 'policies', name), 'utf8'), expected, 'run make generate')
  }
  t.end()
})
