/** A real API server takes every object of the chart, and Helm installs, changes and removes it there. */
import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { chartCrds } from '../kit/cluster/crds.ts'
import {
  chartDirectory,
  kubectlBinary,
  objectOf,
  renderChart,
  runHelm,
  valueIn,
  type HelmResult,
  type RenderOptions,
  type ChartValues,
} from '../kit/tools/helm.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const pem = '-----BEGIN CERTIFICATE-----\nMIIBdDCCARmgAwIBAgIUe0\n-----END CERTIFICATE-----\n'
const everything = {
  commonLabels: { team: 'ml' },
  replicas: 3,
  podAnnotations: { a: 'b' },
  podLabels: { c: 'd' },
  imagePullSecrets: [{ name: 'registry' }],
  image: { repository: 'registry.example.com/mi', digest: `sha256:${'0123456789abcdef'.repeat(4)}` },
  webhook: {
    excludedNamespaces: ['ci'],
    namespaceSelector: { matchLabels: { models: 'yes' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
    annotations: { note: 'x' },
    timeoutSeconds: 10,
    drainSeconds: 20,
  },
  tolerations: [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }],
  nodeSelector: { pool: 'system' },
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: { topologyKey: 'rack', labelSelector: { matchLabels: { a: 'b' } } } },
      ],
    },
  },
  resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '2Gi' } },
  env: [
    { name: 'A', value: 'b' },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  networkPolicy: {
    metricsFrom: [
      { namespaceSelector: { matchLabels: { a: 'b' } }, podSelector: {} },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
    ],
  },
  metrics: {
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    prometheusRule: { enabled: true },
    dashboard: { enabled: true },
  },
  reader: {
    enabled: true,
    aggregateTo: ['view'],
    subjects: [
      { kind: 'Group', name: 'sre', apiGroup: 'rbac.authorization.k8s.io' },
      { kind: 'ServiceAccount', name: 'ci', namespace: 'ci' },
    ],
  },
  events: { enabled: true },
  guard: { contact: "it's us: #ml" },
}

const installations: readonly (readonly [name: string, values: ChartValues, options?: RenderOptions])[] = [
  ['the defaults', {}],
  ['everything that can be switched on', everything],
  [
    'the host network',
    { hostNetwork: { enabled: true }, ports: { webhook: 10260, health: 19090 } },
    { namespace: 'platform' },
  ],
  ['a given Secret', { certificates: { secretName: 'given', caBundle: pem } }],
  [
    'an issuer that exists',
    { certificates: { certManager: { issuerRef: { name: 'corporate', kind: 'ClusterIssuer' } } } },
  ],
  ['the profile ignore-guarded', { webhook: { failureProfile: 'ignore-guarded' } }],
  ['the profile ignore', { webhook: { failureProfile: 'ignore' }, guard: { enabled: false } }],
  ['another prefix', { config: { annotationPrefix: 'a.b-c.example.com/' } }],
  [
    'a configuration in full',
    {
      config: {
        unknownAnnotations: 'warn',
        openshift: true,
        sidecars: ['x'],
        defaults: { region: 'eu-west-1', delivery: 'mountpoint', volume: 'memory' },
        policy: { rules: [{ name: 'a', namespaces: ['*'] }] },
      },
    },
  ],
  [
    'as little as possible',
    {
      replicas: 1,
      topologySpreadConstraints: [],
      networkPolicy: { enabled: false },
      serviceAccount: { create: false },
      placement: { enabled: false },
      guard: { enabled: false },
      priorityClassName: '',
    },
  ],
  ['another release in another namespace', {}, { release: 'prod', namespace: 'platform' }],
  ['a long name of the release', { events: { enabled: true } }, { release: 'r'.repeat(53) }],
]

t.test('on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const kubectl = async (args: readonly string[], objects: readonly ApiObject[] = []): Promise<HelmResult> =>
    await runKubectl(
      controlPlane.kubeConfigFile,
      args,
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    )
  const helm = async (args: readonly string[], values: ChartValues = {}): Promise<HelmResult> =>
    await runHelm(args, { input: JSON.stringify(values), kubeConfigFile: controlPlane.kubeConfigFile })

  await api.createNamespace('model-injector', { 'pod-security.kubernetes.io/enforce': 'restricted' })
  await api.createNamespace('platform')
  await kubectl(['apply', '--server-side', '-f', '-'], await chartCrds())
  const established = await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all'])
  t.equal(established.stdout.trim().split('\n').length, 4, established.stderr)

  for (const [name, values, options] of installations) {
    await t.test(`it takes the objects of ${name}`, async (t) => {
      const objects = await renderChart(values, { hooks: true, ...options })
      const { stdout, stderr } = await kubectl(
        ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-o', 'name', '-f', '-'],
        objects,
      )
      const taken = stdout.trim().split('\n')
      for (const { kind, metadata } of objects) {
        const line = new RegExp(`^${kind.toLowerCase()}(?:\\.[a-z0-9.-]+)?/${metadata?.name ?? ''}$`)
        t.ok(
          taken.some((found) => line.test(found)),
          `${kind} ${metadata?.name ?? ''}: ${stderr}`,
        )
      }
      t.equal(taken.length, objects.length)
      t.equal(stderr, '', 'and has nothing to say')
    })
  }

  await t.test('it would notice a field that does not exist', async (t) => {
    const objects = (await renderChart())
      .filter(({ kind }) => kind === 'Deployment')
      .map((object) => ({ ...object, spec: { ...(object.spec as object), replica: 1 } }))
    const { ok, stderr } = await kubectl(
      ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'],
      objects,
    )
    t.equal(ok, false)
    t.match(stderr, /replica/)
  })

  await t.test('the pods are welcome in a namespace of the restricted Pod Security Standard', async (t) => {
    const objects = await renderChart({}, { hooks: true })
    await kubectl(['apply', '--server-side', '-f', '-'], [objectOf(objects, 'ServiceAccount')])
    for (const pod of [podOf(objectOf(objects, 'Deployment')), objectOf(objects, 'Pod')]) {
      const { status, body } = await api.tryCreate(pod, { dryRun: true })
      t.equal(status, 201, JSON.stringify(body))
    }
    const onHost = await api.tryCreate(
      podOf(objectOf(await renderChart({ hostNetwork: { enabled: true } }), 'Deployment')),
      { dryRun: true },
    )
    t.match(
      onHost.body,
      { message: /violates PodSecurity "restricted:latest": host namespaces/ },
      'those of the host network are not',
    )
  })

  await t.test('Helm installs, changes, takes back and removes it', async (t) => {
    const namespace = ['--namespace', 'platform']
    const done = async (args: readonly string[], values?: ChartValues): Promise<void> => {
      const { ok, stderr } = await helm(args, values)
      t.ok(ok, `helm ${args[0] ?? ''}: ${stderr}`)
    }
    const flags = [...namespace, '--values', '-']
    await done(['install', 'model-injector', chartDirectory, ...flags])
    const installed = await identities(api, 'platform')
    await done(['upgrade', 'model-injector', chartDirectory, ...flags], everything)
    t.equal(valueIn((await deployment(api, 'platform')).body, 'spec.replicas'), 3)
    await done(['upgrade', 'model-injector', chartDirectory, ...flags], {
      hostNetwork: { enabled: true },
      certificates: { secretName: 'given', caBundle: pem },
    })
    await done(['rollback', 'model-injector', '1', ...namespace])
    t.strictSame(await identities(api, 'platform'), installed, 'the same objects, not new ones of the same names')

    const second = await helm(['install', 'second', chartDirectory, '--namespace', 'model-injector', '--values', '-'])
    t.equal(second.ok, false, 'there is one in a cluster')
    t.match(second.stderr, /model-injector.*(?:exists|ownership)/s)

    await done(['uninstall', 'model-injector', ...namespace])
    const kinds =
      'mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,deployments,services,serviceaccounts,configmaps,certificates,issuers,networkpolicies,poddisruptionbudgets,servicemonitors,clusterroles,clusterrolebindings'
    await waitFor('everything to be gone', async () => {
      const { stdout } = await kubectl([
        'get',
        kinds,
        '--all-namespaces',
        '-o',
        'name',
        '-l',
        'app.kubernetes.io/instance=model-injector,app.kubernetes.io/managed-by=Helm',
      ])
      const left = stdout
        .trim()
        .split('\n')
        .filter((line) => line !== '' && line !== 'serviceaccount/model-injector')
      return left.length === 0 ? true : undefined
    })
  })
})

function podOf(deployment: ApiObject): ApiObject {
  const template = valueIn(deployment, 'spec.template') as { metadata: object; spec: object }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'webhook', namespace: deployment.metadata?.namespace ?? '', ...template.metadata },
    spec: template.spec,
  }
}

async function deployment(api: ApiClient, namespace: string): Promise<{ body: unknown }> {
  return await api.request('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/model-injector`)
}

/** By which the API server knows whether an object was changed or replaced. */
async function identities(api: ApiClient, namespace: string): Promise<unknown[]> {
  // Not the Certificate: it is removed while a Secret is given, and made again.
  const answers = await Promise.all(
    [
      `/apis/apps/v1/namespaces/${namespace}/deployments/model-injector`,
      `/api/v1/namespaces/${namespace}/services/model-injector`,
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/model-injector',
    ].map((path) => api.request('GET', path)),
  )
  return answers.map(({ body }) => valueIn(body, 'metadata.uid') ?? body)
}

/** Its cache goes where the control plane's files are, not into the directory that the test runs in. */
async function runKubectl(kubeConfigFile: string, args: readonly string[], input: string): Promise<HelmResult> {
  const running = promisify(execFile)(await kubectlBinary(), ['--kubeconfig', kubeConfigFile, ...args], {
    env: { HOME: dirname(kubeConfigFile) },
    maxBuffer: 64 * 1024 * 1024,
  })
  running.child.stdin?.end(input)
  return await running.then(
    ({ stdout, stderr }) => ({ ok: true, stdout, stderr }),
    (error: unknown) => ({ ok: false, stdout: '', stderr: '', ...(error as object) }),
  )
}
