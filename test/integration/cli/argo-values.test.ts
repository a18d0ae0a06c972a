/** Annotations of Argo workflows whose values stand in parameters: what cannot be known is no mistake. */
import t from 'tap'
import { runShared } from './run-shared.ts'

t.setTimeout(300_000)

const workflow = (source: string, kind = 'Workflow', size = '20Gi'): string => `apiVersion: argoproj.io/v1alpha1
kind: ${kind}
metadata: {name: score}
spec:
  templates:
    - name: score
      metadata:
        annotations:
          models.example.io/source: "${source}"
          models.example.io/size: "${size}"
      container: {image: app}
`
const pending = workflow('{{inputs.parameters.model}}')
const place = 'stdin:9:11: '
const field = 'spec.templates[0].metadata.annotations[models.example.io/source]'
const said = 'is not known until Argo fills it in'
const directory = t.testdir({ 'config.yaml': 'policy: {rules: [{name: none, namespaces: [other]}]}\n' })
const config = `${directory}/config.yaml`

t.test('inject leaves such an object as it is, says which value is missing, and exits with 2', async (t) => {
  const { code, stdout, stderr } = await runShared(['inject', '-f', '-'], { stdin: pending })
  t.equal(code, 2)
  t.equal(stdout, pending)
  t.equal(
    stderr,
    `workflow/score cannot be judged: ${place}${field}: "{{inputs.parameters.model}}" ${said}\n1 skipped\n`,
  )
})

t.test('every value that is missing is named', async (t) => {
  const both = workflow('s3://models/{{workflow.parameters.version}}/', 'WorkflowTemplate', '{{=sprig.upper(x)}}')
  const { stderr } = await runShared(['inject', '-f', '-', '-q'], { stdin: both })
  t.match(
    stderr,
    `"s3://models/{{workflow.parameters.version}}/" ${said}, nor are those of ${field.replace('source', 'size')}`,
  )
})

t.test('policy test counts it neither as allowed nor as denied, whatever is expected', async (t) => {
  for (const expected of ['allowed', 'denied']) {
    const args = ['policy', 'test', '-f', '-', '--config', config, '--expect', expected]
    const { code, stdout, stderr } = await runShared(args, { stdin: pending })
    t.equal(code, 2)
    t.match(stdout.replace(/\s+/g, ' '), 'unjudged cannot be judged: stdin:9:11:')
    t.match(stderr, /1 unjudged\n$/)
  }
  const denied = await runShared(['policy', 'test', '-f', '-', '--config', config], {
    stdin: `${pending}---\n${workflow('s3://models/llama/')}`,
  })
  t.equal(denied.code, 1)
  t.match(denied.stderr, '1 denied, 1 unjudged')
})

t.test('why says that it cannot be judged yet, which is neither good nor a finding', async (t) => {
  const args = ['why', '-f', '-', '--config', config]
  const { code, stdout } = await runShared(args, { stdin: pending })
  t.equal(code, 2)
  t.match(stdout, /^workflow\/score in the namespace default cannot be judged yet\n/)
  t.match(stdout, 'its annotations are not known until Argo fills them in')
  t.match(stdout.replace(/\s+/g, ' '), `${place}${field}: "{{inputs.parameters.model}}" ${said}`)
  const json = await runShared([...args, '-o', 'json'], { stdin: pending })
  t.match(JSON.parse(json.stdout), [{ verdict: 'not known' }])
  const denied = await runShared(args, { stdin: `${pending}---\n${workflow('s3://models')}` })
  t.equal(denied.code, 1, 'a denial beside it counts')
})

t.test('render says that nothing is rendered for it yet', async (t) => {
  const { code, stdout, stderr } = await runShared(['render', '-f', '-'], { stdin: pending })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.equal(
    stderr,
    `workflow/score cannot be judged: ${place}${field}: "{{inputs.parameters.model}}" ${said}\nnothing is rendered for what is not known until Argo fills it in\n`,
  )
})

t.test('uninject has nothing to take out of it', async (t) => {
  const { code, stdout } = await runShared(['uninject', '-f', '-'], { stdin: pending })
  t.equal(code, 0)
  t.equal(stdout, pending)
})

t.test('audit names it, judges the others, and exits with 2', async (t) => {
  const stdin = `${pending}---\n${workflow('s3://models/llama/').replace('name: score', 'name: known')}`
  const { code, stdout, stderr } = await runShared(['audit', '-f', '-', '--fail-on', 'tampered', '-o', 'json'], {
    stdin,
  })
  t.equal(code, 2)
  t.match(stderr, `workflow/score cannot be judged: ${place}${field}: "{{inputs.parameters.model}}" ${said}\n`)
  const { pods, summary } = JSON.parse(stdout) as { pods: readonly unknown[]; summary: { invalid: number } }
  t.equal(pods.length, 1)
  t.equal(summary.invalid, 0)
  const failed = await runShared(['audit', '-f', '-', '--fail-on', 'missing,unpinned'], { stdin })
  t.equal(failed.code, 1, 'a judgement of --fail-on counts')
})

t.test('audit names it only in the namespaces that were asked for', async (t) => {
  const item = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: { name: 'score', namespace: 'apps' },
    spec: {
      templates: [{ metadata: { annotations: { 'models.example.io/source': '{{x}}' } }, container: { image: 'app' } }],
    },
  }
  const other = await runShared(['audit', '-f', '-', '-n', 'other'], { stdin: JSON.stringify(item) })
  t.equal(other.code, 0, 'one of a namespace that was not asked for is left out')
  const { code, stderr } = await runShared(['audit', '-f', '-', '-n', 'apps'], { stdin: JSON.stringify(item) })
  t.equal(code, 2)
  t.match(stderr, said)
})

t.test('braces in other kinds, and other annotations of a workflow, are text as before', async (t) => {
  const job = pending.replace('argoproj.io/v1alpha1', 'batch/v1').replace('Workflow', 'Job')
  t.notMatch((await runShared(['inject', '-f', '-'], { stdin: job })).stderr, said)
  const label = workflow('s3://models/llama/').replace('annotations:', 'annotations:\n          other: "{{x}}"')
  t.notMatch((await runShared(['inject', '-f', '-'], { stdin: label })).stderr, said)
})
