/**
 * Manifests and configurations in which any value may be null, of another type, or as long as nobody would write it: they are refused
 * with a place or let through, and never a bug. Every path of each manifest is tried with every misfit on the core; the commands get a
 * sample of them.
 */
import fc from 'fast-check'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { annotationNames } from '../../src/annotations.ts'
import { auditPod } from '../../src/audit/audit-pod.ts'
import { auditFormats } from '../../src/audit/formats/registry.ts'
import type { AuditedPod } from '../../src/audit/judgement.ts'
import { AuditCount } from '../../src/audit/audit.ts'
import { explainPod } from '../../src/check/why/explain.ts'
import { factsWithoutCluster, surroundingsOf } from '../../src/check/why/surroundings.ts'
import { misplacedAnnotations } from '../../src/cli/judge.ts'
import { valueAt } from '../../src/cli/manifests/paths.ts'
import { podsIn } from '../../src/cli/manifests/pods.ts'
import { objectsOf } from '../../src/cli/manifests/workloads.ts'
import { defaultConfig, parseConfig } from '../../src/config/parse-config.ts'
import { requirementsOf } from '../../src/deliveries/shared/requirements.ts'
import { annotatedPod } from '../../src/inject/annotated-pod.ts'
import { evaluatePodPolicy } from '../../src/inject/evaluate-pod-policy.ts'
import { inject } from '../../src/inject/inject.ts'
import { uninject } from '../../src/inject/ownership/uninject.ts'
import { readPod } from '../../src/pod/read-pod.ts'
import { formatDiagnostic } from '../../src/reasons.ts'
import { runShared } from '../integration/cli/run-shared.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { hugeText, misfits, pathsOf, replaced, withoutPath } from '../kit/webhook/malformed.ts'

const seed = Number(process.env.FAST_CHECK_SEED ?? 20260101)
t.setTimeout(15 * 60_000)

const pod: unknown = parse(`
apiVersion: v1
kind: Pod
metadata:
  name: web-5d4f-x
  namespace: team
  uid: "1"
  creationTimestamp: "2026-01-01T00:00:00Z"
  labels: {pod-template-hash: 5d4f, models.example.io/injected: "true"}
  ownerReferences: [{kind: ReplicaSet, name: web-5d4f, controller: true}]
  annotations:
    models.example.io/source: s3://models/llama/
    models.example.io/size: 1Gi
    models.example.io/expect: objects=1
    models.example.io/source.b: pvc://claim/x
    cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes: a
    eks.amazonaws.com/skip-containers: b
spec:
  serviceAccountName: x
  nodeSelector: {a: b}
  imagePullSecrets: [{name: r}]
  tolerations: [{key: gpu, operator: Exists}]
  schedulingGates: [{name: g}]
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}}
  securityContext: {runAsUser: 1000, fsGroup: 1000}
  initContainers: [{name: istio-proxy, image: x, restartPolicy: Always, env: [{name: A, value: b}], securityContext: {runAsUser: 1337}}]
  containers:
    - name: app
      image: x
      env: [{name: A, valueFrom: {fieldRef: {fieldPath: a}}}]
      resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi}}
      volumeMounts: [{name: data, mountPath: /data, subPath: a, readOnly: true}]
      volumeDevices: [{devicePath: /dev/x, name: y}]
      securityContext: {runAsUser: 1000}
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: data}}
    - {name: e, emptyDir: {medium: Memory}}
    - {name: t, projected: {sources: [{serviceAccountToken: {path: a, audience: pods.eks.amazonaws.com}}]}}
    - {name: i, image: {reference: a}}
    - {name: h, hostPath: {path: /x}}
status: {phase: Running}
`)

const outcome = inject(pod, 'team', defaultConfig)
if (outcome.outcome !== 'injected') throw new Error(`the pod is ${outcome.outcome}`)

const list: unknown = {
  apiVersion: 'v1',
  kind: 'List',
  metadata: { name: 'x' },
  items: [
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'c', annotations: { a: 'b' } },
      spec: { jobTemplate: { spec: { template: pod } } },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DeploymentList',
      items: [{ metadata: { name: 'd', namespace: 'n' }, spec: { template: pod } }],
    },
  ],
}

/** One in so many misfits is tried at a path; the next path has the next ones. */
const everyNth = caseCount({ short: 3, long: 1 })

/** Each manifest with each misfit at each path, or without what is there. */
function* malformedOf(manifest: unknown): Generator<readonly [what: string, value: unknown]> {
  for (const [i, path] of pathsOf(manifest).entries()) {
    const tried = misfits.filter((_, j) => (i + j) % everyNth === 0)
    for (const { name, value } of tried) yield [`${name} at ${path.join('.')}`, replaced(manifest, path, value)]
    yield [`nothing at ${path.join('.')}`, withoutPath(manifest, path)]
  }
}

const prefix = defaultConfig.annotationPrefix
const surroundings = await surroundingsOf(factsWithoutCluster({ config: defaultConfig, place: 'x' }), undefined, 'team')

/** The uses that the webhook and the commands make of a pod; each gives text that people see. */
const uses: Readonly<Record<string, (object: unknown) => readonly string[]>> = {
  inject: (object) => {
    const result = inject(object, 'team', defaultConfig)
    return result.outcome === 'denied' ? result.diagnostics.map(formatDiagnostic) : []
  },
  uninject: (object) => {
    const read = readPod(object)
    if (!read.ok) return read.diagnostics.map(formatDiagnostic)
    uninject(annotatedPod(read.pod, prefix))
    return []
  },
  policy: (object) => {
    const verdict = evaluatePodPolicy(object, 'team', defaultConfig)
    return verdict.state === 'invalid' ? verdict.diagnostics.map(formatDiagnostic) : []
  },
  render: (object) => {
    const result = requirementsOf(object, 'team', defaultConfig)
    return result.outcome === 'denied' ? result.diagnostics.map(formatDiagnostic) : []
  },
  why: (object) => {
    const explained = { title: 'x', namespace: 'team', pod: object, live: undefined }
    return explainPod(explained, surroundings, undefined).steps.map(({ what }) => what)
  },
  audit: (object) => auditPod(object, 'team', defaultConfig)?.judgements.map(({ reason }) => reason) ?? [],
}

for (const [name, manifest] of [
  ['a pod', pod],
  ['an injected pod', outcome.pod],
] as const) {
  t.test(`${name} is refused with a place or let through, whatever is at any of its paths`, (t) => {
    let tried = 0
    for (const [what, value] of malformedOf(manifest)) {
      for (const [use, run] of Object.entries(uses)) {
        tried++
        const texts = textsOf(() => run(value))
        if (typeof texts === 'string') t.fail(`${use}: ${what}: ${texts}`)
        else if (texts.some((text) => text.length > 8000 || /\p{Cc}/u.test(text))) {
          t.fail(`${use}: ${what}: ${texts.join()}`)
        }
      }
    }
    t.ok(tried > 3000, `${tried} tries`)
    t.end()
  })
}

t.test('so is a list of workloads, whatever is at any of its paths', (t) => {
  for (const [what, value] of malformedOf(list)) {
    const texts = textsOf(() =>
      objectsOf(value).flatMap((found) => {
        const pods = podsIn(found, defaultConfig)
        for (const { pod } of pods) inject(pod, 'team', defaultConfig)
        return [found.title, ...pods.map(({ title }) => title), ...misplacedAnnotations(found, pods, prefix)]
      }),
    )
    if (typeof texts === 'string') t.fail(`${what}: ${texts}`)
  }
  t.end()
})

t.test('text of a million characters at any path is refused or let through, and never repeated as a whole', (t) => {
  for (const path of pathsOf(pod)) {
    const value = replaced(pod, path, hugeText)
    for (const [use, run] of Object.entries(uses)) {
      const texts = textsOf(() => run(value))
      if (typeof texts === 'string') t.fail(`${use}: ${path.join('.')}: ${texts}`)
      else {
        t.notOk(
          texts.some((text) => text.length > 8000),
          `${use}: ${path.join('.')}`,
        )
      }
    }
  }
  t.end()
})

t.test('no annotation takes a value of a million characters, and the denial says how many are too many', (t) => {
  for (const name of annotationNames) {
    const delivery = name === 'claim' ? { [`${prefix}delivery`]: 'mountpoint' } : {}
    const annotations = { [`${prefix}source`]: 's3://models/llama/', ...delivery, [prefix + name]: hugeText }
    const result = inject({ metadata: { annotations }, spec: { containers: [{ name: 'app' }] } }, 'team', defaultConfig)
    const field = `metadata.annotations[${prefix}${name}]`
    const said = result.outcome === 'denied' ? result.diagnostics.filter((found) => found.field === field) : []
    t.match(
      said.map(({ problem }) => problem),
      [/^has 1000000 characters, more than the \d+ it may have$/],
      name,
    )
  }
  t.end()
})

t.test('every form of an audit can be written of what malformed pods are judged to be', async (t) => {
  const audited = [...malformedOf(pod)].flatMap(([, value]) => auditPod(value, 'team', defaultConfig) ?? [])
  t.ok(audited.length > 200)
  for (const [name, format] of Object.entries(auditFormats)) {
    const count = new AuditCount()
    const context = {
      place: 'x',
      scope: 'all',
      config: 'x',
      configHash: defaultConfig.hash,
      now: new Date(0),
      summary: () => count.summary,
      failsOn: () => false,
      by: 'pod' as const,
      terminal: { isPipe: false, width: 80, quiet: false, paint: (_: unknown, text: string) => text },
    }
    let length = 0
    for await (const text of format(count.count(each(audited)), context)) length += text.length
    t.ok(length > 0, name)
  }
})

const configuration: unknown = parse(`
annotationPrefix: models.example.io/
defaults: {size: 1Gi, memory: 1Gi, mount-path: /models/NAME, credentials: secret/a}
sidecars: [istio-proxy]
unknownAnnotations: warn
openshift: false
allowWholeBucket: true
requireChecksums: true
podIdentity: {uri: http://169.254.170.23/v1/credentials}
loader:
  s5cmdPath: /usr/local/bin/s5cmd
  imagePullPolicy: Always
  imagePullSecrets: [a]
  env: {A: b}
  proxy: {url: http://proxy:3128, noProxy: [.svc]}
  reuse: verify
  caCertificates: x
cluster: {version: "1.36"}
mountpoint: {headroomGate: true}
limits: {models: 4, annotations: 8, modelContainerPairs: 16, patchBytes: 1000}
policy:
  mode: audit
  enforceNamespaces: [a]
  auditNamespaces: [b]
  rules:
    - name: a
      namespaces: ["*"]
      sources: ["s3://*"]
      endpoints: [https://x]
      credentials: ["*"]
      serviceAccounts: ["*"]
      deliveries: ["*"]
      mountPaths: ["*"]
      images: ["*"]
      maxSize: 1Gi
`)

t.test('a configuration is refused with a place or taken, whatever is at any of its paths', (t) => {
  const tried = [
    ...malformedOf(configuration),
    ...pathsOf(configuration).map(
      (path) => [`a huge text at ${path.join('.')}`, replaced(configuration, path, hugeText)] as const,
    ),
  ]
  for (const [what, value] of tried) {
    const texts = textsOf(() => {
      const result = parseConfig(value === undefined ? '' : stringify(value))
      return result.ok ? [] : result.problems
    })
    if (typeof texts === 'string') t.fail(`${what}: ${texts}`)
    else if (texts.some((text) => text.length > 2000)) t.fail(`${what}: ${texts.join()}`)
  }
  t.end()
})

t.test('no text of a configuration may have a million characters', (t) => {
  const texts = pathsOf(configuration).filter((path) => typeof valueAt(configuration, path) === 'string')
  t.ok(texts.length > 20)
  for (const path of texts) {
    const result = parseConfig(stringify(replaced(configuration, path, hugeText)))
    t.equal(result.ok, false, path.join('.'))
  }
  t.end()
})

/** Documents that only the text of YAML can express. */
const oddDocuments = [
  '',
  'null',
  '- 1\n- ~\n-',
  '{kind: List, apiVersion: v1, items: }',
  '{kind: PodList, apiVersion: v1, items: [~, {}, {spec: }, {metadata: }, [], 1]}',
  '{kind: Pod, apiVersion: v1, metadata: , spec: }',
  '{kind: Pod, apiVersion: v1, metadata: {annotations: {models.example.io/source: }}, spec: }',
  '{kind: Pod, apiVersion: v1, metadata: {annotations: {models.example.io/source: s3://models/a/}}, spec: {containers: [{name: a}], 1: , ? x, y: [,], z: .nan, w: 0o17, v: 99999999999999999999}}',
  '{kind: Pod, apiVersion: v1, metadata: {annotations: {models.example.io/source: s3://models/a/}}, spec: {containers: [{name: a, env: [~]}], volumes: ~}}',
  'kind: Pod\napiVersion: v1\nmetadata:\n  annotations:\n    models.example.io/source: s3://models/a/\nspec:\n  containers:\n  - name: a\n    env:\n    - # nothing\n    volumeMounts:\n  volumes:\n  -',
  'kind: Pod\napiVersion: v1\nmetadata: &a\n  annotations: {models.example.io/source: s3://models/a/}\n  labels: *a\nspec: {containers: [{name: a}]}',
  `{kind: Pod, apiVersion: v1, metadata: {annotations: {models.example.io/source: s3://models/a/}}, spec: {containers: [{name: a}], deep: ${'{a: '.repeat(700)}1${'}'.repeat(700)}}}`,
  '!!set {a, b}',
  '? [a, b]\n: c',
]

t.test('no command calls it a bug', async (t) => {
  const directory = t.testdir({ 'config.yaml': '' })
  const file = join(directory, 'manifest.yaml')
  const config = join(directory, 'config.yaml')
  const commands: readonly (readonly string[])[] = [
    ['inject', '-f', file],
    ['inject', '-f', file, '--diff'],
    ['inject', '-f', file, '-o', 'json'],
    ['inject', '-f', file, '-o', 'yaml'],
    ['uninject', '-f', file],
    ['audit', '-f', file],
    ['audit', '-f', file, '-o', 'sarif'],
    ['why', '-f', file, '--config', config],
    ['policy', 'test', '-f', file, '--config', config],
    ['render', '-f', file, '--account-id', '111122223333', '--region', 'eu-west-1', '--cluster', 'c'],
  ]
  const manifests = [pod, outcome.pod, list].map((manifest) => ({ manifest, paths: pathsOf(manifest) }))
  const malformed = fc
    .constantFrom(...manifests)
    .chain(({ manifest, paths }) =>
      fc
        .tuple(
          fc.constantFrom(...paths),
          fc.oneof(fc.constantFrom(...misfits.map(({ value }) => value)), fc.jsonValue()),
        )
        .map(([path, by]) => stringify(replaced(manifest, path, by))),
    )
  await fc.assert(
    fc.asyncProperty(malformed, fc.constantFrom(...oddDocuments), async (text, odd) => {
      await writeFile(file, `${text}---\n${odd}\n`)
      for (const command of commands) {
        const { code, stderr } = await runShared(command)
        if (stderr.includes('this is a bug') || ![0, 1, 2].includes(code ?? -1)) {
          throw new Error(`${command.join(' ')} ends with ${code}: ${stderr}`)
        }
      }
    }),
    { seed, numRuns: caseCount({ short: 40, long: 500 }) },
  )
})

/** The message of an error where one is thrown. */
function textsOf(run: () => readonly string[]): readonly string[] | string {
  try {
    return run()
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

async function* each(pods: readonly AuditedPod[]): AsyncGenerator<AuditedPod> {
  for (const audited of pods) yield await Promise.resolve(audited)
}
