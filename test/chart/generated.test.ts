/** Files made from the chart are up to date, and the texts of a chart besides its objects are true. */
import { execFile } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { valuesSchema } from '../../deploy/chart/generate/schema.ts'
import { configSchema } from '../../src/config/config-schema.ts'
import { version } from '../../src/version.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import {
  chartDirectory,
  objectOf,
  parseObjects,
  renderChart,
  runHelm,
  valueIn,
  type ChartValues,
} from '../kit/tools/helm.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

const root = join(chartDirectory, '..', '..')

t.test('README, schema and plain manifests are those of the chart', async (t) => {
  await promisify(execFile)(process.execPath, [join(chartDirectory, 'generate.ts'), '--check'], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.pass()
})

t.test('the chart has the version of the product', async (t) => {
  const chart = parse(await readFile(join(chartDirectory, 'Chart.yaml'), 'utf8')) as {
    version: string
    appVersion: string
  }
  t.strictSame([chart.version, chart.appVersion], [version, version])
})

t.test('the plain manifests are the objects of the chart, in their namespace, without Helm', async (t) => {
  const [namespace, ...objects] = parseObjects(await readFile(join(root, 'deploy', 'manifests.yaml'), 'utf8'))
  t.match(namespace, {
    kind: 'Namespace',
    metadata: { name: 'model-injector', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  })
  const rendered = await renderChart()
  t.strictSame(
    objects.map(({ kind, metadata }) => [kind, metadata?.name]),
    rendered.map(({ kind, metadata }) => [kind, metadata?.name]),
  )
  const contents = (all: readonly ApiObject[]): object[] =>
    all.map(({ spec, webhooks, data }) => ({ spec, webhooks, data: data === undefined ? data : configurationIn(data) }))
  t.strictSame(contents(objects), contents(rendered))
  t.notMatch(JSON.stringify(objects), /helm\.sh|"Helm"/)
})

/** But for the version of the cluster: Helm alone knows one. */
function configurationIn(data: unknown): unknown {
  return { ...(parse((data as { 'config.yaml': string })['config.yaml']) as object), cluster: undefined }
}

const refusals: readonly (readonly [what: string, yaml: string, says: RegExp])[] = [
  ['a value without a description', 'a: 1\n', /a has no description/],
  ['a value without a description, in an object', 'a:\n  # -- Fine.\n  b: 1\n  c: 1\n', /a\.c has no description/],
  ['a list without a type of its items', '# -- A list.\na: []\n', /a is a list or an open map/],
  ['an open map', '# -- A map.\na: {}\n', /a is a list or an open map/],
]

for (const [what, yaml, says] of refusals) {
  t.test(`the schema cannot be made from ${what}`, (t) => {
    t.throws(() => valuesSchema(yaml), says)
    t.end()
  })
}

t.test('the schema takes over what the webhook itself checks', async (t) => {
  const schema = JSON.parse(await readFile(join(chartDirectory, 'values.schema.json'), 'utf8')) as object
  t.strictSame(
    Object.keys(valueIn(schema, 'definitions.config.properties') as object),
    Object.keys(configSchema.properties),
  )
})

const notes: readonly (readonly [what: string, values: ChartValues, says: RegExp, never: RegExp])[] = [
  [
    'how to annotate a first pod',
    {},
    /template:\n {6}metadata:\n {8}annotations:\n {10}models\.example\.io\/source: s3:/,
    /ignore/,
  ],
  ['how to see why a pod was not injected', {}, /model-injector why/, /ignore/],
  [
    'its prefix',
    { config: { annotationPrefix: 'ml.example.com/' } },
    /ml\.example\.com\/source(.|\n)*ml\\\.example\\\.com\/injected/,
    /models\.example\.io/,
  ],
  [
    'the behaviour while the webhook is away',
    {},
    /annotated pods are refused, and their controllers try again/,
    /guard policy/,
  ],
  [
    'the effect of the guard',
    { webhook: { failureProfile: 'ignore-guarded' } },
    /the guard policy refuses the annotated pods/,
    /WARNING: while/,
  ],
  [
    'the risk of ignore',
    { webhook: { failureProfile: 'ignore' }, guard: { enabled: false } },
    /WARNING: while the webhook is away, annotated pods start without their model/,
    /are refused, and/,
  ],
  [
    'that the image is not pinned',
    {},
    /WARNING: the image of the webhook and of the loaders is not pinned/,
    /single replica/,
  ],
  [
    'nothing of an image that is pinned',
    { image: { digest: `sha256:${'ab'.repeat(32)}` } },
    /is installed in the namespace models/,
    /not pinned/,
  ],
  ['the risk of a single replica', { replicas: 1 }, /WARNING: with a single replica/, /ignore/],
]

for (const [what, values, says, never] of notes) {
  t.test(`the notes say ${what}`, async (t) => {
    const { ok, stdout, stderr } = await runHelm(
      ['install', 'prod', chartDirectory, '--dry-run=client', '--namespace', 'models', '--values', '-'],
      { input: JSON.stringify(values) },
    )
    t.equal(ok, true, stderr)
    const text = stdout.slice(stdout.indexOf('\nNOTES:'))
    t.match(text, says)
    t.notMatch(text, never)
    t.match(text, /helm -n models test prod/)
  })
}

t.test('a packaged chart holds what it needs and nothing of its making', async (t) => {
  const directory = t.testdir()
  const { ok, stderr } = await runHelm(['package', chartDirectory, '--destination', directory])
  t.equal(ok, true, stderr)
  const { stdout } = await promisify(execFile)('tar', ['-tzf', join(directory, `model-injector-${version}.tgz`)])
  t.notMatch(stdout, /\.ts$|gotmpl/m)
  t.match(stdout, /values\.schema\.json/)
  t.strictSame(await renderChart({}, { chart: join(directory, `model-injector-${version}.tgz`) }), await renderChart())
})

t.test('it can be a part of another chart', async (t) => {
  const directory = t.testdir({ 'Chart.yaml': 'apiVersion: v2\nname: platform\nversion: 1.0.0\n', charts: {} })
  await cp(chartDirectory, join(directory, 'charts', 'model-injector'), { recursive: true })
  await writeFile(join(directory, 'values.yaml'), 'global: { region: eu-west-1 }\nmodel-injector: { replicas: 4 }\n')
  const objects = await renderChart({}, { chart: directory, release: 'platform' })
  t.equal(valueIn(objectOf(objects, 'Deployment'), 'spec.replicas'), 4)
  t.equal(objectOf(objects, 'MutatingWebhookConfiguration').metadata?.name, 'model-injector')
})
