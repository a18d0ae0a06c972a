/**
 * `check --delivery` on a real API server: what `render` prints is found to be right, one edit is found to be wrong, and the commands
 * of the finding fix it. No Trident, Karpenter or driver runs here; what they would write is written by the test. For Trident's
 * objects, of which no definition is published, the server has one that takes any field.
 */
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { findingsOf } from '../../src/check/check-cluster.ts'
import { checkDelivery } from '../../src/check/check-delivery.ts'
import type { CheckedDelivery } from '../../src/deliveries/companions.ts'
import type { Finding } from '../../src/diagnosis/finding.ts'
import { connectCluster } from '../../src/cluster/connect.ts'
import { nodeLabelFor } from '../../src/deliveries/node/inject.ts'
import { runShared } from '../integration/cli/run-shared.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { kubectlBinary } from '../kit/tools/helm.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { image, renderedVariants } from './renderings.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const controlPlane = await startControlPlane()
t.teardown(() => controlPlane.stop())
const env = {
  PATH: `${dirname(await kubectlBinary())}:${process.env.PATH ?? ''}`,
  KUBECONFIG: controlPlane.kubeConfigFile,
  HOME: t.testdir({}),
  REGISTRY_USER: 'user',
  REGISTRY_PASSWORD: 'password',
}

/** As somebody would who pastes it. */
async function shell(command: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-ec', command], { env, maxBuffer: 16 * 1024 * 1024 })).stdout
}

async function apply(...objects: readonly object[]): Promise<void> {
  for (const object of objects) {
    await shell(`cat <<'END' | kubectl apply --server-side -f -\n${JSON.stringify(object)}\nEND`)
  }
}

async function applyRendered(variant: string): Promise<void> {
  const text = (await renderedVariants()).find(({ name }) => name === variant)?.files['kubernetes.yaml'] ?? ''
  await shell(`cat <<'END' | kubectl apply --server-side -f -\n${text}\nEND`)
}

async function checkByCommand(delivery: string, ...args: readonly string[]): Promise<readonly Finding[]> {
  const { stdout, stderr } = await runShared(['check', '--delivery', delivery, 'apps', '-o', 'json', ...args], { env })
  if (stderr !== '') throw new Error(stderr)
  return (JSON.parse(stdout) as { findings: readonly Finding[] }).findings
}

const cluster = connectCluster({ kubeconfig: controlPlane.kubeConfigFile })
t.teardown(() => {
  cluster.close()
})

/** The same without a process of its own, which takes its time. */
async function check(delivery: CheckedDelivery): Promise<readonly Finding[]> {
  return findingsOf(await checkDelivery(cluster, { delivery, namespace: 'apps', named: [] }))
}

function problemsIn(findings: readonly Finding[]): readonly (readonly [string, string])[] {
  return findings.filter(({ severity }) => severity !== 'ok').map(({ id, severity }) => [id, severity] as const)
}

/** Until what is wrong is that, and no more: controllers take their time. */
async function whenProblemsAre(
  t: Test,
  problems: readonly (readonly [string, string])[],
  delivery: CheckedDelivery,
  what: string,
): Promise<readonly Finding[]> {
  let last: readonly Finding[] = []
  const isSo = async (): Promise<true | undefined> => {
    last = await check(delivery)
    return JSON.stringify(problemsIn(last)) === JSON.stringify(problems) ? true : undefined
  }
  await waitFor(what, isSo).catch(() => undefined)
  t.strictSame(
    problemsIn(last),
    problems,
    `${what}: ${JSON.stringify(
      last.filter(({ severity }) => severity !== 'ok'),
      null,
      1,
    )}`,
  )
  return last
}

interface Edit {
  readonly what: string
  readonly breaks: string | (() => Promise<unknown>)
  readonly problems: readonly (readonly [string, string])[]
  /** The repair if the finding itself has no commands, or after them. */
  readonly then?: () => Promise<unknown>
}

async function breakAndMend(t: Test, delivery: CheckedDelivery, { what, breaks, problems, then }: Edit): Promise<void> {
  await t.test(`${delivery}: ${what} is found, and fixed by its remedy`, async (t) => {
    await (typeof breaks === 'string' ? shell(breaks) : breaks())
    const findings = await whenProblemsAre(t, problems, delivery, what)
    const commands = findings
      .filter(({ severity }) => severity === 'error' || severity === 'warning')
      .flatMap(({ commands = [] }) => commands)
    t.ok(commands.length > 0 || then !== undefined, 'there is a fix')
    for (const command of commands) await shell(command)
    await then?.()
    await whenProblemsAre(t, [], delivery, `${what}, fixed`)
  })
}

const annotated = (name: string, annotations: Readonly<Record<string, string>>): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'apps' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: {
        labels: { app: name },
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`models.example.io/${key}`, value]),
        ),
      },
      spec: {
        serviceAccountName: 'my-inference-app',
        containers: [{ name: 'app', image: 'app:1', securityContext: { runAsUser: 1000 } }],
      },
    },
  },
})

const configuration = JSON.stringify({
  defaults: { image },
  cluster: { version: '1.36' },
  policy: { rules: [{ name: 'all', namespaces: ['*'], sources: ['pvc://*', 's3://*', 'node://*', 'oci://*'] }] },
})

/** The webhook is looked for, and not called: nothing serves here, and its selector selects nothing. */
await apply(
  ...['apps', 'ml', 'trident', 'model-injector'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  })),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'model-injector', namespace: 'model-injector' },
    spec: { selector: { app: 'webhook' }, ports: [{ port: 443 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'model-injector' },
    data: { 'config.yaml': configuration },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'model-injector', namespace: 'model-injector' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'webhook' } },
      template: {
        metadata: { labels: { app: 'webhook' } },
        spec: {
          containers: [
            {
              name: 'webhook',
              image,
              args: ['serve', '--config', '/etc/config/config.yaml'],
              volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: 'settings' } }],
        },
      },
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'model-injector' },
    webhooks: [
      {
        name: 'pods.models.example.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        objectSelector: { matchLabels: { nobody: 'has-it' } },
        clientConfig: { service: { namespace: 'model-injector', name: 'model-injector', path: '/mutate', port: 443 } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'my-inference-app', namespace: 'apps' } },
)

await t.test('without the definitions of Karpenter and Trident, that is the error', async (t) => {
  const fsx = await checkByCommand('claim', '--claim', 'some-model', '--from', 'model-store/some-model')
  t.match(
    fsx.find(({ id }) => id === 'trident'),
    {
      severity: 'error',
      what: /no CSIDriver csi\.trident\.netapp\.io; .*no TridentVolumeReferences; .*no TridentBackendConfigs/,
    },
  )
  const ami = await checkByCommand('node', '--path', '/opt/models/llama')
  t.match(
    ami.find(({ id }) => id === 'karpenter'),
    { severity: 'error', what: /knows no NodePools .* and no EC2NodeClasses/ },
  )
  const mountpoint = await checkByCommand('mountpoint', '--source', 's3://my-ml-bucket/llama/1.2.3/')
  t.match(
    mountpoint.find(({ id }) => id === 'csi-driver'),
    { severity: 'error', what: 'there is no CSIDriver s3.csi.aws.com' },
  )
})

await t.test('a user who may read nothing gets the missing permissions, and no finding is an error', async (t) => {
  const kubeconfig = await controlPlane.kubeConfigFor('nobody', '/CN=nobody')
  for (const [delivery, args] of [
    ['claim', ['--claim', 'llama']],
    ['mountpoint', ['--source', 's3://my-ml-bucket/llama/']],
    ['node', ['--path', '/opt/m']],
    ['image', ['--oci', image]],
  ] as const) {
    const findings = await checkByCommand(delivery, '--kubeconfig', kubeconfig, ...args)
    t.strictSame(
      problemsIn(findings).filter(([, severity]) => severity === 'error'),
      [],
      delivery,
    )
    t.match(
      findings.find(({ id }) => id === 'namespace'),
      { severity: 'unchecked', what: /missing permission: get namespaces in the whole cluster/ },
    )
    t.ok(findings.filter(({ what }) => what.includes('missing permission')).length > 2, delivery)
  }
})

await t.test('claim', async (t) => {
  await apply(...tridentDefinitions(), {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'csi.trident.netapp.io' },
    spec: {},
  })
  await shell('kubectl wait --for=condition=Established crd --all --timeout=60s')
  await applyRendered('fsx, all of it')
  await apply(annotated('reader', { source: 'pvc://some-model/versions/1.2.3' }))
  const unbound = await check('claim')
  t.strictSame(
    problemsIn(unbound),
    [
      ['trident-backend', 'error'],
      ['claim-bound', 'unchecked'],
      ['source-claim', 'error'],
    ],
    JSON.stringify(unbound, null, 1),
  )

  await shell(
    `for backend in $(kubectl get tridentbackendconfigs -n trident -o name); do kubectl patch -n trident $backend --type merge -p '{"status":{"phase":"Bound","lastOperationStatus":"Success"}}'; done`,
  )
  await provision('model-store', 'source')
  const provisionShare = (name: string) => async (): Promise<void> => provision('apps', name)
  await provisionShare('share')()
  const right = await whenProblemsAre(t, [], 'claim', 'both claims bound')
  t.match(right.find(({ id }) => id === 'volume-reference')?.what, /apps\/some-model names model-store\/some-model$/)

  const anew = (change: object) => async (): Promise<void> =>
    createAnew([{ kind: 'pvc', name: 'some-model', change: { spec: { volumeName: undefined, ...change } } }])
  const edits: readonly Edit[] = [
    {
      what: 'a blank in the list of namespaces',
      breaks:
        'kubectl annotate pvc some-model -n model-store --overwrite trident.netapp.io/shareToNamespace="ml, apps"',
      problems: [['source-shared', 'warning']],
    },
    {
      what: 'no TridentVolumeReference',
      breaks: 'kubectl delete tridentvolumereference some-model -n apps',
      problems: [['volume-reference', 'warning']],
    },
    {
      what: 'a TridentVolumeReference of another claim',
      breaks: `kubectl patch tridentvolumereference some-model -n apps --type merge -p '{"spec":{"pvcNamespace":"other"}}'`,
      problems: [['volume-reference', 'warning']],
    },
    {
      what: 'a volume that is deleted with its claim',
      breaks: `kubectl patch pv source --type merge -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'`,
      problems: [['reclaim-policy', 'warning']],
    },
    {
      what: 'nconnect alone',
      breaks: `kubectl patch storageclass models-ontap-nas --type merge -p '{"mountOptions":["nconnect=16"]}'`,
      problems: [['storage-class', 'warning']],
    },
    {
      what: 'a workload that may write',
      breaks: `kubectl create deployment writer -n apps --image app:1 --replicas=0; kubectl patch deployment writer -n apps -p '{"spec":{"template":{"spec":{"volumes":[{"name":"m","persistentVolumeClaim":{"claimName":"some-model"}}]}}}}'`,
      problems: [['read-only-mount', 'warning']],
    },
    {
      what: 'a share of another class',
      breaks: anew({ storageClassName: 'other' }),
      problems: [
        ['claim-bound', 'unchecked'],
        ['shared-class', 'error'],
      ],
      then: provisionShare('share-2'),
    },
    {
      what: 'a share that is too large',
      breaks: anew({ resources: { requests: { storage: '300Gi' } } }),
      problems: [
        ['claim-bound', 'unchecked'],
        ['shared-size', 'error'],
      ],
      then: provisionShare('share-3'),
    },
    {
      what: 'a share for one node',
      breaks: anew({ accessModes: ['ReadWriteOnce'] }),
      problems: [
        ['claim-bound', 'error'],
        ['claim-access', 'error'],
      ],
      then: provisionShare('share-4'),
    },
  ]
  for (const edit of edits) await breakAndMend(t, 'claim', edit)
  await shell('kubectl delete pvc some-model -n apps')
  const named = await checkByCommand('claim', '--claim', 'some-model', '--from', 'model-store/some-model')
  const missing = named.find(({ id }) => id === 'claim')
  t.match(missing, { severity: 'error', commands: [/kubectl create -f -$/] })
  await shell(missing?.commands?.[0] ?? 'false')
  await provision('apps', 'share-5')
  await whenProblemsAre(t, [], 'claim', 'a share that was made by the command')
})

await t.test('mountpoint', async (t) => {
  await apply(
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 's3.csi.aws.com' },
      spec: { podInfoOnMount: true, attachRequired: false },
    },
    annotated('streamer', { source: 's3://my-ml-bucket/llama/1.2.3/', delivery: 'mountpoint', region: 'eu-west-1' }),
  )
  const before = await check('mountpoint')
  t.strictSame(problemsIn(before), [['claim', 'error']], JSON.stringify(before, null, 1))
  await applyRendered('mountpoint')
  const right = await whenProblemsAre(t, [], 'mountpoint', 'claim and volume as rendered')
  const volume = right.find(({ id }) => id === 'volume-handle')?.what.split(',')[0] ?? ''
  const claim = volume.replace(/\.apps$/, '')
  const patchVolume = (spec: object): string =>
    `kubectl patch pv ${volume} --type merge -p '${JSON.stringify({ spec })}'`
  const twin = JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'twin' },
    spec: {
      accessModes: ['ReadOnlyMany'],
      capacity: { storage: '1Gi' },
      storageClassName: '',
      claimRef: { namespace: 'elsewhere', name: 'x' },
      csi: { driver: 's3.csi.aws.com', volumeHandle: volume },
    },
  })
  const both = (volumeAttributes: object) => async (): Promise<void> =>
    createAnew([
      { kind: 'pvc', name: claim },
      {
        kind: 'pv',
        name: volume,
        change: { spec: { csi: { volumeAttributes }, claimRef: { uid: undefined, resourceVersion: undefined } } },
      },
    ])
  const claimAlone =
    (change: object = {}) =>
    async (): Promise<void> =>
      createAnew([{ kind: 'pvc', name: claim, change }])
  const edits: readonly Edit[] = [
    {
      what: 'a prefix without its slash',
      breaks: patchVolume({ mountOptions: ['read-only', 'region eu-west-1', 'prefix llama/1.2.3', 'allow-other'] }),
      problems: [['mount-source', 'error']],
    },
    {
      what: 'a volume for root alone, in another region',
      breaks: patchVolume({ mountOptions: ['read-only', 'region us-east-1', 'prefix llama/1.2.3/', 'allow-other'] }),
      problems: [['mount-options', 'error']],
    },
    {
      what: 'a volume that may be written to',
      breaks: patchVolume({ mountOptions: ['region eu-west-1', 'prefix llama/1.2.3/', 'allow-other'] }),
      problems: [['mount-options', 'warning']],
    },
    {
      what: 'another volume of the same handle',
      breaks: `echo '${twin}' | kubectl create -f -`,
      problems: [['volume-handle', 'error']],
    },
    { what: 'another bucket', breaks: both({ bucketName: 'other' }), problems: [['mount-source', 'error']] },
    {
      what: "the driver's own identity",
      breaks: both({ authenticationSource: 'driver' }),
      problems: [['mount-identity', 'warning']],
    },
    {
      what: 'a claim with a storage class',
      breaks: claimAlone({ spec: { storageClassName: 'gp3', volumeName: undefined } }),
      problems: [
        ['claim-bound', 'error'],
        ['static-volume', 'error'],
      ],
    },
    { what: 'a claim that was deleted and created again', breaks: claimAlone(), problems: [['claim-bound', 'error']] },
    {
      what: 'no service account',
      breaks: 'kubectl delete serviceaccount my-inference-app -n apps',
      problems: [['service-account', 'error']],
    },
  ]
  for (const edit of edits) await breakAndMend(t, 'mountpoint', edit)
})

await t.test('node', async (t) => {
  const crds = globSync(join(import.meta.dirname, 'crds', '*.yaml'))
    .map((file) => `-f '${file}'`)
    .join(' ')
  await shell(`kubectl apply --server-side ${crds}; kubectl wait --for=condition=Established crd --all --timeout=60s`)
  await apply(annotated('baked', { source: 'node:///opt/models/llama 1.2.3' }))
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'baked', namespace: 'apps' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'baked' } } },
  }
  await apply(budget)
  t.strictSame(problemsIn(await check('node')), [['node-pool', 'error']])
  await applyRendered('ami with files')
  const names = (await shell('kubectl get nodepools,ec2nodeclasses -o name')).trim().split('\n')
  const [nodePool = '', nodeClass = ''] = ['nodepool', 'ec2nodeclass'].map(
    (kind) => names.find((name) => name.startsWith(kind))?.split('/')[1],
  )
  t.strictSame(
    problemsIn(await check('node')),
    [
      ['node-pool-ready', 'unchecked'],
      ['node-class', 'unchecked'],
      ['node-image', 'unchecked'],
    ],
    'before Karpenter has looked',
  )
  const ready = {
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  }
  const says = async (kind: string, name: string, status: object): Promise<string> =>
    shell(`kubectl patch ${kind} ${name} --subresource=status --type merge -p '${JSON.stringify({ status })}'`)
  await says('nodepool', nodePool, ready)
  await says('ec2nodeclass', nodeClass, {
    ...ready,
    amis: [
      {
        id: 'ami-01234567',
        name: 'llama',
        requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }],
      },
    ],
  })
  const right = await whenProblemsAre(t, [], 'node', 'NodePool and EC2NodeClass as rendered')
  const label = nodeLabelFor('/opt/models/llama 1.2.3', 'models.example.io/')
  t.equal(right.find(({ id }) => id === 'node-pool')?.what, `${nodePool} declares ${label}: present`)

  const patchPool = (template: object): string =>
    `kubectl patch nodepool ${nodePool} --type merge -p '${JSON.stringify({ spec: { template } })}'`
  const edits: readonly Edit[] = [
    {
      what: 'a NodePool without the label',
      breaks: patchPool({ metadata: { labels: { [label]: null } } }),
      problems: [['node-pool', 'error']],
    },
    {
      what: 'a NodePool with another value of the label',
      breaks: patchPool({ metadata: { labels: { [label]: 'true' } } }),
      problems: [['node-pool', 'error']],
    },
    {
      what: 'a NodePool without the taint',
      breaks: patchPool({ spec: { taints: null } }),
      problems: [['node-pool-taints', 'warning']],
    },
    {
      what: 'a taint that pods do not tolerate',
      breaks: patchPool({
        spec: {
          taints: [
            { key: 'models.example.io/baked', effect: 'NoSchedule' },
            { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
          ],
        },
      }),
      problems: [['node-pool-taints', 'error']],
    },
    {
      what: 'an EC2NodeClass of another name',
      breaks: patchPool({ spec: { nodeClassRef: { name: 'other' } } }),
      problems: [['node-class', 'error']],
    },
    {
      what: 'a stock image',
      breaks: `kubectl patch ec2nodeclass ${nodeClass} --type merge -p '{"spec":{"amiSelectorTerms":[{"alias":"al2023@latest"}]}}'`,
      problems: [['node-image', 'error']],
    },
    {
      what: 'no image',
      breaks: `kubectl patch ec2nodeclass ${nodeClass} --subresource=status --type merge -p '{"status":{"amis":[]}}'`,
      problems: [['node-image', 'error']],
      then: async () =>
        says('ec2nodeclass', nodeClass, {
          amis: [{ id: 'ami-2', requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] }],
        }),
    },
    {
      what: 'a namespace that forbids hostPath',
      breaks: 'kubectl label namespace apps pod-security.kubernetes.io/enforce=baseline',
      problems: [['pod-security', 'error']],
    },
    {
      what: 'no PodDisruptionBudget',
      breaks: 'kubectl delete poddisruptionbudget baked -n apps',
      problems: [['disruption-budget', 'warning']],
    },
    {
      what: 'a node with another value of the label',
      breaks: `kubectl create -f - <<END\n${JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels: { [label]: 'true' } } })}\nEND`,
      problems: [['baked-nodes', 'warning']],
      then: async () => shell('kubectl delete node node-1'),
    },
  ]
  for (const edit of edits) await breakAndMend(t, 'node', edit)
})

await t.test('image', async (t) => {
  await apply(annotated('pulled', { source: `oci://${image}#models` }))
  await shell(
    'kubectl apply --server-side -f - <<END\n{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-2"}}\nEND',
  )
  const runs = async (containerRuntimeVersion: string): Promise<string> =>
    shell(
      `kubectl patch node node-2 --subresource=status --type merge -p '${JSON.stringify({
        status: {
          nodeInfo: {
            containerRuntimeVersion,
            kubeletVersion: 'v1.36.0',
            operatingSystem: 'linux',
            architecture: 'amd64',
            bootID: '',
            machineID: '',
            systemUUID: '',
            kernelVersion: '',
            osImage: '',
            kubeProxyVersion: '',
          },
        },
      })}'`,
    )
  await runs('containerd://2.1.4')
  const right = await whenProblemsAre(t, [], 'image', 'a cluster with image volumes')
  t.match(right.find(({ id }) => id === 'image-volumes')?.what, /^v1\.\d+\.\d+ keeps them$/)
  await breakAndMend(t, 'image', {
    what: 'an old containerd',
    breaks: async () => runs('containerd://1.7.27'),
    problems: [['node-runtime', 'error']],
    then: async () => runs('containerd://2.1.4'),
  })
  await breakAndMend(t, 'image', {
    what: 'a pull secret that is not there',
    breaks: `kubectl patch serviceaccount my-inference-app -n apps --type merge -p '{"imagePullSecrets":[{"name":"pull"}]}'`,
    problems: [['pull-secrets', 'error']],
  })
})

interface Recreated {
  readonly kind: 'pvc' | 'pv'
  readonly name: string
  readonly change?: object
}

/** Deletes them all, and creates them again with the changes. */
async function createAnew(wanted: readonly Recreated[]): Promise<void> {
  const anew = await Promise.all(
    wanted.map(async ({ kind, name, change = {} }) => {
      const {
        apiVersion,
        kind: realKind,
        metadata,
        spec,
      } = JSON.parse(await shell(`kubectl get ${kind} ${name} -n apps -o json`)) as Record<
        string,
        Record<string, unknown>
      >
      const { namespace, annotations = {} } = metadata as { namespace?: string; annotations?: Record<string, string> }
      const own = Object.fromEntries(
        Object.entries(annotations).filter(([key]) => key.startsWith('trident.netapp.io/')),
      )
      return merge({ apiVersion, kind: realKind, metadata: { name, namespace, annotations: own }, spec }, change)
    }),
  )
  for (const { kind, name } of wanted) await shell(`kubectl delete ${kind} ${name} -n apps`)
  for (const object of anew.toReversed()) await shell(`kubectl create -f - <<'END'\n${JSON.stringify(object)}\nEND`)
}

/** Undefined takes a field away. */
function merge(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change
  const base = (target ?? {}) as Record<string, unknown>
  return {
    ...base,
    ...Object.fromEntries(Object.entries(change).map(([key, value]) => [key, merge(base[key], value)])),
  }
}

/** As Trident would: a volume for the claim, which the controller binds. */
async function provision(namespace: string, volume: string): Promise<void> {
  const claim = JSON.parse(await shell(`kubectl get pvc some-model -n ${namespace} -o json`)) as {
    metadata: { uid: string }
    spec: { accessModes: string[]; storageClassName: string }
  }
  await apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume },
    spec: {
      accessModes: claim.spec.accessModes,
      capacity: { storage: '200Gi' },
      storageClassName: claim.spec.storageClassName,
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace,
        name: 'some-model',
        uid: claim.metadata.uid,
      },
      csi: { driver: 'csi.trident.netapp.io', volumeHandle: volume, volumeAttributes: { protocol: 'file' } },
    },
  })
  await shell(`kubectl wait pvc some-model -n ${namespace} --for=jsonpath='{.status.phase}'=Bound --timeout=60s`)
}

function tridentDefinitions(): readonly object[] {
  return ['TridentVolumeReference', 'TridentBackendConfig', 'TridentVolume'].map((kind) => {
    const [plural, singular] = [`${kind.toLowerCase()}s`, kind.toLowerCase()]
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.trident.netapp.io` },
      spec: {
        group: 'trident.netapp.io',
        scope: 'Namespaced',
        names: { kind, plural, singular },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    }
  })
}
