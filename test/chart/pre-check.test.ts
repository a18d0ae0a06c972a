/** `check --pre` speaks of the kinds, names and the pod that the chart makes. */
import t from 'tap'
import { namedObjects, replicaPod, writtenKinds } from '../../src/check/pre/chart-objects.ts'
import { objectOf, renderChart, valueIn } from '../kit/tools/helm.ts'

const withSecret = { certificates: { secretName: 'tls', caBundle: '-----BEGIN CERTIFICATE-----' } }

t.test(
  'rights are asked for every kind that the chart renders, and for no other but the Secrets of Helm',
  async (t) => {
    const kindsOf = async (values: object): Promise<readonly string[]> => [
      ...new Set((await renderChart({ ...values })).map(({ kind }) => kind)),
    ]
    const asked = (withCertManager: boolean): readonly string[] =>
      writtenKinds(withCertManager)
        .map(({ kind }) => kind)
        .filter((kind) => kind !== 'Secret')
    t.strictSame(asked(true).toSorted(), (await kindsOf({})).toSorted())
    t.strictSame(asked(false).toSorted(), (await kindsOf(withSecret)).toSorted())
  },
)

t.test('names are looked for that the chart renders', async (t) => {
  for (const release of ['model-injector', 'blue']) {
    const objects = await renderChart({}, { release, namespace: 'ml' })
    for (const { resource, name } of namedObjects(release, 'ml')) t.ok(objectOf(objects, resource.kind, name))
  }
})

t.test('the pod of the dry run is as strict and as large as that of the chart', async (t) => {
  const spec = valueIn(objectOf(await renderChart(), 'Deployment'), 'spec.template.spec') as Record<string, unknown>
  const pod = valueIn(replicaPod(), 'spec') as Record<string, unknown>
  for (const field of ['automountServiceAccountToken', 'priorityClassName', 'securityContext', 'nodeSelector']) {
    t.strictSame(pod[field], spec[field], field)
  }
  for (const field of ['resources', 'securityContext']) {
    t.strictSame(valueIn(pod, `containers.0.${field}`), valueIn(spec, `containers.0.${field}`), field)
  }
})
