/**
 * `check` in a whole cluster, with the chart installed by Helm: a right installation has no error, and every broken one its
 * finding. Each break is repaired afterwards, so that each finding is due to one thing.
 */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkCluster, findingsOf, type CheckReport } from '../../src/check/check-cluster.ts'
import { checkBefore } from '../../src/check/pre/check-pre.ts'
import type { Severity } from '../../src/diagnosis/finding.ts'
import { connectCluster } from '../../src/cluster/connect.ts'
import {
  installChart,
  RELEASE,
  upgradeChartWithoutWaiting,
  WEBHOOK_NAMESPACE,
  whenReplicasReady,
} from '../kit/cluster/cluster-chart.ts'
import { clusterTest } from '../kit/cluster/cluster-namespaces.ts'
import { prepareCluster, startCluster, type TestCluster } from '../kit/cluster/cluster.ts'
import { runPrinted } from '../kit/cluster/printed-commands.ts'
import { chartDirectory, helmBinary } from '../kit/tools/helm.ts'
import { helm3Binary } from '../kit/tools/helm-binaries.ts'
import { createCertificateAuthority } from '../kit/webhook/pki.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const webhookConfiguration = 'mutatingwebhookconfiguration/model-injector'
const reader = { kind: 'ServiceAccount', name: 'reader', namespace: 'default' }

interface JSONPatch {
  readonly op: 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

interface Break {
  readonly what: string
  readonly id: string
  readonly breaking: (cluster: TestCluster) => Promise<unknown>
}

const serviceOfWebhook = ['service', 'model-injector', '-n', WEBHOOK_NAMESPACE]
const bindingOfGuard = ['validatingadmissionpolicybinding', 'model-injector-guard']

const breaks: readonly Break[] = [
  patched('match conditions that are gone', 'match-conditions', [webhookConfiguration], {
    op: 'remove',
    path: '/webhooks/0/matchConditions',
  }),
  patched('a path of somebody else', 'webhook-path', [webhookConfiguration], {
    op: 'replace',
    path: '/webhooks/0/clientConfig/service/path',
    value: '/inject',
  }),
  patched('an objectSelector', 'object-selector', [webhookConfiguration], {
    op: 'replace',
    path: '/webhooks/0/objectSelector',
    value: { matchLabels: { team: 'ml' } },
  }),
  patched('a namespaceSelector of no namespace', 'namespace-selector', [webhookConfiguration], {
    op: 'replace',
    path: '/webhooks/0/namespaceSelector',
    value: { matchLabels: { nobody: 'has' } },
  }),
  patched('a targetPort of metrics', 'service', serviceOfWebhook, {
    op: 'replace',
    path: '/spec/ports/0/targetPort',
    value: 'http-metrics',
  }),
  patched('another port', 'service', serviceOfWebhook, { op: 'replace', path: '/spec/ports/0/port', value: 8443 }),
  patched('a selector of other pods', 'service', serviceOfWebhook, {
    op: 'replace',
    path: '/spec/selector',
    value: { app: 'other' },
  }),
  {
    what: 'a guard without its binding',
    id: 'guard-policy',
    breaking: (cluster) => cluster.kubectl(['delete', ...bindingOfGuard]),
  },
]

function patched(what: string, id: string, object: readonly string[], operation: JSONPatch): Break {
  const args = ['patch', ...object, '--type=json', '-p', JSON.stringify([operation])]
  return { what, id, breaking: (cluster) => cluster.kubectl(args) }
}

async function prepare(): Promise<void> {
  await helm3Binary()
  await prepareCluster()
}

await clusterTest(t, import.meta.filename, { prepare, tests })

async function tests(t: Test): Promise<void> {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  await t.test('before the installation the cluster is found to be ready for it, but for the agent', async (t) => {
    const report = await checkPre(cluster, {})
    t.strictSame(problemsOf(report), [['credential-source', 'warning']], detailsOf(report))
    t.strictSame(
      findingsOf(report).map(({ id }) => id),
      [
        'cluster-api',
        'release-namespace',
        'name-collision',
        'install-rights',
        'cert-manager',
        'webhook-neighbours',
        'credential-source',
      ],
    )
    t.match(findingsOf(report).find(({ id }) => id === 'cert-manager')?.what, /its webhook answers/)
    const { code, stdout } = await runCheck(cluster.controlPlane.kubeConfigFile, ['--pre', '--delivery', 'mountpoint'])
    t.equal(code, 1)
    t.match(
      stdout,
      /\n {2}ERROR {4}delivery-driver {6}the CSI driver of Mountpoint \(s3\.csi\.aws\.com\) is not there\n/,
    )
  })

  const { ok, stderr } = await installChart(cluster, { reader: { enabled: true, subjects: [reader] } })
  t.ok(ok, stderr)
  const check = (): Promise<CheckReport> => checkWith(cluster.controlPlane.kubeConfigFile)

  await t.test('a right installation has no error, and is looked at in every point', async (t) => {
    const report = await check()
    t.equal(report.username, 'admin')
    // The cluster of the tests has the agent itself, but no DaemonSet of it.
    t.strictSame(problemsOf(report), [['pod-identity-agent', 'warning']], detailsOf(report))
    t.strictSame(findingsOf(report).length, 35)
  })

  await t.test('the command says so with exit code 0', async (t) => {
    const { code, stdout } = await runCheck(cluster.controlPlane.kubeConfigFile, [])
    t.equal(code, 0)
    t.match(stdout, /\n {2}ok {7}admission {12}a pod in the namespace default gets its model\n/)
    t.match(
      stdout,
      /\n {2}ok {7}certificate-served {3}that of Secret model-injector\/model-injector-tls: model-injector-\S+,\s+model-injector-\S+\n/,
    )
    t.match(stdout, /\n1 warning, 34 ok\n$/)
  })

  await t.test('after it the same release could be upgraded, and another one not installed', async (t) => {
    t.strictSame(problemsOf(await checkPre(cluster, {})), [['credential-source', 'warning']])
    const other = findingsOf(await checkPre(cluster, { release: 'other', namespace: 'elsewhere' }))
    t.match(
      other.find(({ id }) => id === 'name-collision'),
      {
        severity: 'error',
        what: 'the MutatingWebhookConfiguration model-injector is of the release model-injector in the namespace model-injector',
        commands: ['helm uninstall model-injector -n model-injector'],
      },
    )
    const restricted = '{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}'
    await cluster.kubectl(['patch', 'namespace', WEBHOOK_NAMESPACE, '-p', restricted])
    t.match(
      findingsOf(await checkPre(cluster, {})).find(({ id }) => id === 'replica-pod'),
      { severity: 'ok' },
    )
  })

  await t.test("a reader by the chart's role gets the checks that could not be made", async (t) => {
    const kubeconfig = await kubeconfigOfReader(t, cluster)
    const report = await checkWith(kubeconfig)
    t.equal(report.username, 'system:serviceaccount:default:reader')
    t.strictSame(
      problemsOf(report).filter(([, severity]) => severity === 'error'),
      [],
      detailsOf(report),
    )
    const unchecked = findingsOf(report).filter(({ severity }) => severity === 'unchecked')
    t.strictSame(
      unchecked.map(({ id }) => id),
      [
        'certificate-trust',
        'certificate-name',
        'certificate-expiry',
        'certificate-served',
        'configuration-served',
        'admission',
        'caller-rights',
      ],
    )
    t.match(
      unchecked.find(({ id }) => id === 'admission')?.what,
      /missing permission: create pods in the namespace default$/,
    )
    t.match(
      unchecked.find(({ id }) => id === 'configuration-served')?.what,
      /missing permission: get pods\/proxy in the namespace model-injector$/,
    )
    t.match(
      unchecked.find(({ id }) => id === 'certificate-trust')?.what,
      /missing permission: get and create pods\/portforward in the namespace model-injector/,
    )
    const missing = unchecked.find(({ id }) => id === 'caller-rights')
    await runPrinted(cluster, missing?.commands ?? [], await helmBinary())
    t.strictSame(
      problemsOf(await checkWith(kubeconfig)),
      [['pod-identity-agent', 'warning']],
      'granted by the commands',
    )
  })

  await t.test('match conditions that were deleted, as an old cainjector does, are an error', async (t) => {
    await expectWhile(cluster, [{ op: 'remove', path: '/webhooks/0/matchConditions' }], async () => {
      t.strictSame(await problemsBeside(check), [['match-conditions', 'error']])
    })
  })

  await t.test('a CA bundle of somebody else is an error, and the reason why no pod is injected', async (t) => {
    const { certificateFile } = await createCertificateAuthority(t.testdir({}), 'somebody-else')
    const caBundle = await readFile(certificateFile, 'base64')
    // Without the annotation cert-manager's CA injector does not repair it at once.
    await cluster.kubectl(['annotate', webhookConfiguration, 'cert-manager.io/inject-ca-from-'])
    await expectWhile(
      cluster,
      [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: caBundle }],
      async () => {
        const report = await waitFor('the API server to take the bundle', async () => {
          const seen = await check()
          return problemsOf(seen).some(([id]) => id === 'admission') ? seen : undefined
        })
        t.strictSame(problemsOf(report), [
          ['certificate-trust', 'error'],
          ['pod-identity-agent', 'warning'],
          ['admission', 'error'],
        ])
        t.match(
          findingsOf(report).find(({ id }) => id === 'certificate-trust')?.what,
          /signed by CN=model-injector-ca, which is not in the CA bundle \(CN=somebody-else\)/,
        )
        t.match(
          findingsOf(report).find(({ id }) => id === 'admission')?.what,
          /failed calling webhook "pods\.models\.example\.io".*x509/,
        )
      },
    )
    await cluster.kubectl([
      'annotate',
      webhookConfiguration,
      `cert-manager.io/inject-ca-from=${WEBHOOK_NAMESPACE}/model-injector`,
    ])
  })

  await t.test(
    'a webhook configuration that selects kube-system, waits long or is not asked again is reported',
    async (t) => {
      const change: readonly JSONPatch[] = [
        { op: 'replace', path: '/webhooks/0/namespaceSelector', value: {} },
        { op: 'replace', path: '/webhooks/0/timeoutSeconds', value: 30 },
        { op: 'replace', path: '/webhooks/0/reinvocationPolicy', value: 'Never' },
      ]
      await expectWhile(cluster, change, async () => {
        t.strictSame(await problemsBeside(check), [
          ['namespace-selector', 'error'],
          ['reinvocation', 'warning'],
          ['timeout', 'warning'],
        ])
      })
    },
  )

  await t.test('an identity webhook that sorts before ours is an error', async (t) => {
    const configuration = JSON.parse(
      await cluster.kubectl(['get', 'mutatingwebhookconfiguration', 'pod-identity-webhook', '-o', 'json']),
    ) as { metadata: object }
    await cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ ...configuration, metadata: { name: 'amazon-pod-identity-webhook' } }),
    )
    t.strictSame(await problemsBeside(check), [['webhook-order', 'error']])
    await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'amazon-pod-identity-webhook'])
  })

  await t.test('a guard without its binding, and without itself, is reported', async (t) => {
    const binding = await cluster.kubectl([
      'get',
      'validatingadmissionpolicybinding',
      'model-injector-guard',
      '-o',
      'json',
    ])
    await cluster.kubectl(['delete', 'validatingadmissionpolicybinding', 'model-injector-guard'])
    t.strictSame(await problemsBeside(check), [['guard-policy', 'error']])
    await expectWhile(cluster, [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }], async () => {
      t.strictSame(await problemsBeside(check), [
        ['failure-policy', 'warning'],
        ['guard-policy', 'error'],
      ])
    })
    await cluster.kubectl(['create', '-f', '-'], withoutIdentity(binding))
    t.strictSame(await problemsBeside(check), [])
  })

  await t.test('a role for the service account of the webhook is reported', async (t) => {
    await cluster.kubectl([
      'create',
      'clusterrolebinding',
      'too-much',
      '--clusterrole=cluster-admin',
      `--serviceaccount=${WEBHOOK_NAMESPACE}:model-injector`,
    ])
    t.strictSame(await problemsBeside(check), [['permissions', 'warning']])
    await cluster.kubectl(['delete', 'clusterrolebinding', 'too-much'])
  })

  await t.test(
    'a configuration with a mistake is an error, before and after the replicas have refused it',
    async (t) => {
      const configMap = await cluster.kubectl([
        'get',
        'configmap',
        '-n',
        WEBHOOK_NAMESPACE,
        'model-injector',
        '-o',
        'json',
      ])
      await cluster.kubectl([
        'patch',
        'configmap',
        '-n',
        WEBHOOK_NAMESPACE,
        'model-injector',
        '--type=merge',
        '-p',
        JSON.stringify({ data: { 'config.yaml': 'colour: red\n' } }),
      ])
      const report = await check()
      t.match(
        findingsOf(report).find(({ id }) => id === 'configuration'),
        { severity: 'error', what: /ConfigMap model-injector\/model-injector, key config\.yaml: colour: unknown key/ },
      )
      t.match(
        findingsOf(report).find(({ id }) => id === 'configuration-served'),
        { severity: 'warning' },
      )
      const { data } = JSON.parse(configMap) as { data: object }
      await cluster.kubectl([
        'patch',
        'configmap',
        '-n',
        WEBHOOK_NAMESPACE,
        'model-injector',
        '--type=merge',
        '-p',
        JSON.stringify({ data }),
      ])
      await waitFor('every replica to work with the right configuration', async () =>
        (await problemsBeside(check)).length === 0 ? true : undefined,
      )
    },
  )

  for (const [name, binary] of [
    ['Helm 4', helmBinary],
    ['Helm 3', helm3Binary],
  ] as const) {
    await t.test(`each printed command repairs what it is printed for, with ${name}`, async (t) => {
      const helm = await binary()
      for (const { what, id, breaking } of breaks) {
        await breaking(cluster)
        const finding = await waitFor(`the finding ${id} for ${what}`, async () =>
          findingsOf(await check()).find((seen) => seen.id === id && seen.severity === 'error'),
        )
        await runPrinted(cluster, finding.commands ?? [], helm)
        await waitFor(`no finding after the commands for ${what}`, async () =>
          (await problemsBeside(check)).length === 0 ? true : undefined,
        ).catch(async () => {
          t.strictSame(await problemsBeside(check), [], `${what}: ${finding.commands?.join('; ') ?? 'no command'}`)
        })
        t.pass(`${what}: ${finding.what}`)
      }
    })

    await t.test(`an upgrade by ${name} finds no conflict in what was repaired`, async (t) => {
      const excluded = name.toLowerCase().replace(' ', '-')
      const upgrade = `helm upgrade ${RELEASE} ${chartDirectory} -n ${WEBHOOK_NAMESPACE} --reset-then-reuse-values --set webhook.excludedNamespaces={${excluded}}`
      await runPrinted(cluster, [upgrade], await binary())
      t.match(await cluster.kubectl(['get', webhookConfiguration, '-o', 'jsonpath={..namespaceSelector}']), excluded)
      t.strictSame(await problemsBeside(check), [])
    })
  }

  await t.test('a loader that no registry has is counted, with the words of the kubelet', async (t) => {
    await cluster.kubectl(['create', '-f', '-'], JSON.stringify(podWithoutLoader(cluster)))
    const finding = await waitFor('the finding loader-pull', async () =>
      findingsOf(await check()).find(({ id, severity }) => id === 'loader-pull' && severity === 'error'),
    )
    t.match(
      finding.what,
      /^registry\.invalid\/loader:1 cannot be pulled for 1 pod in 1 namespace, as default\/no-loader: (?:ErrImagePull|ImagePullBackOff): .*registry\.invalid/,
    )
    await cluster.kubectl(['delete', 'pod', 'no-loader', '--grace-period=0', '--force'])
    await waitFor('the pod to be gone', async () => ((await problemsBeside(check)).length === 0 ? true : undefined))
  })

  await t.test('replicas that a quota forbids are told in the words of the API server', async (t) => {
    await cluster.kubectl(['create', 'quota', 'few', '-n', WEBHOOK_NAMESPACE, '--hard=pods=2'])
    await cluster.kubectl(['rollout', 'restart', '-n', WEBHOOK_NAMESPACE, 'deployment/model-injector'])
    const finding = await waitFor('the finding replica-start', async () =>
      findingsOf(await check()).find(({ id, severity }) => id === 'replica-start' && severity === 'error'),
    )
    t.match(
      finding.what,
      /^pods are not created, FailedCreate: pods "model-injector-\S+" is forbidden: exceeded quota: few/,
    )
    t.match(finding.remedy, /raise the ResourceQuota/)
    await cluster.kubectl(['delete', 'quota', 'few', '-n', WEBHOOK_NAMESPACE])
    await cluster.kubectl(['rollout', 'status', '-n', WEBHOOK_NAMESPACE, 'deployment/model-injector'])
    await waitFor('the rollout to be complete', async () =>
      (await problemsBeside(check)).length === 0 ? true : undefined,
    )
  })

  await t.test('an upgrade to an image that is not there is stuck, and the printed command goes back', async (t) => {
    const { repository } = cluster.images.product
    const image = { repository, digest: `sha256:${'0'.repeat(64)}` }
    const upgraded = await upgradeChartWithoutWaiting(cluster, {
      image,
      reader: { enabled: true, subjects: [reader] },
    })
    t.ok(upgraded.ok, upgraded.stderr)
    const deadline = '{"spec":{"progressDeadlineSeconds":8}}'
    await cluster.kubectl(['patch', 'deployment', '-n', WEBHOOK_NAMESPACE, 'model-injector', '-p', deadline])
    const findings = await waitFor('a rollout that is stuck', async () => {
      const seen = findingsOf(await check())
      return seen.some(({ id, severity }) => id === 'rollout' && severity === 'error') ? seen : undefined
    })
    const rollout = findings.find(({ id }) => id === 'rollout')
    t.match(
      rollout?.what,
      /^stuck, ProgressDeadlineExceeded: .*; new: model-injector-\S+ \(0 of 1 ready, image .*@sha256:0+\); old: model-injector-\S+ \(2 of 2 ready, image /,
    )
    t.match(
      findings.find(({ id }) => id === 'replica-start'),
      {
        severity: 'error',
        what: /^container webhook: (?:ErrImagePull|ImagePullBackOff) of .*@sha256:0+: .* \(1 pod, as model-injector-/,
      },
    )
    await runPrinted(cluster, rollout?.commands ?? [], await helmBinary())
    await waitFor('the release of before', async () => ((await problemsBeside(check)).length === 0 ? true : undefined))
  })

  await t.test('a webhook without replicas is an error in every place where it shows', async (t) => {
    await cluster.kubectl(['scale', 'deployment', '-n', WEBHOOK_NAMESPACE, 'model-injector', '--replicas=0'])
    await whenReplicasReady(cluster, 0)
    const report = await waitFor('the endpoints to be gone, and the status of the Deployment to say so', async () => {
      const seen = await check()
      const isError = (wanted: string): boolean =>
        findingsOf(seen).some(({ id, severity }) => id === wanted && severity === 'error')
      return isError('endpoints') && isError('replicas') ? seen : undefined
    })
    t.strictSame(
      problemsOf(report),
      [
        ['certificate-served', 'unchecked'],
        ['endpoints', 'error'],
        ['replicas', 'error'],
        ['configuration-served', 'unchecked'],
        ['pod-identity-agent', 'warning'],
        ['admission', 'error'],
      ],
      'trust, name and days of the certificate are read from the Secret',
    )
    const { code } = await runCheck(cluster.controlPlane.kubeConfigFile, ['-o', 'json'])
    t.equal(code, 1)
    await cluster.kubectl(['scale', 'deployment', '-n', WEBHOOK_NAMESPACE, 'model-injector', '--replicas=2'])
    await whenReplicasReady(cluster, 2)
  })

  await t.test(
    'without the webhook configuration that alone is the error, and the printed command restores it',
    async (t) => {
      await cluster.kubectl(['delete', webhookConfiguration])
      const errors = findingsOf(await check()).filter(({ severity }) => severity === 'error')
      t.strictSame(
        errors.map(({ id }) => id),
        ['registered'],
      )
      await runPrinted(cluster, errors[0]?.commands ?? [], await helmBinary())
      await waitFor('the CA bundle of cert-manager', async () =>
        (await problemsBeside(check)).length === 0 ? true : undefined,
      )
    },
  )
}

/** As one that was injected long ago, whose loader's image has gone from its registry. */
function podWithoutLoader({ images }: TestCluster): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'no-loader', labels: { 'models.example.io/injected': 'true' } },
    spec: {
      initContainers: [{ name: 'model-loader', image: 'registry.invalid/loader:1' }],
      containers: [{ name: 'app', image: images.app }],
    },
  }
}

async function checkPre(
  { controlPlane }: TestCluster,
  change: { readonly release?: string; readonly namespace?: string },
): Promise<CheckReport> {
  const cluster = connectCluster({ kubeconfig: controlPlane.kubeConfigFile })
  const options = { release: RELEASE, namespace: WEBHOOK_NAMESPACE, withCertManager: true, delivery: undefined }
  try {
    return await checkBefore(cluster, { ...options, ...change })
  } finally {
    cluster.close()
  }
}

async function checkWith(kubeconfig: string): Promise<CheckReport> {
  const cluster = connectCluster({ kubeconfig })
  try {
    return await checkCluster(cluster, { nowMs: Date.now() })
  } finally {
    cluster.close()
  }
}

type Problem = readonly [string, Severity]

function problemsOf(report: CheckReport): readonly Problem[] {
  return findingsOf(report)
    .filter(({ severity }) => severity !== 'ok')
    .map(({ id, severity }) => [id, severity])
}

/** Findings besides those of every cluster of the tests. */
async function problemsBeside(check: () => Promise<CheckReport>): Promise<readonly Problem[]> {
  return problemsOf(await check()).filter(([id]) => id !== 'pod-identity-agent')
}

function detailsOf(report: CheckReport): string {
  return JSON.stringify(
    findingsOf(report).filter(({ severity }) => severity !== 'ok'),
    null,
    1,
  )
}

/** Changes the webhook configuration, and restores it after the expectations. */
async function expectWhile(
  cluster: TestCluster,
  change: readonly JSONPatch[],
  expectations: () => Promise<void>,
): Promise<void> {
  const before = JSON.parse(await cluster.kubectl(['get', webhookConfiguration, '-o', 'json'])) as unknown
  await cluster.kubectl(['patch', webhookConfiguration, '--type=json', '-p', JSON.stringify(change)])
  await expectations()
  const undo = change.map(({ path }) => ({
    op: 'add',
    path,
    value: path
      .slice(1)
      .split('/')
      .reduce((value, key) => (value as Record<string, unknown>)[key], before),
  }))
  await cluster.kubectl(['patch', webhookConfiguration, '--type=json', '-p', JSON.stringify(undo)])
}

function withoutIdentity(text: string): string {
  const { metadata, ...object } = JSON.parse(text) as { metadata: { name: string; labels?: object } }
  return JSON.stringify({ ...object, metadata: { name: metadata.name, labels: metadata.labels } })
}

async function kubeconfigOfReader(t: Test, cluster: TestCluster): Promise<string> {
  await cluster.kubectl(['create', 'serviceaccount', '-n', reader.namespace, reader.name])
  const token = (await cluster.kubectl(['create', 'token', '-n', reader.namespace, reader.name])).trim()
  const file = join(t.testdir({}), 'kubeconfig')
  const { controlPlane } = cluster
  const address = {
    server: controlPlane.url,
    'certificate-authority-data': Buffer.from(controlPlane.caCertificate).toString('base64'),
  }
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'reader',
      contexts: [{ name: 'reader', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: address }],
      users: [{ name: 'u', user: { token } }],
    }),
  )
  return file
}

/** Not by a helper that waits without letting go: the identity webhook of the cluster runs in this process. */
function runCheck(kubeconfig: string, args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const main = join(import.meta.dirname, '../../src/main.ts')
  const env = { PATH: process.env.PATH, COLUMNS: '200', NODE_OPTIONS: '' }
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'check', '--kubeconfig', kubeconfig, ...args], { env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout })
    })
  })
}
