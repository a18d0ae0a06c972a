import fc from 'fast-check'
import t from 'tap'
import { annotationNames, annotations as table, type AnnotationName } from '../../src/annotations.ts'
import type { ApiResponse } from '../../src/cluster/transport.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject } from '../../src/inject/inject.ts'
import type { AnnotationRow } from '../../src/values/annotation-row.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { installValues, typeWarnings, valuesName, valueWarnings } from '../kit/cluster/policies.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { annotationValues } from '../kit/webhook/annotation-values.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

type Annotations = Readonly<Record<string, string>>

const prefix = 'models.example.io/'
const numRuns = caseCount({ short: 60, long: 1000 })
const complete = { source: 's3://models/llama/', expect: 'objects=3', size: '10Gi' }

const messageCases: readonly { readonly annotations: Annotations; readonly warnings: readonly string[] }[] = [
  { annotations: complete, warnings: [] },
  {
    annotations: { ...complete, size: '20GB' },
    warnings: ['models.example.io/size: "20GB" is denied, accepted: a Kubernetes quantity, as 20Gi'],
  },
  {
    annotations: { ...complete, 'mount-path': '/models/../etc', 'read-only': 'yes' },
    warnings: [
      'models.example.io/mount-path: "/models/../etc" is denied, accepted: an absolute path, no ".." or ":"',
      'models.example.io/read-only: "yes" is denied, accepted: "true", "false"',
    ],
  },
  {
    annotations: { source: 'https://huggingface.co/meta/llama' },
    warnings: [
      'models.example.io/source: "https://hugging..." is denied, accepted: s3://bucket/prefix/, pvc://, node:///, oci://image',
    ],
  },
  {
    annotations: { ...complete, 'source.b': 's3://models/b/', 'delivery.b': 'csi', delivery: 'copy' },
    warnings: ['models.example.io/delivery.b: "csi" (and 1 more) is denied, accepted: download, mountpoint'],
  },
  {
    annotations: { ...complete, 'run-as-user': '0', memory: '100Mi', timeout: '5d' },
    warnings: [
      'models.example.io/memory: "100Mi" is denied, accepted: a quantity of at least 192Mi',
      'models.example.io/run-as-user: "0" is denied, accepted: a user id of at least 1, or auto',
      'models.example.io/timeout: "5d" is denied, accepted: a duration, as 90s, 30m, 2h',
    ],
  },
  {
    annotations: { ...complete, env: 'MODEL\nPATH' },
    warnings: ['models.example.io/env: "MODEL..." is denied, accepted: the name of an environment variable'],
  },
  // Denied for its suffix, of which the placement policy warns.
  { annotations: { ...complete, 'cpu.b': 'x' }, warnings: [] },
  { annotations: { ...complete, inject: 'false', size: '20GB' }, warnings: [] },
]

t.test('the policy about values on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await installValues(api)

  await t.test('the type checker of the cluster finds nothing wrong with it', async (t) => {
    t.strictSame(await typeWarnings(api, valuesName), [])
  })

  for (const { annotations, warnings } of messageCases) {
    await t.test(`${JSON.stringify(annotations)}: ${warnings.length} values are denied`, async (t) => {
      const response = await apply(api, annotations)
      t.equal(response.status, 201)
      t.strictSame(valueWarnings(response), warnings)
    })
  }

  await t.test('a CronJob is looked at as well', async (t) => {
    const template = templateOf({ ...complete, size: '20GB' }, { restartPolicy: 'Never' })
    const response = await api.request('POST', '/apis/batch/v1/namespaces/default/cronjobs?dryRun=All', {
      metadata: { name: 'inference' },
      spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template } } },
    })
    t.equal(response.status, 201)
    t.strictSame(valueWarnings(response), [
      'models.example.io/size: "20GB" is denied, accepted: a Kubernetes quantity, as 20Gi',
    ])
  })

  await t.test('it warns of no value that the webhook accepts, and of all others whose form is wrong', async (t) => {
    const judged: Judged[] = []
    for (const values of sampleValues()) judged.push(...judge(values, await allWarnings(api, values)))

    t.strictSame(
      judged.filter(({ isWarned, isDenied }) => isWarned && !isDenied),
      [],
      'the webhook accepts them',
    )
    t.strictSame(
      judged.filter(({ name, isWarned, isDenied }) => isDenied && !isWarned && leavesOpen(name) === undefined),
      [],
      'the webhook denies them',
    )
    const warned = new Set(judged.filter(({ isWarned }) => isWarned).map(({ name }) => name))
    t.equal(warned.size, annotationNames.length, 'it warned of each annotation')
    const accepted = new Set(judged.filter(({ isDenied }) => !isDenied).map(({ name }) => name))
    t.equal(accepted.size, annotationNames.length, 'and let pass each')
  })

  await t.test('the most that a pod may ask for, with long values, stays within the cost limits', async (t) => {
    const names = annotationNames.filter((name) => table[name].scope === 'model' && name !== 'source')
    const models = Array.from({ length: 29 }, (_, i) => `m${i}`)
    const annotations: Annotations = Object.fromEntries(
      models.flatMap((model) => [
        [`source.${model}`, `s3://models/${'a/'.repeat(900)}`] as const,
        ...names.map((name) => [`${name}.${model}`, table[name].example.replaceAll('"', '')] as const),
      ]),
    )
    const lists = { include: 'a*,'.repeat(10_000) + 'b', exclude: 'b*,'.repeat(10_000) + 'b', containers: 'app' }
    const containers = ['app', 'b', 'c'].map((name) => ({ name, image: 'app:1' }))
    const response = await apply(
      api,
      { ...annotations, ...lists, source: 's3://models/llama/', 'size.m3': '20GB', cpu: 'x' },
      { spec: { containers } },
    )
    t.equal(response.status, 201)
    t.strictSame(valueWarnings(response), [
      'models.example.io/cpu: "x" is denied, accepted: a Kubernetes quantity, as 500m',
      'models.example.io/size.m3: "20GB" is denied, accepted: a Kubernetes quantity, as 20Gi',
    ])
  })

  await t.test('with Deny it refuses what is new, and lets alone what is there', async (t) => {
    const path = '/apis/apps/v1/namespaces/default/deployments/stored'
    const bad = { ...complete, size: '20GB' }
    t.equal((await apply(api, bad, { name: 'stored', dryRun: false })).status, 201)
    t.teardown(() => api.request('DELETE', path))
    await installValues(api, { placement: { valueActions: ['Deny'] } })

    const refused = await apply(api, bad)
    t.equal(refused.status, 422)
    t.match((refused.body as { message: string }).message, /size: "20GB" is denied, accepted: a Kubernetes quantity/)
    t.equal((await apply(api, complete)).status, 201)

    const update = (change: (spec: ApiObject) => object): Promise<ApiResponse> =>
      waitFor('an update without a conflict', async () => {
        const current = (await api.request('GET', path)).body as ApiObject & { spec: ApiObject }
        const response = await api.request('PUT', path, { ...current, spec: change(current.spec) })
        return response.status === 409 ? undefined : response
      })
    t.equal((await update((spec) => ({ ...spec, paused: true }))).status, 200)
    t.equal((await update((spec) => ({ ...spec, template: templateOf({ ...bad, cpu: '1' }) }))).status, 422)
    t.equal((await update((spec) => ({ ...spec, template: templateOf(complete) }))).status, 200)
  })

  await t.test("it follows the operator's prefix", async (t) => {
    await installValues(api, { config: { annotationPrefix: 'models.corp.example/' } })
    t.strictSame(valueWarnings(await apply(api, { ...complete, size: '20GB' })), [])
  })
})

/** One value for each annotation, of one model that takes them all. */
function sampleValues(): readonly Readonly<Record<AnnotationName, string>>[] {
  const record = Object.fromEntries(annotationNames.map((name) => [name, annotationValues(name)]))
  const values = fc.record(record) as fc.Arbitrary<Record<AnnotationName, string>>
  return fc.sample(
    // A pod that opted out is not looked at.
    values.filter(({ inject }) => inject !== 'false'),
    { numRuns, seed: Number(process.env.FAST_CHECK_SEED ?? 20260101) },
  )
}

interface Judged {
  readonly name: AnnotationName
  readonly value: string
  readonly isWarned: boolean
  readonly isDenied: boolean
}

function judge(values: Readonly<Record<AnnotationName, string>>, warnings: readonly string[]): readonly Judged[] {
  return annotationNames.map((name) => ({
    name,
    value: values[name],
    isWarned: warnings.some((warning) => warning.startsWith(`${prefix}${name}: `)),
    isDenied: deniesValue(name, values[name]),
  }))
}

/** The API server drops what is beyond 4096 characters of warnings. */
async function allWarnings(api: ApiClient, values: Annotations): Promise<readonly string[]> {
  const entries = Object.entries(values)
  const half = Math.ceil(entries.length / 2)
  const halves = [entries.slice(0, half), entries.slice(half)]
  const responses = await Promise.all(halves.map((some) => apply(api, Object.fromEntries(some))))
  return responses.flatMap(valueWarnings)
}

/** True if the webhook denies a pod for this value alone. */
function deniesValue(name: AnnotationName, value: string): boolean {
  const delivery = name === 'claim' ? { delivery: 'mountpoint' } : { size: '1Gi' }
  const annotations = withPrefix({ source: 's3://models/llama/', ...delivery, [name]: value })
  const outcome = inject({ metadata: { annotations }, spec: podSpec }, 'default', defaultConfig)
  return (
    outcome.outcome === 'denied' &&
    outcome.diagnostics.some(
      ({ reason, field }) =>
        ['InvalidAnnotation', 'ResourcesTooSmall'].includes(reason) && field.includes(`${prefix}${name}]`),
    )
  )
}

function leavesOpen(name: AnnotationName): string | undefined {
  return (table[name] as AnnotationRow<unknown>).form.leavesOpen
}

const podSpec = { containers: [{ name: 'app', image: 'app:1' }] }

interface Applied {
  readonly spec?: object
  readonly name?: string
  readonly dryRun?: boolean
}

async function apply(
  api: ApiClient,
  annotations: Annotations,
  { spec, name = 'inference', dryRun = true }: Applied = {},
): Promise<ApiResponse> {
  return api.request('POST', `/apis/apps/v1/namespaces/default/deployments${dryRun ? '?dryRun=All' : ''}`, {
    metadata: { name },
    spec: { selector: { matchLabels: { app: 'inference' } }, template: templateOf(annotations, spec) },
  })
}

function templateOf(annotations: Annotations, spec: object = {}): object {
  return {
    metadata: { labels: { app: 'inference' }, annotations: withPrefix(annotations) },
    spec: { ...podSpec, ...spec },
  }
}

function withPrefix(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
}
