/** Admissions as others see them: the audit log, Events and metrics of a real API server, and the queries that docs/queries.md shows. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane, type ControlPlane } from '../kit/cluster/control-plane.ts'
import { kubectlBinary, objectOf, renderChart } from '../kit/tools/helm.ts'
import { placeJq } from '../kit/tools/jq.ts'
import {
  alertGroups,
  dashboardExpressions,
  metricsIn,
  ownMetrics,
  readDashboard,
  seriesIn,
} from '../kit/webhook/monitoring.ts'
import { promtool } from '../kit/tools/promtool.ts'
import { readMetric } from '../kit/webhook/server-kit.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { startWebhook, type WebhookProcess } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const prefix = 'models.example.io'
const source = 's3://models/llama/1.2.3/'
const annotated = { [`${prefix}/source`]: source, [`${prefix}/size`]: '1Gi', [`${prefix}/expect`]: 'objects=1' }
const configuration = `policy: {rules: [{name: everybody, namespaces: ['*'], sources: ['s3://models/*', 's3://other/*']}]}`

const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Metadata', verbs: ['create'], resources: [{ group: '', resources: ['pods'] }] },
    { level: 'Metadata', resources: [{ group: 'admissionregistration.k8s.io' }] },
    { level: 'None' },
  ],
}

interface AuditEvent {
  readonly verb: string
  readonly objectRef?: { readonly namespace?: string; readonly name?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

interface World {
  readonly controlPlane: ControlPlane
  readonly api: ApiClient
  readonly webhook: WebhookProcess
  readonly auditLog: string
  /** The annotations of ours for a pod that was created under this name. */
  readonly audited: (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>
  readonly kubectl: (...args: string[]) => Promise<string>
}

t.test('on a real API server', { timeout }, async (t) => {
  const world = await build(t)
  const { api, audited, kubectl } = world
  await api.createNamespace('apps')

  await t.test(
    'the audit log has the decision, the reason, the sources, the rule and the configuration of an injected pod',
    async (t) => {
      await api.create(podIn('apps', 'injected', annotated))
      const found = await audited('apps', 'injected')
      t.match(found['config-hash'], /^[0-9a-f]{16}$/)
      t.strictSame(
        { ...found, 'config-hash': '' },
        { decision: 'injected', reason: 'Injected', sources: source, rule: 'everybody', 'config-hash': '' },
      )
    },
  )

  await t.test('the audit log has the reason and the sources of a denied pod', async (t) => {
    const { status } = await api.tryCreate(
      podIn('apps', 'denied', { ...annotated, [`${prefix}/size`]: 'x', [`${prefix}/source.b`]: 'ftp://b' }),
    )
    t.equal(status, 422)
    t.match(await audited('apps', 'denied'), {
      decision: 'denied',
      reason: 'InvalidAnnotation',
      sources: `${source},ftp://b`,
    })
  })

  await t.test('the audit log has the rules that refused a pod', async (t) => {
    const { status } = await api.tryCreate(
      podIn('apps', 'not-allowed', { ...annotated, [`${prefix}/source`]: 's3://forbidden/1/' }),
    )
    t.equal(status, 422)
    t.match(await audited('apps', 'not-allowed'), {
      decision: 'denied',
      reason: 'NotAllowed',
      sources: 's3://forbidden/1/',
      rule: 'everybody',
    })
  })

  await t.test('a long list of sources reaches the audit log cut', async (t) => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`${prefix}/source.m${i}`, `s3://other/${'x'.repeat(120)}/${i}/`]),
    )
    await api.create(
      podIn('apps', 'many', {
        ...annotated,
        ...many,
        ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${prefix}/expect.m${i}`, 'objects=1'])),
      }),
    )
    const { sources = '' } = await audited('apps', 'many')
    t.equal(Buffer.byteLength(sources), 2048)
    t.match(sources, /…$/)
  })

  await t.test('a denied pod of a Deployment has an Event on its ReplicaSet', async (t) => {
    await api.create(deploymentIn('apps', 'broken', { ...annotated, [`${prefix}/mount-pth`]: '/x' }))
    const lines = await waitFor('the Event', async () => {
      const text = await kubectl(
        'get',
        'events',
        '-n',
        'apps',
        '--field-selector',
        'type=Warning,involvedObject.kind=ReplicaSet,reportingComponent=models.example.io/model-injector',
        '--no-headers',
      )
      return text.includes('UnknownAnnotation') ? text : undefined
    })
    t.match(lines, /Warning\s+UnknownAnnotation\s+replicaset\/broken-\S+\s+model-injector: 1 problem; .*mount-pth/)
    const described = await kubectl('describe', 'replicaset', '-n', 'apps', '-l', 'app=broken')
    t.match(described, /UnknownAnnotation .*models\.example\.io\/model-injector/)
  })

  await t.test('the injection of a Deployment has an Event on its ReplicaSet', async (t) => {
    await api.create(deploymentIn('apps', 'fine', annotated))
    const text = await waitFor('the Event', async () => {
      const found = await kubectl(
        'get',
        'events',
        '-n',
        'apps',
        '--field-selector',
        'type=Normal,reason=Injected',
        '--no-headers',
      )
      return found.includes('replicaset/fine') ? found : undefined
    })
    t.match(
      text,
      /Normal\s+Injected\s+replicaset\/fine-\S+\s+model-injector: pods get model from s3:\/\/models\/llama\/1\.2\.3\/ by download; allowed by everybody/,
    )
  })

  await t.test('many pods of one owner are one Event that counts, and a dry run is none', async (t) => {
    await api.createNamespace('storm')
    const tries = 200
    const owned = (name: string, owner: string): ApiObject =>
      podIn(
        'storm',
        name,
        { ...annotated, [`${prefix}/size`]: 'x' },
        { apiVersion: 'batch/v1', kind: 'Job', name: owner, uid: owner, controller: true },
      )
    t.equal((await api.tryCreate(owned('dry', 'dry-owner'), { dryRun: true })).status, 422)
    const start = performance.now()
    // A busy webhook may answer after the API server's patience, which is no denial yet.
    const deny = async (i: number): Promise<void> => {
      await waitFor(`the denial of p${i}`, async () =>
        (await api.tryCreate(owned(`p${i}`, 'storm-owner'))).status === 422 ? true : undefined,
      )
    }
    await Promise.all(Array.from({ length: tries }, (_, i) => deny(i)))
    t.comment(`${tries} denials in ${Math.round(performance.now() - start)} ms`)
    const events = await waitFor('the count', async () => {
      const found = await eventsIn(api, 'storm')
      return (found[0]?.series?.count ?? 0) >= tries ? found : undefined
    })
    t.equal(events.length, 1)
    t.match(events[0], {
      regarding: { kind: 'Job', name: 'storm-owner', uid: 'storm-owner', namespace: 'storm' },
      type: 'Warning',
      reason: 'InvalidAnnotation',
      action: 'Deny',
    })
  })

  await t.test('metrics of API servers that dashboard and alerts name are called so', async (t) => {
    await api.createNamespace('outage')
    const configuration = await webhookConfiguration({
      url: 'https://127.0.0.1:9/mutate',
      caCertificate: world.webhook.caCertificate,
    })
    await kubectlApply(world, [configuration])
    await waitFor('a refusal', async () =>
      (await api.tryCreate(podIn('outage', 'refused', annotated))).status === 500 ? true : undefined,
    )
    const ignoring = {
      ...configuration,
      webhooks: (configuration.webhooks as Record<string, unknown>[]).map((one) => ({
        ...one,
        failurePolicy: 'Ignore',
      })),
    }
    await kubectlApply(world, [ignoring])
    await waitFor('a pod that is passed over', async () =>
      (await api.tryCreate(podIn('outage', 'passed-over', annotated))).status === 201 ? true : undefined,
    )
    await kubectlApply(world, [await webhookConfiguration(world.webhook)])

    const known = seriesIn((await api.request('GET', '/metrics')).body as string)
    const named = new Set((await expressions()).flatMap(metricsIn).filter((name) => name.startsWith('apiserver_')))
    t.strictSame(
      [...named].filter((name) => !known.has(name)),
      [],
    )
    for (const name of named) {
      t.ok(known.get(name)?.get('name')?.has('pods.models.example.io'), `${name} has our webhook as a label`)
    }
    const errors = known.get('apiserver_admission_webhook_rejection_count')!.get('error_type')!
    t.ok(errors.has('no_error') && errors.has('calling_webhook_error'), [...errors].join(' '))
  })

  await t.test('the queries of the docs', async (t) => {
    await queries(t, world)
  })

  await t.test('a webhook that may not write Events counts that and goes on admitting', async (t) => {
    await kubectl('delete', 'clusterrolebinding', 'model-injector-events')
    const failed = await waitFor('the failure to be counted', async () => {
      const pod = podIn('apps', `unheard-${Date.now()}`, annotated, {
        apiVersion: 'batch/v1',
        kind: 'Job',
        name: 'x',
        uid: `x-${Date.now()}`,
        controller: true,
      })
      t.equal((await api.tryCreate(pod)).status, 201)
      const text = await (await fetch(`${world.webhook.healthUrl}/metrics`)).text()
      return (readMetric(text, 'model_injector_events_total{result="failed"}') ?? 0) > 0 ? text : undefined
    })
    t.ok((readMetric(failed, 'model_injector_events_total{result="sent"}') ?? 0) > 2)
    t.equal(readMetric(failed, 'model_injector_events_total{result="dropped"}'), 0)
  })
})

async function build(t: Test): Promise<World> {
  const directory = t.testdir()
  const [policyFile, auditLog] = [join(directory, 'policy.yaml'), join(directory, 'audit.log')]
  await writeFile(policyFile, stringify(auditPolicy))
  const controlPlane = await startControlPlane({
    apiServerFlags: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${auditLog}`],
  })
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const binary = await kubectlBinary()
  const kubectl = async (...args: string[]): Promise<string> =>
    (
      await promisify(execFile)(
        binary,
        ['--kubeconfig', controlPlane.kubeConfigFile, '--cache-dir', join(directory, 'kubectl-cache'), ...args],
        { maxBuffer: 64 * 1024 * 1024 },
      )
    ).stdout
  const account = await serviceAccount(api, { kubectl, directory, controlPlane })
  const webhook = await startWebhook(directory, configuration, account)
  t.teardown(() => webhook.stop())
  const audited = (namespace: string, name: string): Promise<Readonly<Record<string, string>>> =>
    waitFor(`${name} in the audit log`, async () => {
      const line = (await auditEvents(auditLog)).find(
        ({ objectRef }) => objectRef?.namespace === namespace && objectRef.name === name,
      )
      return line === undefined ? undefined : ours(line)
    })
  const world = { controlPlane, api, webhook, auditLog, audited, kubectl }
  await kubectlApply(world, [await webhookConfiguration(webhook)])
  await waitFor('the webhook to be called', async () => {
    const { body } = await api.tryCreate(podIn('default', 'probe', annotated), { dryRun: true })
    return JSON.stringify(body).includes('model-loader') ? true : undefined
  })
  return world
}

/** The token and files that the kubelet would give the webhook's pod, with the permissions that the chart grants. */
async function serviceAccount(
  api: ApiClient,
  { kubectl, directory, controlPlane }: Pick<World, 'kubectl' | 'controlPlane'> & { directory: string },
): Promise<{ args: string[]; env: Record<string, string> }> {
  await api.createNamespace('model-injector')
  const objects = await renderChart({ events: { enabled: true } })
  const granted = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'ConfigMap'].map((kind) =>
    objectOf(objects, kind),
  )
  const file = join(directory, 'granted.json')
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: granted }))
  await kubectl('apply', '-f', file)
  const mounted = join(directory, 'account')
  await mkdir(mounted)
  await writeFile(join(mounted, 'token'), await kubectl('create', 'token', '-n', 'model-injector', 'model-injector'))
  await writeFile(join(mounted, 'ca.crt'), controlPlane.caCertificate)
  const { hostname, port } = new URL(controlPlane.url)
  return {
    args: ['--events', '--service-account-dir', mounted],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  }
}

async function webhookConfiguration({
  url,
  caCertificate,
}: Pick<WebhookProcess, 'url' | 'caCertificate'>): Promise<ApiObject> {
  const rendered = objectOf(await renderChart({ events: { enabled: true } }), 'MutatingWebhookConfiguration')
  const clientConfig = { url, caBundle: Buffer.from(caCertificate).toString('base64') }
  return {
    ...rendered,
    webhooks: (rendered.webhooks as Record<string, unknown>[]).map((one) => ({ ...one, clientConfig })),
  }
}

async function kubectlApply(
  { kubectl, auditLog }: Pick<World, 'kubectl' | 'auditLog'>,
  items: readonly ApiObject[],
): Promise<void> {
  const file = `${auditLog}.apply.json`
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', file)
}

async function auditEvents(file: string): Promise<readonly AuditEvent[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as AuditEvent)
}

function ours({ annotations = {} }: AuditEvent): Readonly<Record<string, string>> {
  const own = 'pods.models.example.io/'
  return Object.fromEntries(
    Object.entries(annotations)
      .filter(([key]) => key.startsWith(own))
      .map(([key, value]) => [key.slice(own.length), value]),
  )
}

interface EventObject {
  readonly series?: { readonly count: number }
  readonly reason: string
}

async function eventsIn(api: ApiClient, namespace: string): Promise<readonly EventObject[]> {
  return (
    (await api.request('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`)).body as { items: EventObject[] }
  ).items
}

async function expressions(): Promise<readonly string[]> {
  const { groups } = await alertGroups()
  return [
    ...dashboardExpressions(await readDashboard()).map(([, expr]) => expr),
    ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
  ]
}

/** The answer to each query of the page here, in the page's order. */
const answers: readonly (readonly [about: string, found: RegExp, notFound?: RegExp])[] = [
  ['pods of the model', /^apps\tinjected\tmodel\ts3:\/\/models\/llama\/1\.2\.3\/\tdownload$/m, /another/],
  ['creations with the model', /^\d{4}-\S+Z\tapps\tinjected\tadmin$/m, /another|denied/],
  ['pods by source', /^s3:\/\/other\/9\.9\/\t1\tapps$/m],
  ['workloads of the version', /^Deployment\tapps\tfine\ts3:\/\/models\/llama\/1\.2\.3\/$/m],
  ['pods by configuration', /^[0-9a-f]{16}\t\d+$/m],
  [
    'denials',
    /^\S+Z\tapps\tadmin\tInvalidAnnotation\ts3:\/\/models\/llama\/1\.2\.3\/,ftp:\/\/b\t-$[^]*^\S+Z\tapps\tadmin\tNotAllowed\ts3:\/\/forbidden\/1\/\teverybody$/m,
    /Injected/,
  ],
  ['denials in full', /^apps\t.*models\.example\.io\/size\]: "x" is not a Kubernetes quantity/m],
  ['denials counted', /^20[01]\tInvalidAnnotation\tstorm$/m],
  ['Events', /Warning\s+UnknownAnnotation\s+replicaset\/broken-/],
  ['pods without their model', /^outage\tpassed-over\t\d{4}-/m, /opted-out|injected/],
  ['pods that opted out', /^apps\topted-out$/m, /passed-over/],
  ['creations that were passed over', /^\S+Z\toutage\tpassed-over\tadmin$/m, /injected/],
  ['changes of the webhook', /^\S+Z\tpatch\tadmin$/m],
  ['service accounts', /^apps\treader\ts3:\/\/other\/9\.9\/$/m],
  ['the policy', /^annotationPrefix: models\.example\.io\/$/m],
]

async function queries(t: Test, world: World): Promise<void> {
  const { api, controlPlane, auditLog } = world
  await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: 'apps' } })
  await waitFor('the webhook to be called again', async () => {
    const { body } = await api.tryCreate(podIn('default', 'probe', annotated), { dryRun: true })
    return JSON.stringify(body).includes('model-loader') ? true : undefined
  })
  await api.create(
    podIn('apps', 'another', {
      ...annotated,
      [`${prefix}/source`]: 's3://other/9.9/',
      [`${prefix}/service-account`]: 'reader',
    }),
  )
  await api.create(podIn('apps', 'opted-out', { ...annotated, [`${prefix}/inject`]: 'false' }))
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'queries.md'), 'utf8')
  const blocks = (language: string): string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block)
  const bin = `${auditLog}.bin`
  await placeJq(bin)
  await writeFile(
    join(bin, 'kubectl'),
    `#!/bin/sh\nexec '${await kubectlBinary()}' --kubeconfig '${controlPlane.kubeConfigFile}' --cache-dir '${auditLog}.cache' "$@"\n`,
  )
  await chmod(join(bin, 'kubectl'), 0o755)

  const shell = blocks('sh')
  t.equal(shell.length, answers.length, 'every query is tested')
  for (const [i, [about, found, notFound]] of answers.entries()) {
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` }
    const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', shell[i]!], {
      cwd: join(auditLog, '..'),
      env,
      maxBuffer: 64 * 1024 * 1024,
    })
    t.match(stdout, found, `${about}: ${stderr}`)
    if (notFound !== undefined) t.notMatch(stdout, notFound, about)
  }

  const promql = blocks('promql')
  t.ok(promql.length >= 5)
  const known = new Set([
    ...(await ownMetrics()).keys(),
    ...seriesIn((await api.request('GET', '/metrics')).body as string).keys(),
  ])
  for (const expr of promql) {
    t.strictSame(
      metricsIn(expr).filter((name) => !known.has(name)),
      [],
      expr,
    )
  }
  const rules = promql.map((expr, i) => ({ record: `docs:${i}`, expr }))
  await writeFile(`${auditLog}.rules.yaml`, stringify({ groups: [{ name: 'docs', rules }] }))
  const { ok, output } = await promtool(['check', 'rules', `${auditLog}.rules.yaml`], join(auditLog, '..'))
  t.equal(ok, true, output)
}

function podIn(namespace: string, name: string, annotations: Record<string, string>, owner?: object): ApiObject {
  const ownerReferences = owner === undefined ? {} : { ownerReferences: [owner] }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations, ...ownerReferences },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function deploymentIn(namespace: string, name: string, annotations: Record<string, string>): ApiObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: { containers: [{ name: 'app', image: 'app:1' }] },
      },
    },
  }
}
