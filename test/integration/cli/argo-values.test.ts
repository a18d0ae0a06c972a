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

t.test('why says that it cannot be said before Argo fills it in', async (t) => {
  const { stdout } = await runShared(['why', '-f', '-', '--config', config], { stdin: pending })
  t.match(stdout, 'it cannot be said before Argo fills in the annotations')
  t.match(stdout.replace(/\s+/g, ' '), `"{{inputs.parameters.model}}" ${said}`)
})

t.test('audit counts it as one that it could not judge', async (t) => {
  const { code, stdout, stderr } = await runShared(['audit', '-f', '-', '--fail-on', 'tampered'], { stdin: pending })
  t.equal(code, 1)
  t.match(stdout.replace(/\s+/g, ' '), `"{{inputs.parameters.model}}" ${said}`)
  t.match(stderr, 'failed on 1 that cannot be judged')
})

t.test('braces in other kinds, and other annotations of a workflow, are text as before', async (t) => {
  const job = pending.replace('argoproj.io/v1alpha1', 'batch/v1').replace('Workflow', 'Job')
  t.notMatch((await runShared(['inject', '-f', '-'], { stdin: job })).stderr, said)
  const label = workflow('s3://models/llama/').replace('annotations:', 'annotations:\n          other: "{{x}}"')
  t.notMatch((await runShared(['inject', '-f', '-'], { stdin: label })).stderr, said)
})
