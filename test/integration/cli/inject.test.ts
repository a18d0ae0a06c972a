/** `model-injector inject` as users run it: what happens to which object, and what is said about it. */
import t from 'tap'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import {
  badJob,
  configMap,
  cronJobManifest,
  deployment,
  injectedTemplate,
  template,
  type ObjectPatch,
  type PodTemplate,
  type Workload,
} from './manifests.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

t.test('a Deployment from stdin comes out as the core injects it, and nothing else of its text changes', async (t) => {
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], { stdin: deployment })
  const [report, summary] = stderr.split('\n')
  t.equal(code, 0)
  t.strictSame(template(stdout), injectedTemplate(deployment, 'apps'))
  const lines = new Set(stdout.split('\n'))
  t.strictSame(
    deployment.split('\n').filter((line) => !lines.has(line)),
    [],
    'every line is still there',
  )
  t.equal(
    report,
    'deployment/my-inference-app injected: model <- s3://my-ml-bucket/model-artifacts/my-model-1.2.3/ at /app/model-artifacts',
  )
  t.equal(summary, '1 injected')
})

t.test(
  'a denied object is left out, says all its mistakes with their place in the file, and fails the command',
  async (t) => {
    const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], {
      stdin: `${configMap}---\n${badJob}---\n${deployment}`,
    })
    t.equal(code, 1)
    t.strictSame(
      parseAllDocuments(stdout).map((document) => document.get('kind')),
      ['ConfigMap', 'Deployment'],
    )
    const [, title, first, second, injected, summary, note] = stderr.split('\n')
    t.equal(title, 'job/broken denied:')
    const denials = [first, second].sort().join('\n')
    t.match(denials, '  stdin:17:9: spec.template.metadata.annotations[models.example.io/mount-path]: "relative"')
    t.match(
      denials,
      '  stdin:16:9: spec.template.metadata.annotations[models.example.io/sise]: is no annotation of model-injector; did you mean models.example.io/size?',
    )
    t.match(injected, /^deployment\/my-inference-app injected/)
    t.equal(summary, '1 injected, 1 skipped, 1 denied')
    t.match(note, 'left out')
  },
)

t.test('the items of a List are treated one by one, and a denied one is taken out', async (t) => {
  const list = JSON.stringify(
    { apiVersion: 'v1', kind: 'List', items: [parse(badJob), parse(configMap), parse(badJob), parse(deployment)] },
    null,
    4,
  )
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], { stdin: list })
  t.equal(code, 1)
  const { items } = JSON.parse(stdout) as { items: [unknown, Workload] }
  t.equal(items.length, 2)
  t.strictSame(items[0], parse(configMap))
  t.strictSame(items[1].spec.template, injectedTemplate(deployment, 'apps'))
  t.match(stderr, '1 injected, 1 skipped, 2 denied')
  const all = await runShared(['inject', '-f', '-'], {
    stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [parse(badJob)] }),
  })
  t.equal(all.stdout, '', 'a List of which nothing is left is left out')
})

t.test('the items of a typed list need no kind of their own', async (t) => {
  const { metadata, spec } = parse(deployment) as Record<string, unknown>
  const { stdout } = await runShared(['inject', '-f', '-'], {
    stdin: JSON.stringify({ apiVersion: 'apps/v1', kind: 'DeploymentList', items: [{ metadata, spec }] }),
  })
  t.strictSame(
    (JSON.parse(stdout) as { items: [Workload] }).items[0].spec.template,
    injectedTemplate(deployment, 'apps'),
  )
})

t.test('every kind that has a pod template is injected where its template is', async (t) => {
  const { metadata, spec } = template(deployment)
  const places: Record<string, object> = {
    'v1/Pod': { metadata: { ...metadata, name: 'x' }, spec },
    'v1/PodTemplate': { metadata: { name: 'x' }, template: { metadata, spec } },
    'v1/ReplicationController': { metadata: { name: 'x' }, spec: { template: { metadata, spec } } },
    'batch/v1/CronJob': { metadata: { name: 'x' }, spec: { jobTemplate: { spec: { template: { metadata, spec } } } } },
  }
  for (const kind of [
    'apps/v1/Deployment',
    'apps/v1/ReplicaSet',
    'apps/v1/StatefulSet',
    'apps/v1/DaemonSet',
    'batch/v1/Job',
  ]) {
    places[kind] = { metadata: { name: 'x' }, spec: { template: { metadata, spec } } }
  }
  const objects = Object.entries(places).map(([type, object]) => {
    const slash = type.lastIndexOf('/')
    return { apiVersion: type.slice(0, slash), kind: type.slice(slash + 1), ...object }
  })
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-', '-o', 'patch'], {
    stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  })
  t.equal(code, 0, stderr)
  const patches = JSON.parse(stdout) as ObjectPatch[]
  t.strictSame(
    patches.map(({ kind }) => kind),
    objects.map(({ kind }) => kind),
  )
  const roots = {
    Pod: '/spec',
    PodTemplate: '/template/spec',
    CronJob: '/spec/jobTemplate/spec/template/spec',
  } as Record<string, string>
  for (const { kind, patch } of patches) {
    t.ok(
      patch.some(({ op, path }) => op === 'add' && path === `${roots[kind] ?? '/spec/template/spec'}/initContainers`),
      kind,
    )
  }
})

t.test('a denial says where in the file the mistake is, in lists, behind aliases and in JSON', async (t) => {
  const list = `apiVersion: v1
kind: List
items:
- &first
  apiVersion: v1
  kind: Pod
  metadata:
    name: a
    namespace: team
    annotations: {models.example.io/source: "s3://models/llama/",
      models.example.io/size: much}
  spec: {containers: [{name: app}]}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: a, namespace: other}
  spec:
    template: *first
`
  const yaml = await runShared(['inject', '-f', '-'], { stdin: `# head\n---\na: 1\n---\n${list}` })
  t.match(
    yaml.stderr,
    'pod/a denied (namespace team):\n  stdin:15:7: metadata.annotations[models.example.io/size]: "much"',
  )
  t.match(
    yaml.stderr,
    'deployment/a denied (namespace other):\n  stdin:15:7: spec.template.metadata.annotations[models',
  )
  const json = await runShared(['inject', '-f', '-'], { stdin: JSON.stringify(parse(list), undefined, 2) })
  t.match(json.stderr, /pod\/a denied \(namespace team\):\n {2}stdin:13:11: metadata/)
  const sarif = await runShared(['audit', '-f', '-', '-o', 'sarif'], { stdin: list })
  t.match(sarif.stdout, '"region":{"startLine":11}')
})

t.test('a pod template of whatever kind is injected where it is', async (t) => {
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], {
    stdin: deployment.replace('apps/v1', 'example.io/v1'),
  })
  t.equal(code, 0)
  t.strictSame(template(stdout), injectedTemplate(deployment, 'apps'))
  t.match(stderr, 'deployment/my-inference-app injected: ')
})

t.test('of several pods each has its line, and one denied leaves the whole object out', async (t) => {
  const cluster = (path: string): string => `apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: chat, annotations: {models.example.io/env: MODEL}}
spec:
  headGroupSpec:
    template: &head
      spec: {containers: [{name: ray, image: example/ray}]}
  workerGroupSpecs:
  - groupName: cpu
    template: *head
  - groupName: gpu   # the model
    template:
      metadata:
        annotations: {models.example.io/source: "s3://models/llama/", models.example.io/size: 1Gi, models.example.io/expect: objects=1, models.example.io/mount-path: ${path}}
      spec: {containers: [{name: ray, image: example/ray}]}
`
  const good = await runShared(['inject', '-f', '-'], { stdin: cluster('/m') })
  t.equal(good.code, 0)
  t.match(good.stderr, 'raycluster/chat (head) skipped: ')
  t.match(
    good.stderr,
    'warning: stdin:3:38: models.example.io/env stands in metadata.annotations, where nothing reads it; move it to spec.headGroupSpec.template.metadata.annotations or ',
  )
  t.match(good.stderr, 'raycluster/chat (workers cpu) skipped: ')
  t.match(good.stderr, 'raycluster/chat (workers gpu) injected: model <- s3://models/llama/ at /m')
  const spec = (parse(good.stdout) as { spec: { workerGroupSpecs: { template: PodTemplate }[] } }).spec
  t.strictSame(
    spec.workerGroupSpecs.map(({ template: { spec: pod } }) => pod.initContainers?.length ?? 0),
    [0, 1],
  )
  t.match(good.stdout, '  - groupName: gpu   # the model\n')
  const back = await runShared(['uninject', '-f', '-'], { stdin: good.stdout })
  t.strictSame(parse(back.stdout), parse(cluster('/m')))
  const bad = await runShared(['inject', '-f', '-'], { stdin: cluster('m') })
  t.equal(bad.code, 1)
  t.equal(bad.stdout, '')
  t.match(bad.stderr, 'spec.workerGroupSpecs[1].template.metadata.annotations[models.example.io/mount-path]: "m"')
  t.match(bad.stderr, '2 skipped, 1 denied')
})

t.test('pods that an operator makes of other fields are judged, and never said to be injected', async (t) => {
  const service = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: chat}
spec:
  predictor:
    annotations: {models.example.io/source: "s3://models/llama/", models.example.io/size: 1Gi, models.example.io/expect: objects=1}
    model: {modelFormat: {name: huggingface}}
`
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], { stdin: service })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    stderr,
    'inferenceservice/chat denied:\n  stdin:5:3: spec.predictor: is made into pods by the operator of InferenceService',
  )
  t.match(stderr, 'which injects such pods when they are created')
  const bare = await runShared(['inject', '-f', '-'], { stdin: service.replace(/\n.*annotations.*/, '') })
  t.equal(bare.code, 0)
  t.equal(bare.stdout, service.replace(/\n.*annotations.*/, ''))
})

t.test('an object that asks for a model in no known pod fails each command, by name', async (t) => {
  const stdin = `apiVersion: ml.example.com/v1
kind: Trainer
metadata: {name: lost, annotations: {models.example.io/source: "s3://models/llama/"}}
spec: {templateRef: other}
`
  const config = join(
    t.testdir({ 'c.yaml': 'policy: {rules: [{name: all, namespaces: ["*"], sources: ["*"]}]}\n' }),
    'c.yaml',
  )
  for (const args of [
    ['inject'],
    ['uninject'],
    ['render'],
    ['why', '--config', config],
    ['policy', 'test', '--config', config],
    ['policy', 'test', '--config', config, '--expect', 'denied'],
    ['audit', '--fail-on', 'spoofed'],
  ]) {
    const { code, stdout, stderr } = await runShared([...args, '-f', '-'], { stdin })
    const said = `${stdout}${stderr}`
    t.not(code, 0, args.join(' '))
    t.match(said, 'trainer/lost', args.join(' '))
    t.match(said, 'metadata.annotations[models.example.io/source]', args.join(' '))
    t.notMatch(said, 'need no companion resources', args.join(' '))
  }
})

t.test('annotations of the workload itself are warned about, with the place they belong to', async (t) => {
  const misplaced = cronJobManifest
    .replace('name: nightly', 'name: nightly\n  annotations: {models.example.io/size: 1Gi, models.example.io/env: X}')
    .replace('  jobTemplate:', '  jobTemplate:\n    metadata: {annotations: {models.example.io/region: eu-west-1}}')
  const { code, stderr } = await runShared(['inject', '-f', '-'], { stdin: misplaced })
  t.equal(code, 0)
  t.match(
    stderr,
    'cronjob/nightly warning: stdin:5:46: models.example.io/env stands in metadata.annotations, where nothing reads it; move it to spec.jobTemplate.spec.template.metadata.annotations\n',
    'an annotation that is also in the right place is not mentioned',
  )
  t.match(
    stderr,
    'cronjob/nightly warning: stdin:9:30: models.example.io/region stands in spec.jobTemplate.metadata.annotations, where',
  )
})

t.test('warnings of the core are reported, and fail nothing', async (t) => {
  const { code, stderr } = await runShared(['inject', '-f', '-'], { stdin: deployment.replace(/\n.*expect.*/, '') })
  t.equal(code, 0)
  t.match(
    stderr,
    /^deployment\/my-inference-app injected.*\ndeployment\/my-inference-app warning: stdin:13:9: model: without expect/,
  )
})

t.test('the namespace decides about the policy: that of the object, else --namespace, else default', async (t) => {
  const config = join(t.testdir({ 'c.yaml': 'policy: {rules: [{name: one, namespaces: [team-a]}]}\n' }), 'c.yaml')
  const run = async (namespace: string, args: string[]): Promise<number | null> =>
    (
      await runShared(['inject', '-q', '-f', '-', '--config', config, ...args], {
        stdin: deployment.replace('  namespace: apps\n', namespace),
      })
    ).code
  t.equal(await run('', []), 1)
  t.equal(await run('', ['-n', 'team-a']), 0)
  t.equal(await run('  namespace: team-b\n', ['-n', 'team-a']), 1)
  t.equal(await run('  namespace: team-a\n', []), 0)
})

t.test('an image that no registry has is warned of once, and --image names a better one', async (t) => {
  const both = `${deployment}---\n${deployment.replaceAll('my-inference-app', 'second')}`
  const without = await runShared(['inject', '-f', '-'], { stdin: both })
  t.equal(without.code, 0)
  t.equal(without.stderr.match(/warning: the loaders run model-injector:\S+, which no registry has/g)?.length, 1)
  t.match(without.stderr, 'give --image IMAGE, or a --config that sets defaults.image')
  const image = `registry.example.com/model-injector@sha256:${'a'.repeat(64)}`
  const pinned = await runShared(['inject', '-f', '-', '--image', image], { stdin: both })
  t.notMatch(pinned.stderr, 'no registry has')
  t.equal(pinned.stdout.split(`image: ${image}`).length - 1, 2)
})

t.test('an image that is none is refused, and nothing is written', async (t) => {
  for (const image of ['', 'an image', 'a:']) {
    const { code, stdout, stderr } = await runShared(['inject', '-f', '-', '--image', image], { stdin: deployment })
    t.equal(code, 64)
    t.equal(stdout, '')
    t.match(stderr, `--image <image> "${image}" is not an image reference`)
  }
})
