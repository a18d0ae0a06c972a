/**
 * Fields that an upgrade may not change: names, selectors and other fields that cannot be altered in place, or that would part a
 * running installation from its objects. They are kept in golden/upgrade.yaml; UPDATE_GOLDEN=1 writes it again, which is a
 * breaking change for everybody who has installed the chart.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse, stringify } from 'yaml'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import { objectOf, renderChart, valueIn, type RenderOptions, type ChartValues } from '../kit/tools/helm.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

const file = join(import.meta.dirname, 'golden', 'upgrade.yaml')

const installations: Readonly<Record<string, readonly [ChartValues, RenderOptions?]>> = {
  defaults: [{}],
  'another release': [{}, { release: 'prod', namespace: 'platform' }],
  'all objects': [
    {
      events: { enabled: true },
      reader: { enabled: true, subjects: [{ kind: 'User', name: 'a' }] },
      metrics: { serviceMonitor: { enabled: true } },
    },
  ],
}

/** The kept fields of each kind. */
const kept: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec.selector', 'spec.template.spec.serviceAccountName'],
  Service: ['spec.selector', 'spec.type', 'spec.ports'],
  PodDisruptionBudget: ['spec.selector'],
  NetworkPolicy: ['spec.podSelector'],
  ServiceMonitor: ['spec.selector', 'spec.namespaceSelector'],
  ClusterRoleBinding: ['roleRef'],
  ValidatingAdmissionPolicyBinding: ['spec.policyName'],
  Issuer: ['spec'],
  Certificate: ['spec.secretName', 'spec.dnsNames', 'spec.isCA', 'spec.commonName', 'spec.issuerRef'],
  MutatingWebhookConfiguration: [
    'webhooks.0.name',
    'webhooks.0.clientConfig',
    'webhooks.0.reinvocationPolicy',
    'webhooks.0.sideEffects',
  ],
}

for (const [name, [values, options]] of Object.entries(installations)) {
  t.test(`an upgrade of an installation with ${name} keeps what cannot change`, async (t) => {
    const found = skeleton(await renderChart(values, options))
    if (process.env.UPDATE_GOLDEN === '1') await keep(name, found)
    const golden = await readGolden()
    t.strictSame(found, golden[name])
  })
}

t.test('the golden file has no installation that is not tested', async (t) => {
  t.strictSame(Object.keys(await readGolden()).sort(), Object.keys(installations).sort())
})

/** An upgrade with these values has to be possible. */
const changes: readonly (readonly [name: string, values: ChartValues])[] = [
  ['the image', { image: { repository: 'r/x', tag: '9' } }],
  ['labels', { commonLabels: { a: 'b' }, podLabels: { c: 'd' } }],
  ['the prefix', { config: { annotationPrefix: 'ml.example.com/' } }],
  ['the network', { hostNetwork: { enabled: true }, ports: { webhook: 10260, health: 19090 } }],
  ['the certificate', { certificates: { certManager: { issuerRef: { name: 'corporate' } } } }],
  ['permissions', { events: { enabled: true }, reader: { enabled: true } }],
  ['the failure profile', { webhook: { failureProfile: 'ignore' }, guard: { enabled: false } }],
]

for (const [name, values] of changes) {
  t.test(`changing ${name} changes no selector and no Secret's name`, async (t) => {
    const [before, after] = await Promise.all([renderChart(), renderChart(values)])
    for (const [kind, path] of [
      ['Deployment', 'spec.selector'],
      ['Service', 'spec.selector'],
      ['PodDisruptionBudget', 'spec.selector'],
      ['NetworkPolicy', 'spec.podSelector'],
      ['Deployment', 'spec.template.spec.volumes.1'],
    ] as const) {
      t.strictSame(valueIn(objectOf(after, kind), path), valueIn(objectOf(before, kind), path), `${kind} ${path}`)
    }
  })
}

t.test('the pods carry the labels by which they are selected', async (t) => {
  const objects = await renderChart({
    podLabels: { 'app.kubernetes.io/instance': 'x' },
    commonLabels: { 'app.kubernetes.io/component': 'x' },
  })
  const deployment = objectOf(objects, 'Deployment')
  const labels = valueIn(deployment, 'spec.template.metadata.labels') as object
  for (const selector of [
    valueIn(deployment, 'spec.selector.matchLabels'),
    valueIn(objectOf(objects, 'Service'), 'spec.selector'),
    valueIn(objectOf(objects, 'PodDisruptionBudget'), 'spec.selector.matchLabels'),
  ]) {
    t.match(labels, selector)
  }
})

function skeleton(objects: readonly ApiObject[]): Record<string, object> {
  const entries = objects.map((object) => {
    const { apiVersion, kind, metadata } = object
    const name = [apiVersion, kind, metadata?.namespace, metadata?.name].filter((part) => part !== undefined).join(' ')
    const fields = (kept[kind] ?? [])
      .map((path) => [path, valueIn(object, path)] as const)
      .filter(([, value]) => value !== undefined)
    return [name, Object.fromEntries(fields)] as const
  })
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function readGolden(): Promise<Record<string, unknown>> {
  return (parse(await readFile(file, 'utf8').catch(() => '')) as Record<string, unknown> | null) ?? {}
}

async function keep(name: string, found: object): Promise<void> {
  await writeFile(file, stringify({ ...(await readGolden()), [name]: found }, { aliasDuplicateObjects: false }))
}
