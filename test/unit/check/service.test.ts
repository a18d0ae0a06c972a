/** The way from the webhook configuration to the port of the pods: each wrong turn says what was found and what is expected. */
import t from 'tap'
import type { Deployment, EndpointSlice, Service } from '../../../src/cluster/objects.ts'
import { absent, found, unknown } from '../../../src/diagnosis/lookup.ts'
import type { Survey } from '../../../src/check/survey.ts'
import { checkRegistration } from '../../../src/check/topics/registration.ts'
import { checkService } from '../../../src/check/topics/service.ts'
import { goodSurvey, makeCertificates, the, withWebhook } from './good-survey.ts'

const release = { 'meta.helm.sh/release-name': 'mi', 'meta.helm.sh/release-namespace': 'model-injector' }
const restore =
  'helm get manifest mi -n model-injector | kubectl apply --server-side --force-conflicts --field-manager helm -f -'
const plain = goodSurvey(await makeCertificates(t.testdir({})))
const good: Survey = { ...plain, registration: found(released(the(plain.registration))) }

function released<T extends { readonly metadata: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, annotations: release } }
}

function withService(spec: Partial<Service['spec']>): Survey {
  const service = the(good.service)
  return { ...good, service: found({ ...service, spec: { ...service.spec, ...spec } }) }
}

function withContainer(change: object): Survey {
  const deployment: Deployment = the(good.deployment)
  const { template } = deployment.spec
  const containers = template.spec.containers.map((container) => ({ ...container, ...change }))
  const spec = { ...deployment.spec, template: { ...template, spec: { ...template.spec, containers } } }
  return { ...good, deployment: found({ ...deployment, spec }) }
}

const title = 'the Service model-injector/model-injector'
const cases: readonly (readonly [what: string, survey: Survey, says: string, commands?: readonly string[]])[] = [
  [
    'no Service',
    { ...good, service: absent, endpointSlices: absent },
    'there is no Service model-injector/model-injector',
  ],
  [
    'no such port',
    withService({ ports: [{ name: 'https', port: 8443, targetPort: 'https' }] }),
    `${title} has no port 443, only 8443`,
    ['kubectl delete service model-injector -n model-injector', restore],
  ],
  [
    'a targetPort by a name that no container has',
    withService({ ports: [{ name: 'https', port: 443, targetPort: 'web' }] }),
    `${title}: port 443 leads to targetPort web, a name that no container has, only https, http-metrics: the webhook listens on 8443`,
  ],
  [
    'a targetPort by the name of another port',
    withService({ ports: [{ name: 'https', port: 443, targetPort: 'http-metrics' }] }),
    `${title}: port 443 leads to targetPort http-metrics, which is 9090: the webhook listens on 8443 (https)`,
  ],
  [
    'a targetPort by a number that leads nowhere',
    withService({ ports: [{ name: 'https', port: 443, targetPort: 9443 }] }),
    `${title}: port 443 leads to targetPort 9443: the webhook listens on 8443 (https)`,
  ],
  [
    'no targetPort, which is the port itself',
    withService({ ports: [{ name: 'https', port: 443 }] }),
    `${title}: port 443 leads to targetPort 443: the webhook listens on 8443 (https)`,
  ],
  [
    'a webhook that listens elsewhere than its container says',
    withContainer({ args: ['serve', '--port=9443'] }),
    `${title}: port 443 leads to targetPort https, which is 8443: the webhook listens on 9443`,
  ],
  [
    'a selector of other pods',
    withService({ selector: { app: 'webhook', track: 'canary' } }),
    `${title}: it selects {"app":"webhook","track":"canary"}, and so not the pods of Deployment model-injector, which have {"app":"webhook"}`,
  ],
]

for (const [what, survey, says, commands = [restore]] of cases) {
  t.test(`${what} is an error, with what is expected and how to restore it`, (t) => {
    const [finding] = checkService(survey)
    t.match(finding, { id: 'service', severity: 'error', what: says })
    t.strictSame(finding?.commands, commands)
    t.end()
  })
}

const numbered = [{ name: 'https', port: 443, targetPort: 8443 }]

for (const [how, survey] of [
  ['by name', good],
  ['by number', withService({ ports: numbered })],
] as const) {
  t.test(`a targetPort ${how} is right`, (t) => {
    const what = /443, to port (?:https|8443) of the pods of Deployment model-injector$/
    t.match(checkService(survey), [{ severity: 'ok', what }, { severity: 'ok' }])
    t.end()
  })
}

t.test('a number needs no port that a container declares', (t) => {
  const { deployment } = withContainer({ ports: [], args: ['serve', '--port', '443'] })
  const survey = { ...withService({ ports: [{ name: 'https', port: 443 }] }), deployment }
  t.match(checkService(survey), [{ severity: 'ok' }, { severity: 'ok' }])
  t.end()
})

t.test('without a release the remedy speaks of the manifests, and there is no command', (t) => {
  const [finding] = checkService({ ...plain, service: absent })
  t.match(finding, { severity: 'error', remedy: /kubectl apply --server-side --force-conflicts/ })
  t.equal(finding?.commands, undefined)
  t.end()
})

t.test('a release is known by the labels of the chart, where the annotations of Helm are gone', (t) => {
  const labels = { 'app.kubernetes.io/instance': 'other', 'app.kubernetes.io/managed-by': 'Helm' }
  const deployment = the(plain.deployment)
  const labelled = found({ ...deployment, metadata: { ...deployment.metadata, labels } })
  const [finding] = checkService({ ...plain, service: absent, deployment: labelled })
  t.match(finding?.commands?.[0], /^helm get manifest other -n model-injector \|/)
  t.end()
})

t.test('ready endpoints without the port are an error', (t) => {
  const [slice] = the(good.endpointSlices) as readonly [EndpointSlice]
  const survey = { ...good, endpointSlices: found([{ ...slice, ports: [{ name: 'http-metrics', port: 9090 }] }]) }
  t.match(checkService(survey)[1], {
    id: 'endpoints',
    severity: 'error',
    what: "1 ready, and none has the Service's port https: no container has its targetPort",
  })
  t.end()
})

function registrationFinding(survey: Survey, id: string): object | undefined {
  return checkRegistration(survey).find((finding) => finding.id === id)
}

t.test('a namespaceSelector that selects no namespace is an error', (t) => {
  const survey = withWebhook(good, { namespaceSelector: { matchLabels: { models: 'yes' } } })
  t.match(registrationFinding(survey, 'namespace-selector'), {
    severity: 'error',
    what: 'none of the 3 namespaces is selected, so no pod is injected: {"matchLabels":{"models":"yes"}}',
  })
  const unlisted = { ...survey, namespaces: unknown('missing permission: list namespaces') }
  t.match(registrationFinding(unlisted, 'namespace-selector'), { severity: 'unchecked', what: /list namespaces$/ })
  t.end()
})

t.test('a match condition that is never true is an error, and the command takes away that one alone', (t) => {
  const { matchConditions = [] } = the(good.webhook)
  const survey = withWebhook(good, { matchConditions: [...matchConditions, { name: 'off', expression: 'false' }] })
  t.match(registrationFinding(survey, 'match-conditions'), {
    severity: 'error',
    what: 'off is false: no pod is shown to the webhook',
    commands: [
      `kubectl patch mutatingwebhookconfiguration model-injector --type json -p '[{"op":"remove","path":"/webhooks/0/matchConditions/3"}]'`,
    ],
  })
  t.end()
})

t.test('an objectSelector that only keeps marked pods away is somebody’s choice', (t) => {
  const expressions = [{ key: 'models', operator: 'NotIn', values: ['off'] }]
  const survey = withWebhook(good, { objectSelector: { matchExpressions: expressions } })
  t.match(registrationFinding(survey, 'object-selector'), { severity: 'ok', what: /others may be kept away/ })
  t.end()
})

t.test('a webhook in the namespace default is a warning: pods of others live there', (t) => {
  const service = { namespace: 'default', name: 'model-injector', path: '/mutate', port: 443 }
  const survey = withWebhook(good, { clientConfig: { service } })
  t.match(registrationFinding(survey, 'namespace-selector'), { severity: 'warning', what: /the namespace default/ })
  t.end()
})

t.test('a webhook configuration that was deleted is restored from the release of its Deployment', (t) => {
  const lost: Survey = { ...good, registration: absent, webhook: absent }
  t.match(checkRegistration(lost), [
    { severity: 'error', what: 'there is no MutatingWebhookConfiguration model-injector', remedy: /install the chart/ },
  ])
  const [finding] = checkRegistration({ ...lost, strandedDeployments: found([released(the(good.deployment))]) })
  t.match(finding, { severity: 'error', what: /although its Deployment model-injector\/model-injector is there$/ })
  t.strictSame(finding?.commands, [restore])
  t.end()
})
