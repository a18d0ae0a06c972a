/** Files that `-f` reads, and its errors for those that cannot be read. */
import t from 'tap'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { configMap, cronJobManifest, deployment } from './manifests.ts'
import { runCLI } from './run-cli.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

t.test('a document that is not a workload comes out byte for byte', async (t) => {
  const others = `# head\n---\n${configMap}--- # empty\n---\nnull\n...\n%YAML 1.2\n---\nkind: Unknown\napiVersion: example.io/v1\nspec: {template: {metadata: {annotations: {example.io/source: x}}}}\n# tail`
  const { code, stdout, stderr } = await runCLI(['inject', '-f', '-'], { stdin: others })
  t.equal(code, 0)
  t.equal(stdout, others)
  t.equal(stderr, 'configmap/settings skipped: not a workload\nunknown/(no name) skipped: not a workload\n2 skipped\n')
})

t.test('an empty file is fine', async (t) => {
  for (const stdin of ['', '# nothing\n', '---\n']) {
    t.strictSame(await runCLI(['inject', '-f', '-'], { stdin }), {
      code: 0,
      stdout: stdin,
      stderr: 'no objects found\n',
    })
  }
})

t.test('a directory is read recursively and in order, and several files become one stream', async (t) => {
  const dir = t.testdir({
    'b.yaml': configMap.trimEnd(),
    'a.yml': deployment,
    'notes.txt': '{',
    '.hidden.yaml': '{',
    'd.yaml': {},
    sub: { 'c.json': '{"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}}' },
  })
  const { code, stdout, stderr } = await runCLI(['inject', '-f', dir, '-f', '-'], { stdin: cronJobManifest })
  t.equal(code, 0)
  t.strictSame(
    parseAllDocuments(stdout).map((document) => document.get('kind')),
    ['Deployment', 'ConfigMap', 'Secret', 'CronJob'],
  )
  t.match(stderr, /^deployment\/.*\nconfigmap\/.*\nsecret\/s .*\ncronjob\/nightly injected/)
})

t.test('all mistakes of the configuration are printed, and nothing is done', async (t) => {
  const config = join(t.testdir({ 'c.yaml': 'unknown: 1\nopenshift: maybe\n' }), 'c.yaml')
  const { code, stdout, stderr } = await runCLI(['inject', '-f', '-', '--config', config], { stdin: deployment })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, 'unknown: unknown key')
  t.match(stderr, 'openshift: must be boolean')
  t.match(
    (await runCLI(['inject', '-f', '-', '--config', `${config}.gone`])).stderr,
    /^model-injector: .*c\.yaml\.gone: no such file or directory\n$/,
  )
})

t.test('every document that cannot be read is named with its line, and the others are injected', async (t) => {
  const dir = t.testdir({
    'good.yaml': deployment,
    'between.yaml': `${configMap}---\na: [1\n---\n${deployment.replace('name: my', 'name: second')}`,
    'key.yaml': 'a: 1\n? [b]\n: 1\n',
    'word.yaml': 'a:\n  b: .inf\n',
    'open.yaml': 'a: 1\n---\nb: [1,\n',
    'alias.yaml': 'a:\n  b: *nowhere\n',
    'template.yaml': '{{ if .Values.x }}\n',
    'chart.yaml': 'metadata:\n  name: {{ .Release.Name }}\n',
    'bomb.yaml': [
      'x0: &x0 [1,1,1,1,1,1,1,1,1,1]',
      ...Array.from({ length: 9 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(10).fill(`*x${i}`).join()}]`),
    ].join('\n'),
    'deep.yaml': '['.repeat(20_000),
    'deeper.yaml': `a: 1\n---\nb: ${'{a: '.repeat(300)}1${'}'.repeat(300)}\n`,
    'itself.yaml': 'a: &a\n- *a\n',
    'escape.yaml': 'a: *x\u001b[31m\n',
  })
  const { code, stdout, stderr } = await runCLI(['inject', '-f', dir], { cwd: dir })
  t.equal(code, 2)
  t.strictSame(
    parseAllDocuments(stdout).map((document) => document.getIn(['metadata', 'name'])),
    ['settings', 'second-inference-app', undefined, 'my-inference-app', undefined],
  )
  t.match(stderr, `model-injector: ${join(dir, 'between.yaml')}:8:1: `)
  t.match(stderr, `model-injector: ${join(dir, 'key.yaml')}:2:3: is no key: keys of objects are text\n`)
  t.match(stderr, `model-injector: ${join(dir, 'word.yaml')}:2:6: .inf is no number of JSON\n`)
  t.match(stderr, `model-injector: ${join(dir, 'alias.yaml')}:2:6: no anchor &nowhere stands before this alias\n`)
  t.match(stderr, /open\.yaml:\d+:\d+: /)
  t.match(stderr, /template\.yaml:1:1: \{\{ … \}\} belongs to a template of Helm or Jinja/)
  t.match(stderr, /chart\.yaml:2:9: \{\{ … \}\} belongs to a template of Helm or Jinja/)
  t.match(stderr, /bomb\.yaml:\d+:\d+: has aliases that multiply/)
  t.match(stderr, /deep\.yaml:1:\d+: is nested too deeply\n/)
  t.match(stderr, /deeper\.yaml:3:1: is nested too deeply\n/)
  t.match(stderr, /itself\.yaml:2:3: the anchor &a contains itself\n/)
  t.match(stderr, /escape\.yaml:1:/)
  t.notMatch(stderr, /\u001b|good\.yaml|bug/)
})

t.test('paths that are no manifests are errors', async (t) => {
  const dir = t.testdir({
    empty: {},
    'latin.yaml': Buffer.from([0x61, 0xff]),
    'large.yaml': `a: ${'x'.repeat(17 * 2 ** 20)}`,
  })
  const { code, stdout, stderr } = await runCLI(
    ['inject', ...['empty', 'latin.yaml', 'large.yaml', 'gone.yaml'].flatMap((name) => ['-f', name])],
    { cwd: dir },
  )
  t.equal(code, 2)
  t.equal(stdout, '')
  t.strictSame(stderr.trimEnd().split('\n').sort(), [
    'model-injector: empty: holds no .yaml, .yml or .json file',
    'model-injector: gone.yaml: no such file or directory',
    'model-injector: large.yaml: is larger than 16 MiB',
    'model-injector: latin.yaml: is not UTF-8 text',
  ])
})

t.test('names of objects cannot write to the terminal', async (t) => {
  const { stderr } = await runCLI(['inject', '-f', '-'], {
    stdin: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a\u001b[2J\nb injected' } }),
  })
  t.equal(stderr, 'secret/a\\u001b[2J\\u000ab injected skipped: not a workload\n1 skipped\n')
})

t.test('a name that no API server would accept is cut', async (t) => {
  const { stderr } = await runCLI(['inject', '-f', '-'], {
    stdin: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x'.repeat(10_000) } }),
  })
  t.equal(stderr, `secret/"${'x'.repeat(117)}..." skipped: not a workload\n1 skipped\n`)
})

t.test('malformed workloads are denied or skipped, never a crash', async (t) => {
  const shapes = [
    'kind: Deployment\napiVersion: apps/v1\n',
    'kind: Deployment\napiVersion: apps/v1\nspec: 7\n',
    'kind: Pod\napiVersion: v1\nspec: []\nmetadata: null\n',
    'kind: [Pod]\napiVersion: {}\nmetadata: {name: 7}\n',
    'kind: List\napiVersion: v1\nitems: [null, 1, {}, [[]]]\n',
    'kind: List\napiVersion: v1\nitems: 1\n',
    '- 1\n',
    'text\n',
  ]
  const skipped = await runCLI(['inject', '-f', '-'], { stdin: shapes.join('---\n') })
  t.equal(skipped.code, 0)
  t.equal(skipped.stdout, shapes.join('---\n'))
  const denied = await runCLI(['inject', '-f', '-'], {
    stdin: deployment.replace('      containers:', '      containers: {}\n      other:'),
  })
  t.equal(denied.code, 1)
  t.equal(denied.stdout, '')
  t.match(denied.stderr, ': spec.template.spec.containers: must be array')
  const bare = await runCLI(['inject', '-f', '-'], { stdin: deployment.slice(0, deployment.indexOf('    spec:')) })
  t.match(bare.stderr, ': spec.template: must have required property')
})
