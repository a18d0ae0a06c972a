/** Warnings of the core in files: every command that reads manifests says the file, line and column of the annotation. */
import t from 'tap'
import { runShared } from './run-shared.ts'

t.setTimeout(300_000)

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: chat, namespace: apps}
spec:
  template:
    metadata:
      annotations:
        models.example.io/expect: objects=1
        models.example.io/source: s3://models/llama/
        models.example.io/sise: 1Gi
    spec:
      runtimeClassName: kata
      containers: [{name: app, image: app}]
`
const unknown =
  'stdin:10:9: "models.example.io/sise" is not known and was ignored, did you mean models.example.io/size?'
const noSize = 'stdin:9:9: model: without size, the scheduler may choose a node whose disk is too small'
const kata = 'stdin:12:7: runtimeClassName "kata": Kata may show an emptyDir empty'
const directory = t.testdir({ 'config.yaml': 'unknownAnnotations: warn\n' })
const config = `${directory}/config.yaml`

t.test('inject', async (t) => {
  const { code, stderr } = await runShared(['inject', '-f', '-', '--config', config], { stdin: manifest })
  t.equal(code, 0)
  for (const warning of [unknown, noSize, kata]) t.match(stderr, `\ndeployment/chat warning: ${warning}`)
})

t.test('why', async (t) => {
  const args = ['why', '-f', '-', '--config', config, '-o', 'json']
  const { code, stdout } = await runShared(args, { stdin: manifest })
  t.equal(code, 0)
  const [{ steps }] = JSON.parse(stdout) as [{ steps: { details: string[] }[] }]
  const details = steps.flatMap((step) => step.details).join('\n')
  for (const warning of [unknown, noSize, kata]) t.match(details, `warning: ${warning}`)
})

t.test('policy test, in every format', async (t) => {
  const args = ['policy', 'test', '-f', '-', '--config', config]
  const { code, stdout, stderr } = await runShared([...args, '-o', 'json'], { stdin: manifest })
  t.equal(code, 0)
  const { pods } = JSON.parse(stdout) as { pods: [{ verdict: string; warnings: string[] }] }
  t.equal(pods[0].verdict, 'allowed')
  for (const warning of [unknown, noSize, kata]) {
    t.match(stderr, `deployment/chat warning: ${warning}`)
    t.match(pods[0].warnings.join('\n'), warning)
  }
  t.match((await runShared([...args, '-o', 'junit'], { stdin: manifest })).stdout, 'warning: stdin:9:9: model: without')
})

t.test('render', async (t) => {
  const aws = ['--account-id', '111122223333', '--region', 'eu-west-1', '--cluster', 'main']
  const args = ['render', '-f', '-', '--config', config, ...aws]
  const { code, stderr } = await runShared(args, { stdin: manifest })
  t.equal(code, 0)
  t.match(stderr, `deployment/chat warning: ${unknown}`)
})

t.test('a warning about the pod as a whole has the place of its annotations', async (t) => {
  const shared = manifest
    .replace('expect: objects=1', 'credentials-scope: loader')
    .replace('image: app', 'image: app, env: [{name: AWS_ROLE_ARN, value: x}]')
  const { stderr } = await runShared(['inject', '-f', '-', '--config', config], { stdin: shared })
  t.match(stderr, 'warning: stdin:7:7: app: credentials were added before us and stay')
})
