/** The forms in which results come out, and the way back. */
import t from 'tap'
import { join } from 'node:path'
import { applyPatch } from 'diff'
import jsonPatch from 'fast-json-patch'
import { parse, parseAllDocuments } from 'yaml'
import {
  badJob,
  configMap,
  cronJobManifest,
  deployment,
  injectedTemplate,
  template,
  type ObjectPatch,
  type Workload,
} from './manifests.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

t.test('--quiet reports only what was denied', async (t) => {
  const { stderr } = await runShared(['inject', '-q', '-f', '-'], { stdin: `${configMap}---\n${badJob}` })
  t.match(stderr, /^job\/broken denied:\n( {2}stdin:\d+:9: spec.*\n){2}what was denied is left out of the result\n$/)
  t.equal((await runShared(['inject', '-q', '-f', '-'], { stdin: deployment })).stderr, '')
})

t.test('-o patch gives operations that another library applies to the same result', async (t) => {
  const stdin = `${deployment}---\n${configMap}---\n${cronJobManifest}`
  const [plain, patched] = [
    await runShared(['inject', '-f', '-'], { stdin }),
    await runShared(['inject', '-f', '-', '-o', 'patch'], { stdin }),
  ]
  const patches = JSON.parse(patched.stdout) as ObjectPatch[]
  t.strictSame(
    patches.map(({ kind, name, namespace }) => [kind, name, namespace]),
    [
      ['Deployment', 'my-inference-app', 'apps'],
      ['CronJob', 'nightly', undefined],
    ],
  )
  const applied = [deployment, cronJobManifest].map(
    (text, i) => jsonPatch.applyPatch(parse(text), patches[i]!.patch, true).newDocument as unknown,
  )
  const [first, , third] = parseAllDocuments(plain.stdout).map((document) => document.toJS() as unknown)
  t.strictSame(applied, [first, third])
})

t.test('-o json gives one object, or a List of several', async (t) => {
  const one = await runShared(['inject', '-f', '-', '-o', 'json'], { stdin: deployment })
  t.strictSame((JSON.parse(one.stdout) as Workload).spec.template, injectedTemplate(deployment, 'apps'))
  const several = await runShared(['inject', '-f', '-', '-o', 'json'], { stdin: `${deployment}---\n${configMap}---\n` })
  t.match(JSON.parse(several.stdout), {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ kind: 'Deployment' }, { kind: 'ConfigMap' }],
  })
  const long = await runShared(['inject', '-f', '-', '-o', 'json'], {
    stdin: `${configMap}long: 12345678901234567890\nmode: 0644\nok: yes\n`,
  })
  t.match(
    long.stdout,
    '"long": 12345678901234567890,\n  "mode": 420,\n  "ok": true\n',
    'numbers and booleans as kubectl reads them',
  )
})

t.test('JSON goes in and JSON comes out, unless YAML is asked for', async (t) => {
  const stdin = JSON.stringify(parse(deployment))
  const asRead = await runShared(['inject', '-f', '-'], { stdin })
  t.strictSame((JSON.parse(asRead.stdout) as Workload).spec.template, injectedTemplate(deployment, 'apps'))
  const asYAML = await runShared(['inject', '-f', '-', '-o', 'yaml'], { stdin })
  t.match(asYAML.stdout, /^apiVersion: apps\/v1\nkind: Deployment\n/)
  t.strictSame(template(asYAML.stdout), injectedTemplate(deployment, 'apps'))
})

t.test('--diff shows what changes: a patch without colours, unless they are wanted', async (t) => {
  const file = join(t.testdir({ 'app.yaml': `${deployment}---\n${badJob}` }), 'app.yaml')
  const plain = await runShared(['inject', '-f', file, '--diff'])
  t.equal(plain.code, 1, 'a denial fails here as well')
  t.equal(
    plain.stdout
      .split('\n')
      .filter((line) => line.startsWith('-'))
      .join(),
    `--- ${file}\tbefore`,
    'nothing is taken away, not even the denied object',
  )
  const patched = applyPatch(`${deployment}---\n${badJob}`, plain.stdout)
  t.strictSame(
    (parseAllDocuments(patched as string)[0]!.toJS() as Workload).spec.template,
    injectedTemplate(deployment, 'apps'),
  )
  const coloured = await runShared(['inject', '-f', file, '--diff', '--color', 'always'])
  t.match(coloured.stdout, '\u001b[32m+')
  t.equal(coloured.stdout.replace(/\u001b\[\d+m/g, ''), plain.stdout.replace(/'\{"schema".*'/, "'{…}'"))
  const forced = { FORCE_COLOR: '1' }
  t.match((await runShared(['inject', '-f', file, '--diff'], { env: forced })).stdout, '\u001b[32m+')
  t.notMatch((await runShared(['inject', '-f', file, '--diff', '--color', 'never'], { env: forced })).stdout, '\u001b')
  t.notMatch((await runShared(['inject', '-f', file, '--diff'], { env: { NO_COLOR: '1' } })).stdout, '\u001b')
  const colours = async (env: Readonly<Record<string, string>>): Promise<boolean> =>
    (await runShared(['inject', '-f', file, '--diff'], { env })).stdout.includes('\u001b')
  t.equal(await colours({ CLICOLOR_FORCE: '1' }), true)
  t.equal(await colours({ CLICOLOR_FORCE: '0' }), false)
  t.equal(await colours({ CLICOLOR_FORCE: '1', NO_COLOR: '1' }), false)
  t.equal(await colours({ CLICOLOR_FORCE: '1', FORCE_COLOR: '0' }), false)
})

t.test('--diff folds the status for people, which is a long line of JSON', async (t) => {
  const args = ['inject', '-f', '-', '--diff', '--color', 'always']
  const yaml = await runShared(args, { stdin: deployment })
  t.match(yaml.stdout, "+        models.example.io/status: '{…}'")
  const json = await runShared(args, { stdin: JSON.stringify(parse(deployment), null, 2) })
  t.match(json.stdout, /\+ +"models\.example\.io\/status": "\{…\}",?/)
  for (const { stdout } of [yaml, json]) t.notMatch(stdout, 'schema')
})

t.test('injecting the result again changes nothing', async (t) => {
  const once = await runShared(['inject', '-f', '-'], { stdin: `${deployment}---\n${cronJobManifest}` })
  const twice = await runShared(['inject', '-f', '-'], { stdin: once.stdout })
  t.equal(twice.stdout, once.stdout)
  t.match(twice.stderr, /skipped: the pod carries all its parts already\n.*\n2 skipped\n$/)
  t.equal((await runShared(['inject', '-f', '-', '--diff'], { stdin: once.stdout })).stdout, '')
})

t.test('uninject gives back the file, byte for byte, and says what it took out', async (t) => {
  const stdin = `${deployment}---\n${configMap}---\n${cronJobManifest}`
  const injected = await runShared(['inject', '-f', '-'], { stdin })
  t.not(injected.stdout, stdin)
  const { code, stdout, stderr } = await runShared(['uninject', '-f', '-'], { stdin: injected.stdout })
  t.equal(code, 0)
  t.equal(stdout, stdin)
  t.match(
    stderr,
    'deployment/my-inference-app uninjected: took out init container model-loader; volumes model-data, model-tmp, eks-pod-identity-token;',
  )
  t.match(stderr, 'mounts and variables of app\n')
  t.match(stderr, /\n2 uninjected, 1 skipped\n$/)
})

t.test('uninject leaves alone what has no parts of ours', async (t) => {
  const { stdout, stderr } = await runShared(['uninject', '-f', '-'], { stdin: deployment })
  t.equal(stdout, deployment)
  t.match(stderr, 'skipped: the pod has no parts that model-injector added')
})
