/** Values that Helm refuses before anything is installed, and where it says the mistake is. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { annotationNames, annotations } from '../../src/annotations.ts'
import { chartDirectory, runHelm, templateChart, type ChartValues } from '../kit/tools/helm.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

/** For a name that is not allowed, Helm reports the name and no place. */
type Refusal = readonly [what: string, values: ChartValues, where: string, why: RegExp]

const unknown = /additional properties/

const refusals: readonly Refusal[] = [
  ['a key that is not known', { replicaCount: 3 }, '', unknown],
  ['a key of the image', { image: { name: 'x' } }, 'image', unknown],
  ['a key of the webhook', { webhook: { failurePolicy: 'Fail' } }, 'webhook', unknown],
  ['a key of the guard', { guard: { enable: true } }, 'guard', unknown],
  ['a key of the placement policy', { placement: { actions: [] } }, 'placement', unknown],
  ['a key of the certificates', { certificates: { secret: 'x' } }, 'certificates', unknown],
  ['a key of cert-manager', { certificates: { certManager: { issuer: 'x' } } }, 'certificates/certManager', unknown],
  [
    'a key of an issuer',
    { certificates: { certManager: { issuerRef: { namespace: 'x' } } } },
    'certificates/certManager/issuerRef',
    unknown,
  ],
  ['a key of the ports', { ports: { metrics: 9090 } }, 'ports', unknown],
  ['a key of the metrics', { metrics: { enabled: true } }, 'metrics', unknown],
  [
    'a key of the ServiceMonitor',
    { metrics: { serviceMonitor: { namespace: 'x' } } },
    'metrics/serviceMonitor',
    unknown,
  ],
  ['a key of the service account', { serviceAccount: { automount: true } }, 'serviceAccount', unknown],
  ['a key of the network policy', { networkPolicy: { egress: [] } }, 'networkPolicy', unknown],
  ['a key of the host network', { hostNetwork: { port: 1 } }, 'hostNetwork', unknown],
  ['a key of the reader', { reader: { verbs: [] } }, 'reader', unknown],
  ['a key of the disruption budget', { podDisruptionBudget: { minAvailable: 1 } }, 'podDisruptionBudget', unknown],
  ['a key of the events', { events: { to: 'x' } }, 'events', unknown],
  ['a key of the configuration', { config: { prefix: 'x/' } }, 'config', unknown],
  ["a key of the loader's configuration", { config: { loader: { envs: {} } } }, 'config/loader', unknown],
  [
    'a key of a rule',
    { config: { policy: { rules: [{ name: 'a', namespaces: ['a'], source: [] }] } } },
    'config/policy/rules/0',
    unknown,
  ],
  [
    'a rule without namespaces',
    { config: { policy: { rules: [{ name: 'a' }] } } },
    'config/policy/rules/0',
    /missing propert.*namespaces/,
  ],
  ['a default of no annotation', { config: { defaults: { 'mount-paht': '/m' } } }, '', /mount-paht/],
  ['a default that an operator cannot set', { config: { defaults: { source: 's3://b/k/' } } }, '', /source/],
  [
    'a prefix without its slash',
    { config: { annotationPrefix: 'models.example.io' } },
    'config/annotationPrefix',
    /pattern/,
  ],
  [
    'a prefix that would end a literal of CEL',
    { config: { annotationPrefix: "x'/" } },
    'config/annotationPrefix',
    /pattern/,
  ],
  [
    'another word for unknown annotations',
    { config: { unknownAnnotations: 'ignore' } },
    'config/unknownAnnotations',
    /deny.*warn/,
  ],
  [
    'an agent elsewhere',
    { config: { podIdentity: { uri: 'http://evil.example.com/v1/credentials' } } },
    'config/podIdentity/uri',
    /pattern/,
  ],
  ["environment that is the product's own", { config: { loader: { env: { MODEL_ROOT: '/x' } } } }, '', /MODEL_ROOT/],
  ['environment that is no name', { config: { loader: { env: { '1A': 'x' } } } }, '', /1A/],
  ['environment that is no text', { config: { loader: { env: { A: 1 } } } }, 'config/loader/env/A', /want string/],
  ['no replica', { replicas: 0 }, 'replicas', /minimum/],
  ['replicas as text', { replicas: '2' }, 'replicas', /want integer/],
  ['a digest that is none', { image: { digest: 'sha256:abc' } }, 'image/digest', /pattern/],
  ['an image without a name', { image: { repository: '' } }, 'image/repository', /minLength/],
  ['a pull policy that is none', { image: { pullPolicy: 'always' } }, 'image/pullPolicy', /Always/],
  ['a pull secret that is only a name', { imagePullSecrets: ['registry'] }, 'imagePullSecrets/0', /want object/],
  [
    'a failure profile that is none',
    { webhook: { failureProfile: 'Fail' } },
    'webhook/failureProfile',
    /fail.*ignore-guarded.*ignore/,
  ],
  ['no timeout', { webhook: { timeoutSeconds: 0 } }, 'webhook/timeoutSeconds', /minimum/],
  [
    'a timeout beyond what the API server takes',
    { webhook: { timeoutSeconds: 31 } },
    'webhook/timeoutSeconds',
    /maximum/,
  ],
  ['an old version of TLS', { webhook: { tlsMinVersion: 'TLSv1.1' } }, 'webhook/tlsMinVersion', /TLSv1\.3/],
  ['a log level that is none', { webhook: { logLevel: 'verbose' } }, 'webhook/logLevel', /trace/],
  ['a drain that takes too long', { webhook: { drainSeconds: 601 } }, 'webhook/drainSeconds', /maximum/],
  [
    'namespaces that are no list',
    { webhook: { excludedNamespaces: 'ci' } },
    'webhook/excludedNamespaces',
    /want array/,
  ],
  [
    'a selector of a field that is none',
    { webhook: { namespaceSelector: { matchLabel: {} } } },
    'webhook/namespaceSelector',
    unknown,
  ],
  ['a validation action that is none', { guard: { validationActions: ['deny'] } }, 'guard/validationActions/0', /Deny/],
  ['no validation action', { guard: { validationActions: [] } }, 'guard/validationActions', /minItems/],
  ['a port that needs privileges', { ports: { webhook: 443 } }, 'ports/webhook', /minimum/],
  ['a port that is none', { ports: { health: 65536 } }, 'ports/health', /maximum/],
  [
    'a validity that is no duration',
    { certificates: { certManager: { duration: '90d' } } },
    'certificates/certManager/duration',
    /pattern/,
  ],
  [
    'an interval that is no duration',
    { metrics: { serviceMonitor: { interval: 30 } } },
    'metrics/serviceMonitor/interval',
    /want string/,
  ],
  ['a toleration of a field that is none', { tolerations: [{ keys: 'a' }] }, 'tolerations/0', unknown],
  [
    'an affinity of a field that is none, far down',
    {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpression: [] }] },
        },
      },
    },
    'affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0',
    unknown,
  ],
  ['resources of a field that is none', { resources: { request: {} } }, 'resources', unknown],
  [
    'a security context of a field that is none',
    { securityContext: { readOnlyRootFileSystem: true } },
    'securityContext',
    unknown,
  ],
  [
    'a pod security context of a field that is none',
    { podSecurityContext: { runAsNonroot: true } },
    'podSecurityContext',
    unknown,
  ],
  [
    'a spread constraint of a field that is none',
    { topologySpreadConstraints: [{ key: 'a' }] },
    'topologySpreadConstraints/0',
    unknown,
  ],
  ['a node label that is no text', { nodeSelector: { a: true } }, 'nodeSelector/a', /want string/],
  ['an annotation that is no text', { podAnnotations: { a: 1 } }, 'podAnnotations/a', /want string/],
  ['a label that is no text', { commonLabels: { a: null, b: 1 } }, 'commonLabels/b', /want string/],
  [
    'a peer of a field that is none',
    { networkPolicy: { metricsFrom: [{ ipblock: {} }] } },
    'networkPolicy/metricsFrom/0',
    unknown,
  ],
  ['environment of a field that is none', { env: [{ name: 'A', val: 'x' }] }, 'env/0', unknown],
  ['a role that does not exist', { reader: { aggregateTo: ['viewer'] } }, 'reader/aggregateTo/0', /view/],
  ['a subject of a field that is none', { reader: { subjects: [{ group: 'sre' }] } }, 'reader/subjects/0', unknown],
]

for (const [what, values, where, why] of refusals) {
  t.test(`refused: ${what}`, async (t) => {
    const { ok, stderr } = await templateChart(values)
    t.equal(ok, false)
    t.match(stderr, new RegExp(`- at '${where === '' ? '' : `/${where}`}`), 'says where')
    t.match(stderr, why, 'says why')
  })
}

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

const contradictions: readonly (readonly [what: string, values: ChartValues, says: RegExp])[] = [
  [
    'ignore-guarded without the guard',
    { webhook: { failureProfile: 'ignore-guarded' }, guard: { enabled: false } },
    /ignore-guarded, but the guard refuses nothing: set guard\.enabled to true/,
  ],
  [
    'ignore-guarded with a guard that only warns',
    { webhook: { failureProfile: 'ignore-guarded' }, guard: { validationActions: ['Warn'] } },
    /the guard refuses nothing/,
  ],
  [
    'ignore together with the guard',
    { webhook: { failureProfile: 'ignore' } },
    /ignore, but the guard would refuse what it lets pass: set guard\.enabled to false/,
  ],
  [
    'a Secret and an issuer',
    { certificates: { secretName: 'a', caBundle: pem, certManager: { issuerRef: { name: 'b' } } } },
    /the certificate comes from one of them/,
  ],
  [
    'a Secret without its CA',
    { certificates: { secretName: 'a' } },
    /secretName is set without certificates\.caBundle/,
  ],
  [
    'a CA in base64',
    { certificates: { secretName: 'a', caBundle: Buffer.from(pem).toString('base64') } },
    /caBundle is no PEM/,
  ],
  [
    'two uses of one port',
    { ports: { webhook: 9000, health: 9000 } },
    /ports\.webhook and ports\.health are both 9000/,
  ],
]

for (const [what, values, says] of contradictions) {
  t.test(`refused: ${what}`, async (t) => {
    const { ok, stderr } = await templateChart(values)
    t.equal(ok, false)
    t.match(stderr, says)
  })
}

t.test('all contradictions are reported at once', async (t) => {
  const { stderr } = await templateChart({
    webhook: { failureProfile: 'ignore' },
    certificates: { secretName: 'a' },
    ports: { webhook: 9000, health: 9000 },
  })
  for (const says of [/the guard would refuse/, /without certificates\.caBundle/, /are both 9000/]) {
    t.match(stderr, says)
  }
})

t.test('a cluster that is too old is refused', async (t) => {
  const { ok, stderr } = await templateChart({}, { kubeVersion: '1.29.9' })
  t.equal(ok, false)
  t.match(stderr, /kubeVersion: >=1\.30\.0-0 which is incompatible/)
  t.equal((await templateChart({}, { kubeVersion: '1.30.0-eks-a1b2c3' })).ok, true)
})

t.test('helm lint has no complaint', async (t) => {
  for (const values of [
    {},
    {
      metrics: { serviceMonitor: { enabled: true } },
      events: { enabled: true },
      reader: { enabled: true },
      hostNetwork: { enabled: true },
    },
  ]) {
    const { ok, stdout } = await runHelm(['lint', '--strict', '--values', '-', chartDirectory], {
      input: JSON.stringify(values),
    })
    t.equal(ok, true, stdout)
    t.match(stdout, /0 chart\(s\) failed/)
    t.notMatch(stdout, /\[(?:WARNING|ERROR)\]/)
  }
})

t.test('every object of the schema says which keys it takes', async (t) => {
  const schema = JSON.parse(await readFile(join(chartDirectory, 'values.schema.json'), 'utf8')) as Node
  t.strictSame(openObjects(schema, ''), ['/properties/global'])
})

t.test('defaults can be given for the annotations that have one, and for no others', async (t) => {
  const schema = JSON.parse(await readFile(join(chartDirectory, 'values.schema.json'), 'utf8')) as {
    definitions: { config: { properties: { defaults: { propertyNames: { enum: string[] } } } } }
  }
  t.strictSame(
    schema.definitions.config.properties.defaults.propertyNames.enum,
    annotationNames.filter((name) => annotations[name].operator),
  )
})

interface Node {
  readonly type?: unknown
  readonly additionalProperties?: unknown
}

/** Objects that would take any key with any value. */
function openObjects(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { type, additionalProperties } = value as Node
  const isOpen = type === 'object' && (additionalProperties === undefined || additionalProperties === true)
  return [
    ...(isOpen ? [path] : []),
    ...Object.entries(value).flatMap(([key, item]) => openObjects(item, `${path}/${key}`)),
  ]
}
