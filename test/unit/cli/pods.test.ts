/** Custom resources whose pods ask for a model: which pods they are, where their annotations stand, and what can be added to them. */
import t from 'tap'
import { parse, stringify } from 'yaml'
import { knownKinds } from '../../../src/cli/manifests/kinds.ts'
import { podsIn, type FoundPod } from '../../../src/cli/manifests/pods.ts'
import { objectsOf } from '../../../src/cli/manifests/workloads.ts'
import { misplacedAnnotations } from '../../../src/cli/judge.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'

const prefix = defaultConfig.annotationPrefix

const annotations = `{${prefix}source: s3://ml-models/llama/1.2.3/, ${prefix}size: 20Gi, ${prefix}expect: objects=12}`
const metadata = `metadata: {annotations: ${annotations}}`
const spec = 'spec: {containers: [{name: app, image: example/app}]}'
const annotated = `{${metadata}, ${spec}}`
const bare = `{${spec}}`

interface Example {
  readonly apiVersion: string
  readonly kind: string
  readonly text: string
  /** Words of the pods, and the fields of the object that their source stands in; undefined for a pod without a model. */
  readonly pods: readonly (readonly [title: string, place: string | undefined])[]
  readonly containers: readonly string[]
  /** True if the parts can be added in the manifest. */
  readonly takesParts: boolean
}

const rayTemplates = `{headGroupSpec: {template: ${bare}}, workerGroupSpecs: [{groupName: gpu, template: ${annotated}}]}`

function rayExample(kind: string, text: string, at: string): Example {
  return {
    apiVersion: 'ray.io/v1',
    kind,
    text,
    pods: [
      ['(head)', undefined],
      ['(workers gpu)', `${at}.workerGroupSpecs[0].template.metadata.annotations`],
    ],
    containers: ['app'],
    takesParts: true,
  }
}

function jobExample(kind: string, field: string, role: string): Example {
  return {
    apiVersion: 'kubeflow.org/v1',
    kind,
    text: `{${field}: {${role}: {replicas: 1, template: ${annotated}}}}`,
    pods: [['', `spec.${field}.${role}.template.metadata.annotations`]],
    containers: ['app'],
    takesParts: true,
  }
}

function jobSetExample(kind: string, group: string, at: string, text: string): Example {
  return {
    apiVersion: group,
    kind,
    text,
    pods: [['', `${at}.replicatedJobs[0].template.spec.template.metadata.annotations`]],
    containers: ['app'],
    takesParts: true,
  }
}

const jobSet = `{replicatedJobs: [{name: workers, template: {spec: {template: ${annotated}}}}]}`
const steps = `[{name: all, steps: [[{name: one, template: score}]]}, {name: score, ${metadata}, container: {image: example/score}, sidecars: [{name: db, image: example/db}]}]`

function argoExample(kind: string, text: string, at: string): Example {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind,
    text,
    pods: [['', `${at}.templates[1].metadata.annotations`]],
    containers: ['main', 'db'],
    takesParts: false,
  }
}

function sparkExample(kind: string, text: string, at: string): Example {
  return {
    apiVersion: 'sparkoperator.k8s.io/v1beta2',
    kind,
    text,
    pods: [
      ['(driver)', undefined],
      ['(executor)', `${at}.executor.annotations`],
    ],
    containers: ['spark-kubernetes-executor'],
    takesParts: false,
  }
}

const spark = `{driver: {cores: 1, serviceAccount: spark}, executor: {instances: 2, annotations: ${annotations}}}`

function runtimeExample(kind: string): Example {
  return {
    apiVersion: 'serving.kserve.io/v1alpha1',
    kind,
    text: `{annotations: ${annotations}, supportedModelFormats: [{name: sklearn}], containers: [{name: kserve-container, image: example/server}]}`,
    pods: [['', 'spec.annotations']],
    containers: ['kserve-container'],
    takesParts: false,
  }
}

function revisionExample(kind: string): Example {
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind,
    text: `{template: {${metadata}, spec: {containers: [{image: example/app}]}}}`,
    pods: [['', 'spec.template.metadata.annotations']],
    containers: ['user-container'],
    takesParts: true,
  }
}

const examples: readonly Example[] = [
  rayExample('RayCluster', rayTemplates, 'spec'),
  rayExample('RayJob', `{entrypoint: python score.py, rayClusterSpec: ${rayTemplates}}`, 'spec.rayClusterSpec'),
  rayExample('RayService', `{rayClusterConfig: ${rayTemplates}}`, 'spec.rayClusterConfig'),
  jobSetExample('JobSet', 'jobset.x-k8s.io/v1alpha2', 'spec', jobSet),
  jobSetExample(
    'TrainingRuntime',
    'trainer.kubeflow.org/v1alpha1',
    'spec.template.spec',
    `{template: {spec: ${jobSet}}}`,
  ),
  jobSetExample(
    'ClusterTrainingRuntime',
    'trainer.kubeflow.org/v1alpha1',
    'spec.template.spec',
    `{template: {spec: ${jobSet}}}`,
  ),
  {
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    kind: 'LeaderWorkerSet',
    text: `{leaderWorkerTemplate: {size: 2, leaderTemplate: ${bare}, workerTemplate: ${annotated}}}`,
    pods: [
      ['(leader)', undefined],
      ['(workers)', 'spec.leaderWorkerTemplate.workerTemplate.metadata.annotations'],
    ],
    containers: ['app'],
    takesParts: true,
  },
  jobExample('PyTorchJob', 'pytorchReplicaSpecs', 'Worker'),
  jobExample('TFJob', 'tfReplicaSpecs', 'Worker'),
  jobExample('MPIJob', 'mpiReplicaSpecs', 'Launcher'),
  jobExample('XGBoostJob', 'xgbReplicaSpecs', 'Master'),
  jobExample('JAXJob', 'jaxReplicaSpecs', 'Worker'),
  jobExample('PaddleJob', 'paddleReplicaSpecs', 'Worker'),
  {
    apiVersion: 'trainer.kubeflow.org/v1alpha1',
    kind: 'TrainJob',
    text: `{runtimeRef: {name: torch}, podTemplateOverrides: [{targetJobs: [{name: node}], ${metadata}, spec: {serviceAccountName: trainer}}]}`,
    pods: [['', 'spec.podTemplateOverrides[0].metadata.annotations']],
    containers: ['node'],
    takesParts: false,
  },
  {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    text: `{replicas: 1, template: ${annotated}}`,
    pods: [['', 'spec.template.metadata.annotations']],
    containers: ['app'],
    takesParts: true,
  },
  argoExample('Workflow', `{entrypoint: all, templates: ${steps}}`, 'spec'),
  argoExample('WorkflowTemplate', `{entrypoint: all, templates: ${steps}}`, 'spec'),
  argoExample('ClusterWorkflowTemplate', `{entrypoint: all, templates: ${steps}}`, 'spec'),
  argoExample('CronWorkflow', `{schedules: ["0 0 * * *"], workflowSpec: {templates: ${steps}}}`, 'spec.workflowSpec'),
  revisionExample('Service'),
  revisionExample('Configuration'),
  {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    text: `{predictor: {annotations: ${annotations}, serviceAccountName: chat, model: {modelFormat: {name: sklearn}}}, transformer: {containers: [{name: kserve-container, image: example/tokens}]}}`,
    pods: [
      ['(predictor)', 'spec.predictor.annotations'],
      ['(transformer)', undefined],
    ],
    containers: ['kserve-container'],
    takesParts: false,
  },
  runtimeExample('ServingRuntime'),
  runtimeExample('ClusterServingRuntime'),
  sparkExample('SparkApplication', spark, 'spec'),
  sparkExample('ScheduledSparkApplication', `{schedule: "@daily", template: ${spark}}`, 'spec.template'),
]

function find(text: string, settings: Parameters<typeof podsIn>[1] = defaultConfig): readonly FoundPod[] {
  return objectsOf(parse(text)).flatMap((found) => podsIn(found, settings))
}

function manifest({ apiVersion, kind, text }: Pick<Example, 'apiVersion' | 'kind' | 'text'>, own = ''): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: chat${own}}\nspec: ${text}\n`
}

function sourceOf({ pod }: FoundPod): unknown {
  return (pod as { metadata?: { annotations?: Record<string, unknown> } }).metadata?.annotations?.[`${prefix}source`]
}

function describe(pod: FoundPod): [string, string | undefined] {
  const field = pod.fieldOf(`metadata.annotations[${prefix}source]`)
  return [
    pod.title.slice(pod.of.title.length).trim(),
    sourceOf(pod) === undefined ? undefined : field.slice(0, field.lastIndexOf(`[${prefix}`)),
  ]
}

t.test('every kind of the table has its pods found, where its users write annotations', (t) => {
  t.strictSame(
    examples.map(({ apiVersion, kind }) => `${kind}.${apiVersion.split('/')[0] ?? ''}`).sort(),
    knownKinds.map(({ kind, group }) => `${kind}.${group}`).sort(),
    'every kind has an example',
  )
  for (const example of examples) {
    const pods = find(manifest(example))
    t.strictSame(pods.map(describe), example.pods, example.kind)
    const [asking] = pods.filter((pod) => sourceOf(pod) !== undefined)
    const outcome = inject(asking?.pod, 'team', defaultConfig)
    t.equal(outcome.outcome, 'injected', `${example.kind}: ${JSON.stringify(outcome)}`)
    if (outcome.outcome !== 'injected') continue
    t.strictSame(
      outcome.pod.spec.containers.map(({ name }) => name),
      example.containers,
      example.kind,
    )
    t.equal(asking?.path !== undefined, example.takesParts, example.kind)
  }
  t.end()
})

t.test('annotations of the object itself are not those of its pods, but for InferenceServices', (t) => {
  for (const example of examples) {
    const text = manifest(
      { ...example, text: example.text.replaceAll(annotations, '{}') },
      `, annotations: ${annotations}`,
    )
    const [found] = objectsOf(parse(text))
    if (found === undefined) throw new Error('no object')
    const pods = podsIn(found, defaultConfig)
    const warnings = misplacedAnnotations(found, pods, prefix)
    if (example.kind === 'InferenceService') {
      t.strictSame(warnings, [])
      t.ok(
        pods.every((pod) => sourceOf(pod) !== undefined),
        'every part has them',
      )
      t.equal(pods[0]?.fieldOf(`metadata.annotations[${prefix}source]`), `metadata.annotations[${prefix}source]`)
      continue
    }
    t.match(warnings, [/stand in metadata\.annotations, where nothing reads them; move them to spec\./], example.kind)
    const right = example.pods.find(([, place]) => place !== undefined)?.[1] ?? ''
    t.ok(warnings[0]?.includes(right), `${example.kind}: ${warnings[0] ?? ''}`)
  }
  t.end()
})

t.test('a pod template is found by its shape, wherever it is in an object of whatever kind', (t) => {
  const places: Readonly<Record<string, string>> = {
    'spec.worker.template': `{worker: {template: ${annotated}}}`,
    'spec.groups[1].pod': `{groups: [{pod: {}}, {pod: ${annotated}}]}`,
    'spec.resources[0].template.spec.template': `{resources: [{template: {apiVersion: apps/v1, kind: Deployment, spec: {template: ${annotated}}}}]}`,
    'spec.by.name[a.b].template': `{by: {name: {a.b: {template: ${annotated}}}}}`,
  }
  for (const [place, text] of Object.entries(places)) {
    const pods = find(manifest({ apiVersion: 'ml.example.com/v1', kind: 'Trainer', text }))
    t.strictSame(pods.map(describe), [['', `${place}.metadata.annotations`]])
  }
  const several = find(
    manifest({ apiVersion: 'ml.example.com/v1', kind: 'Trainer', text: `{a: ${annotated}, b: ${bare}}` }),
  )
  t.strictSame(
    several.map(({ title }) => title),
    ['trainer/chat (spec.a)', 'trainer/chat (spec.b)'],
  )
  t.end()
})

t.test('what the status tells of pods is none of them', (t) => {
  const [pod, ...rest] = find(
    `${manifest({ apiVersion: 'ml.example.com/v1', kind: 'Trainer', text: `{a: ${bare}}` })}status: {a: ${annotated}}\n`,
  )
  t.equal(pod?.title, 'trainer/chat')
  t.strictSame(rest, [])
  t.end()
})

t.test('an object that asks for a model in no pod that is known is named', (t) => {
  const lost: Readonly<Record<string, string>> = {
    [`metadata.annotations[${prefix}source]`]: manifest(
      { apiVersion: 'ml.example.com/v1', kind: 'Trainer', text: '{}' },
      `, annotations: ${annotations}`,
    ),
    [`spec.podAnnotations[${prefix}source]`]: manifest({
      apiVersion: 'ml.example.com/v1',
      kind: 'Trainer',
      text: `{podAnnotations: ${annotations}}`,
    }),
  }
  for (const [field, text] of Object.entries(lost)) {
    const [pod, ...rest] = find(text)
    t.strictSame(rest, [])
    t.equal(pod?.unknown?.field, field)
    t.match(pod?.unknown?.remedy, 'the pod template that Trainer refers to')
  }
  t.end()
})

t.test('annotations that a tool wrote to everything say nothing where there are no pods', (t) => {
  for (const [apiVersion, kind] of [
    ['v1', 'Service'],
    ['v1', 'ConfigMap'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['monitoring.coreos.com/v1', 'ServiceMonitor'],
    ['argoproj.io/v1alpha1', 'Application'],
  ] as const) {
    t.strictSame(find(manifest({ apiVersion, kind, text: '{}' }, `, annotations: ${annotations}`)), [], kind)
  }
  t.end()
})

t.test('the operator describes further kinds: where their pods are, or that they have none', (t) => {
  const read = parseConfig(
    stringify({
      customResources: [
        { kind: 'Trainer.ml.example.com', pods: [{ annotations: 'spec.workers[].notes', spec: 'spec.workers[].pod' }] },
        { kind: 'Dataset.ml.example.com', pods: [] },
      ],
    }),
  )
  if (!read.ok) throw new Error(read.problems.join())
  t.equal(read.config.hash, defaultConfig.hash, 'it shapes no pod')
  const text = `{workers: [{pod: {containers: [{name: a}]}}, {notes: ${annotations}, pod: {containers: [{name: b}]}}]}`
  const pods = find(manifest({ apiVersion: 'ml.example.com/v1', kind: 'Trainer', text }), read.config)
  t.strictSame(
    pods.map(({ title, pod }) => [title, inject(pod, 'team', defaultConfig).outcome]),
    [
      ['trainer/chat (spec.workers[0].pod)', 'skipped'],
      ['trainer/chat (spec.workers[1].pod)', 'injected'],
    ],
  )
  t.equal(pods[1]?.fieldOf(`metadata.annotations[${prefix}size]`), `spec.workers[1].notes[${prefix}size]`)
  t.equal(pods[1]?.fieldOf('spec.containers[0].name'), 'spec.workers[1].pod.containers[0].name')
  const none = manifest(
    { apiVersion: 'ml.example.com/v1', kind: 'Dataset', text: '{}' },
    `, annotations: ${annotations}`,
  )
  t.strictSame(find(none, read.config), [])
  for (const kind of ['Trainer', 'trainer.ml.example.com', 'Trainer.']) {
    t.notOk(parseConfig(stringify({ customResources: [{ kind, pods: [] }] })).ok, kind)
  }
  t.end()
})

t.test('fields of made pods are those of the object', (t) => {
  const [workflow] = find(
    manifest({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', text: `{templates: ${steps}}` }),
  )
  t.equal(workflow?.fieldOf('spec.containers[0].volumeMounts[1]'), 'spec.templates[1].container.volumeMounts[1]')
  t.equal(workflow?.fieldOf('spec.containers[db].image'), 'spec.templates[1].sidecars[0].image')
  t.equal(workflow?.fieldOf('spec.volumes[0]'), 'spec.templates[1].volumes[0]')
  const common = find(
    manifest({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Workflow',
      text: `{podMetadata: {annotations: ${annotations}}, serviceAccountName: runner, templates: ${steps.replace(metadata, `metadata: {annotations: {${prefix}size: 1Gi}}`)}}`,
    }),
  )
  t.strictSame(
    ['source', 'size'].map((name) => common[0]?.fieldOf(`metadata.annotations[${prefix}${name}]`)),
    [`spec.podMetadata.annotations[${prefix}source]`, `spec.templates[1].metadata.annotations[${prefix}size]`],
  )
  t.equal(common[0]?.fieldOf('spec.serviceAccountName'), 'spec.serviceAccountName')
  const [, executor] = find(
    manifest({ apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication', text: spark }),
  )
  t.equal(executor?.fieldOf('spec.containers[0].volumeMounts[0]'), 'spec.executor.volumeMounts[0]')
  t.equal(executor?.fieldOf('spec.volumes[0].name'), 'spec.volumes[0].name')
  t.end()
})
