/** The operator's configuration on its way from the values into the webhook, which reads it as strictly as ever. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../src/config/parse-config.ts'
import { loaderImageVariable } from '../../src/config/loader-image.ts'
import { runtimePrefixes } from '../../src/kept-variables.ts'
import { matchConditions } from '../../src/match-conditions.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import {
  chartDirectory,
  objectOf,
  parseObjects,
  renderChart,
  valueIn,
  type RenderOptions,
  type ChartValues,
} from '../kit/tools/helm.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

interface Case {
  readonly name: string
  readonly values: ChartValues
  readonly expect: (config: Config) => unknown
  readonly value: unknown
}

const rule = {
  name: 'team-a',
  namespaces: ['team-a'],
  sources: ['s3://models/team-a/*'],
  serviceAccounts: ['reader'],
  maxSize: '100Gi',
}
const digest = `sha256:${'ab'.repeat(32)}`

const cases: readonly Case[] = [
  {
    name: "the loader's image is the chart's own",
    values: {},
    expect: ({ defaults }) => defaults.image,
    value: 'model-injector:0.1.0',
  },
  {
    name: "the loader's image follows the chart's",
    values: { image: { repository: 'r.example.com/mi', digest } },
    expect: ({ defaults }) => defaults.image,
    value: `r.example.com/mi@${digest}`,
  },
  {
    name: "the loader's image is the operator's own",
    values: { config: { defaults: { image: 'loader:1' } } },
    expect: ({ defaults }) => defaults.image,
    value: 'loader:1',
  },
  {
    name: 'defaults of annotations',
    values: { config: { defaults: { region: 'eu-west-1', memory: '1Gi', cpu: 2, 'read-only': false } } },
    expect: ({ defaults }) => [defaults.region, defaults.memory, defaults.cpu, defaults['read-only'], defaults.timeout],
    value: ['eu-west-1', '1Gi', '2', 'false', '2h'],
  },
  {
    name: 'the prefix',
    values: { config: { annotationPrefix: 'ml.example.com/' } },
    expect: ({ annotationPrefix }) => annotationPrefix,
    value: 'ml.example.com/',
  },
  { name: 'sidecars', values: { config: { sidecars: ['mine'] } }, expect: ({ sidecars }) => sidecars, value: ['mine'] },
  {
    name: 'no sidecars in the values are the known ones',
    values: {},
    expect: ({ sidecars }) => sidecars,
    value: defaultConfig.sidecars,
  },
  {
    name: 'unknown annotations',
    values: { config: { unknownAnnotations: 'warn' } },
    expect: ({ unknownAnnotations }) => unknownAnnotations,
    value: 'warn',
  },
  { name: 'OpenShift', values: { config: { openshift: true } }, expect: ({ openshift }) => openshift, value: true },
  {
    name: 'the agent of an IPv6 cluster',
    values: { config: { podIdentity: { uri: 'http://[fd00:ec2::23]/v1/credentials' } } },
    expect: ({ podIdentity }) => podIdentity.uri,
    value: 'http://[fd00:ec2::23]/v1/credentials',
  },
  {
    name: 'environment of the loader, text that looks like something else included',
    values: { config: { loader: { env: { A: 'true', B: '1e3', C: '@at: "x"\nline', D: '' } } } },
    expect: ({ loader }) => loader.env,
    value: { A: 'true', B: '1e3', C: '@at: "x"\nline', D: '' },
  },
  {
    name: 'pull secrets of injected pods',
    values: { config: { loader: { imagePullSecrets: ['registry'] } } },
    expect: ({ loader }) => loader.imagePullSecrets,
    value: ['registry'],
  },
  {
    name: 'the pull policy of the loader',
    values: { config: { loader: { imagePullPolicy: 'Always' } } },
    expect: ({ loader }) => loader.imagePullPolicy,
    value: 'Always',
  },
  {
    name: 'the path of the program of the engine s5cmd',
    values: { config: { loader: { s5cmdPath: '/opt/s5cmd' } } },
    expect: ({ loader }) => loader.s5cmdPath,
    value: '/opt/s5cmd',
  },
  {
    name: 'whole buckets that are allowed',
    values: { config: { allowWholeBucket: true } },
    expect: ({ allowWholeBucket }) => allowWholeBucket,
    value: true,
  },
  {
    name: 'checksums that are required',
    values: { config: { requireChecksums: true } },
    expect: ({ requireChecksums }) => requireChecksums,
    value: true,
  },
  {
    name: 'the reuse of models on volumes that outlive pods',
    values: { config: { loader: { reuse: 'trust-own' } } },
    expect: ({ loader }) => loader.reuse,
    value: 'trust-own',
  },
  {
    name: 'the version of the cluster that the admin gives',
    values: { config: { cluster: { version: '1.36' } } },
    expect: ({ cluster }) => cluster?.version,
    value: '1.36',
  },
  {
    name: 'the headroom gate of Mountpoint',
    values: { config: { mountpoint: { headroomGate: true } } },
    expect: ({ mountpoint }) => mountpoint?.headroomGate,
    value: true,
  },
  {
    name: 'limits of one pod',
    values: { config: { limits: { models: 4 } } },
    expect: ({ limits }) => limits,
    value: { models: 4, annotations: 512, modelContainerPairs: 1024, patchBytes: 1048576 },
  },
  {
    name: 'rules of the policy',
    values: { config: { policy: { rules: [rule] } } },
    expect: ({ policy }) => policy.rules,
    value: [
      {
        name: 'team-a',
        namespaces: ['team-a'],
        sources: ['s3://models/team-a/*'],
        serviceAccounts: ['reader'],
        maxSizeBytes: 100 * 2 ** 30,
      },
    ],
  },
]

/** As the webhook reads it: the file and the environment. */
async function configOf(values: ChartValues, options: RenderOptions = {}): Promise<Config> {
  const objects = await renderChart(values, options)
  const result = parseConfig(configText(objects), loaderImageOf(objects))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

function configText(objects: readonly ApiObject[]): string {
  return valueIn(objectOf(objects, 'ConfigMap', 'model-injector'), 'data', 'config.yaml') as string
}

function loaderImageOf(objects: readonly ApiObject[]): string | undefined {
  const env = valueIn(objectOf(objects, 'Deployment'), 'spec.template.spec.containers.0.env')
  return (env as { name: string; value: string }[]).find(({ name }) => name === loaderImageVariable)?.value
}

for (const { name, values, expect, value } of cases) {
  t.test(`${name}: from the values to the webhook`, async (t) => {
    t.strictSame(expect(await configOf(values)), value)
  })
}

t.test(
  'an upgrade to another image changes the Deployment and not the configuration that old replicas read',
  async (t) => {
    const [before, after] = await Promise.all(['1', '2'].map((tag) => renderChart({ image: { tag } })))
    t.equal(configText(after ?? []), configText(before ?? []))
    t.strictSame(
      [before, after].map((objects) => loaderImageOf(objects ?? [])),
      ['model-injector:1', 'model-injector:2'],
    )
  },
)

t.test('the image of the loader has one place in the values', async (t) => {
  const values = { env: [{ name: loaderImageVariable, value: 'other:1' }] }
  await t.rejects(renderChart(values), /env sets MODEL_INJECTOR_LOADER_IMAGE.* set config\.defaults\.image/)
})

t.test('variables that the start of the image drops are refused, for the webhook and for the loaders', async (t) => {
  for (const prefix of runtimePrefixes) {
    const name = `${prefix}OPTIONS`
    await t.rejects(
      renderChart({ env: [{ name, value: 'x' }] }),
      new RegExp(`env sets ${name}, which the start of the image drops`),
    )
    await t.rejects(
      renderChart({ config: { loader: { env: { [name]: 'x' } } } }),
      new RegExp(`invalid propertyName '${name}'`),
    )
    await t.resolves(renderChart({ config: { loader: { env: { [`AWS_${name}`]: 'x' } } } }))
  }
})

t.test('untouched values are the built-in configuration, but that the cluster is known', async (t) => {
  const config = await configOf({}, { kubeVersion: 'v1.35.2-eks-1a2b3c4' })
  t.strictSame(config, {
    ...defaultConfig,
    allowWholeBucket: false,
    requireChecksums: false,
    loader: { ...defaultConfig.loader, reuse: 'verify' },
    cluster: { version: 'v1.35.2-eks-1a2b3c4' },
    mountpoint: { headroomGate: false },
    policy: { rules: [], mode: 'enforce', enforceNamespaces: [], auditNamespaces: [] },
    hash: config.hash,
  })
})

t.test('the plain manifests know of no cluster', async (t) => {
  const objects = parseObjects(await readFile(join(chartDirectory, '..', 'manifests.yaml'), 'utf8'))
  const result = parseConfig(valueIn(objectOf(objects, 'ConfigMap'), 'data', 'config.yaml') as string)
  t.equal(result.ok ? result.config.cluster : result.problems, undefined)
})

for (const prefix of ['models.example.io/', 'ml.example.com/', 'x/', 'a-b.c/']) {
  t.test(`the match conditions are those of the code for the prefix ${prefix}`, async (t) => {
    const objects = await renderChart({ config: { annotationPrefix: prefix } })
    const expected = matchConditions(prefix).map(({ name, expression }) => ({ name, expression }))
    t.strictSame(valueIn(objectOf(objects, 'MutatingWebhookConfiguration'), 'webhooks.0.matchConditions'), expected)
    const guard = valueIn(
      objectOf(objects, 'ValidatingAdmissionPolicy', 'model-injector-guard'),
      'spec.matchConditions',
    ) as unknown[]
    t.strictSame(guard.slice(0, expected.length), expected, 'and the guard looks at the same pods')
  })
}

t.test('without a prefix in the values it is the built-in one', async (t) => {
  const objects = await renderChart({ config: { annotationPrefix: null } })
  t.strictSame(
    valueIn(objectOf(objects, 'MutatingWebhookConfiguration'), 'webhooks.0.matchConditions.0.expression'),
    matchConditions(defaultConfig.annotationPrefix)[0]?.expression,
  )
})

t.test('helm test asks with the prefix that the webhook has', async (t) => {
  const pod = objectOf(await renderChart({ config: { annotationPrefix: 'ml.example.com/' } }, { hooks: true }), 'Pod')
  t.strictSame(valueIn(pod, 'spec.containers.0.env.2'), { name: 'ANNOTATION_PREFIX', value: 'ml.example.com/' })
})
