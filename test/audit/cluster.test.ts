/** `audit` on a real API server: pods that were changed in every way, in every format, and the reports back in the cluster. */
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { AuditedPod, AuditSummary } from '../../src/audit/judgement.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject } from '../../src/inject/inject.ts'
import { runCLI } from '../integration/cli/run-cli.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { helmBinaries } from '../kit/tools/helm-binaries.ts'
import { podWith } from '../kit/webhook/pods.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'
import { reportCrds } from './report-crds.ts'
import { asObject, changedPods, pinnedAnnotations } from './tampered-pods.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

interface JSONAudit {
  readonly pods: readonly AuditedPod[]
  readonly summary: AuditSummary
}

t.test('in a cluster', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const directory = t.testdir({
    webhook: {},
    'empty.yaml': '',
    'strict.yaml': 'policy: {rules: [{name: others, namespaces: ["*"], sources: ["s3://other/*"]}]}',
  })
  const strict = join(directory, 'strict.yaml')
  const audit = (
    args: readonly string[],
    { config = join(directory, 'empty.yaml'), kubeconfig = controlPlane.kubeConfigFile } = {},
  ) =>
    runCLI(['audit', '--kubeconfig', kubeconfig, ...(config === '' ? [] : ['--config', config]), ...args], {
      env: { COLUMNS: '130' },
    })
  const kubectl = join(await helmBinaries(), 'kubectl')
  const kubectlApply = (reports: string): string =>
    execFileSync(
      kubectl,
      [
        ...['--kubeconfig', controlPlane.kubeConfigFile, '--cache-dir', join(directory, 'kubectl')],
        ...['apply', '--server-side', '--force-conflicts', '-f', '-'],
      ],
      { input: reports, encoding: 'utf8' },
    )
  const auditJSON = async (args: readonly string[], config?: string): Promise<JSONAudit> => {
    const { stdout, stderr } = await audit([...args, '-o', 'json'], config === undefined ? {} : { config })
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as JSONAudit
  }

  await api.createNamespace('apps')
  await api.createNamespace('many')
  for (const [name, [pod]] of Object.entries(changedPods)) await api.create(asObject(name, pod))
  await api.create(asObject('plain', { spec: { containers: [{ name: 'app', image: 'app:1' }] } }))
  await api.create(asObject('left-out', podWith(pinnedAnnotations), 'kube-system'))
  const webhook = await startWebhook(join(directory, 'webhook'))
  t.teardown(() => webhook.stop())
  await waitFor('another second', () => Promise.resolve(new Date().getMilliseconds() < 200 ? true : undefined))
  await api.create(await ourConfiguration(webhook))
  await waitFor(
    'the webhook to be called',
    async () =>
      JSON.stringify(
        (await api.tryCreate(asObject('probe', podWith(pinnedAnnotations)), { dryRun: true })).body,
      ).includes('model-loader') || undefined,
  )
  await api.create(asObject('by-the-webhook', podWith(pinnedAnnotations)))

  await t.test('every pod is judged by what was done to it', async (t) => {
    const { pods, summary } = await auditJSON(['-n', 'apps'])
    const found = Object.fromEntries(
      pods.map(({ name, judgements }) => [name, judgements.map(({ judgement }) => judgement)]),
    )
    t.strictSame(found, {
      ...Object.fromEntries(Object.entries(changedPods).map(([name, [, words]]) => [name, words])),
      'by-the-webhook': ['conforming'],
    })
    t.equal(summary.pods, Object.keys(changedPods).length + 1, 'a pod without a model is none of them')
    t.equal(
      pods.find(({ name }) => name === 'another-source')?.models[0]?.source,
      's3://elsewhere/llama/',
      'the bytes of the loader',
    )
  })

  await t.test("today's policy decides", async (t) => {
    const { pods } = await auditJSON(['-n', 'apps'], strict)
    t.ok(
      pods
        .filter(({ models }) => models.length > 0)
        .every(
          ({ name, judgements }) =>
            name === 'bad-annotation' || judgements.some(({ judgement }) => judgement === 'notAllowed'),
        ),
    )
  })

  await t.test(
    'a pod of a namespace that the webhook leaves out is missing its model, and so is one that is older; both are reported',
    async (t) => {
      const reason = (pods: readonly AuditedPod[], name: string): string | undefined =>
        pods.find((pod) => pod.name === name)?.judgements[0].reason
      const { pods } = await auditJSON(['-n', 'apps', '-n', 'kube-system'])
      t.match(
        reason(pods, 'left-out'),
        /the webhook leaves the namespace out \(not met: kubernetes\.io\/metadata\.name NotIn/,
      )
      t.match(reason(pods, 'never-injected'), /it is older than the webhook configuration, which was created /)
    },
  )

  await t.test('the table says why, and nothing hostile reaches the terminal', async (t) => {
    const { code, stdout, stderr } = await audit(['--all-namespaces', '--quiet'])
    t.equal(code, 0, stderr)
    t.match(stdout, /^NAMESPACE +POD +MODEL +JUDGEMENT\n/)
    t.match(
      stdout,
      /apps +another-source +s3:\/\/elsewhere\/llama\/ +tampered\n +tampered: parts are not those that were recorded; parts are not those of today's plan, and no other configuration makes these\n +\(spec\.initContainers\[model-loader\]\.env\[MODEL_SOURCE\]\)/,
    )
    t.notMatch(stdout, /untouched|by-the-webhook|[\u202e\u001b]/)
    t.match(
      stdout,
      /\n20 pods with models, 4 conforming, 4 missing, 2 spoofed, 9 tampered, 1 invalid, 2 outdated, 1 unpinned, 1 rewritten \(cluster https:/,
    )
  })

  await t.test('a pod of another workload that mounts the claim of a model for writing exposes it', async (t) => {
    const outcome = inject(podWith({ source: 'pvc://models/llama/1', expect: 'objects=1' }), 'shared', defaultConfig)
    if (outcome.outcome !== 'injected') throw new Error('not injected')
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'models' } }]
    const writer = { name: 'app', image: 'app:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }
    for (const namespace of ['shared', 'unshared']) {
      await api.createNamespace(namespace)
      await api.create(asObject('my-app', outcome.pod, namespace))
    }
    await api.create(asObject('writer', { spec: { containers: [writer], volumes } }, 'shared'))
    const { pods } = await auditJSON(['-n', 'shared', '-n', 'unshared'])
    t.match(pods, [
      {
        namespace: 'shared',
        judgements: [
          {
            judgement: 'exposed',
            evidence: [{ found: 'pod/writer container app mounts claim models for writing at /data' }],
          },
          { judgement: 'unpinned' },
        ],
      },
      { namespace: 'unshared', judgements: [{ judgement: 'unpinned' }, { judgement: 'conforming' }] },
    ])
  })

  await t.test('the exit code says what --fail-on names', async (t) => {
    t.match(await audit(['-n', 'apps', '--fail-on', 'spoofed,outdated']), {
      code: 1,
      stderr: 'model-injector: failed on 2 spoofed, 2 outdated\n',
    })
    t.match(await audit(['-n', 'many', '--fail-on', 'note']), { code: 0, stderr: '' })
    t.match(await audit(['-n', 'apps', '--fail-on', 'tamperd']), {
      code: 64,
      stderr: /"tamperd", neither a judgement nor a level; did you mean tampered\?/,
    })
  })

  await t.test('a user who may not list pods gets the name of a role that may', async (t) => {
    const nobody = await controlPlane.kubeConfigFor('nobody', '/CN=nobody')
    const { code, stderr } = await audit([], { kubeconfig: nobody })
    t.equal(code, 2)
    t.match(stderr, /missing permission: list pods in the whole cluster; the ClusterRole model-injector-reader has it/)
  })

  await t.test('a configuration that cannot be read is not replaced by a guess', async (t) => {
    t.match(await audit([], { config: '' }), {
      code: 2,
      stderr:
        /the configuration of the cluster cannot be read: the webhook configuration names a URL, no Service; give the one to judge by with --config FILE/,
    })
  })

  await t.test('the reports are taken as the page says, and go with their pods', async (t) => {
    for (const crd of await reportCrds()) await api.create(crd)
    const collections = [
      ['policyreport', '/apis/wgpolicyk8s.io/v1alpha2/namespaces/apps/policyreports'],
      ['openreports', '/apis/openreports.io/v1alpha1/namespaces/apps/reports'],
    ] as const
    await api.create(asObject('soon-gone', podWith(pinnedAnnotations)))
    const audited = (await auditJSON(['-n', 'apps'])).pods
    for (const [format, collection] of collections) {
      await waitFor('the definition to be served', async () =>
        (await api.request('GET', collection)).status === 200 ? true : undefined,
      )
      // The second takes the place of the first.
      for (let i = 0; i < 2; i++) kubectlApply((await audit(['-n', 'apps', '-o', format])).stdout)
      const stored = await reportsAt(api, collection)
      t.strictSame(
        stored.map(({ metadata }) => metadata?.name).toSorted(),
        audited.map(({ uid }) => `model-injector-audit-${uid ?? ''}`).toSorted(),
      )
      const total = (outcome: string): number => stored.reduce((sum, { summary }) => sum + (summary[outcome] ?? 0), 0)
      t.equal(
        ['pass', 'fail', 'warn', 'error', 'skip'].reduce((sum, outcome) => sum + total(outcome), 0),
        audited.length,
        'each pod counts once',
      )
      t.ok(
        stored.every(({ results, scope }) => results.length === 1 && scope.kind === 'Pod'),
        'nothing was pruned',
      )
    }
    await api.request('DELETE', '/api/v1/namespaces/apps/pods/soon-gone', { gracePeriodSeconds: 0 })
    for (const [format, collection] of collections) {
      const left = await waitFor(
        `the ${format} of the pod to be gone`,
        async () => {
          const stored = await reportsAt(api, collection)
          return stored.some(({ scope }) => scope.name === 'soon-gone') ? undefined : stored
        },
        // The garbage collector looks for new kinds every 30 seconds.
        { timeoutSeconds: 5 * 60 },
      )
      t.equal(left.length, audited.length - 1, 'the others stay')
    }
  })

  await t.test('hundreds of pods come in pages', async (t) => {
    const outcome = inject(podWith(pinnedAnnotations), 'many', defaultConfig)
    if (outcome.outcome !== 'injected') throw new Error('not injected')
    for (let i = 0; i < 600; i += 20) {
      await Promise.all(
        Array.from({ length: 20 }, (_, k) =>
          api.create(asObject(`app-${String(i + k).padStart(4, '0')}`, outcome.pod, 'many')),
        ),
      )
    }
    const { pods, summary } = await auditJSON(['-n', 'many'])
    t.equal(summary.conforming, 600)
    t.equal(new Set(pods.map(({ name }) => name)).size, 600)
    await writeFile(
      join(directory, 'dump.json'),
      JSON.stringify({
        ...((await api.request('GET', '/api/v1/namespaces/many/pods')).body as object),
        kind: 'PodList',
      }),
    )
    const dumped = await runCLI(['audit', '-f', join(directory, 'dump.json'), '-o', 'json'])
    t.strictSame(
      (JSON.parse(dumped.stdout) as JSONAudit).pods,
      pods.map((pod) => ({ ...pod, file: join(directory, 'dump.json') })),
      'a dump of the cluster is judged like the cluster',
    )
  })
})

interface Report extends ApiObject {
  readonly results: readonly unknown[]
  readonly summary: Readonly<Record<string, number>>
  readonly scope: { readonly kind: string; readonly name: string }
}

async function reportsAt(api: ApiClient, collection: string): Promise<readonly Report[]> {
  return ((await api.request('GET', collection)).body as { items: Report[] }).items
}
