/** `model-injector policy test` as CI runs it. */
import t, { type Test } from 'tap'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { convert } from 'xmlbuilder2'
import { stringify } from 'yaml'
import type { RunResult } from './run-cli.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

const policy = {
  mode: 'audit',
  enforceNamespaces: ['team-b'],
  rules: [
    { name: 'llama', namespaces: ['team-*'], sources: ['s3://models/llama/*'] },
    { name: 'of-team-z', namespaces: ['team-z'] },
    { name: 'too-narrow', namespaces: ['team-a'], sources: ['s3://models/llama'] },
  ],
}

function deployment(name: string, namespace: string | undefined, annotations: Record<string, string>): object {
  const own = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`models.example.io/${key}`, value]))
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: { template: { metadata: { annotations: own }, spec: { containers: [{ name: 'app', image: 'app:1' }] } } },
  }
}

const allowed = deployment('chat', 'team-a', { source: 's3://models/llama/1/' })
const audited = deployment('embed', 'team-a', { source: 's3://models/llama/1/', 'source.b': 's3://others/b/' })
const denied = deployment('rank', 'team-b', { source: 's3://others/b/' })
const misspelt = deployment('typo', 'team-b', { source: 's3://models/llama/1/', sise: '1Gi' })
const plain = deployment('plain', undefined, {})
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'chat' } }

async function testPolicy(t: Test, objects: readonly object[], ...args: readonly string[]): Promise<RunResult> {
  const directory = t.testdir({})
  await mkdir(join(directory, 'pods/deep'), { recursive: true })
  await Promise.all([
    writeFile(join(directory, 'policy.yaml'), stringify({ policy })),
    ...objects.map((object, i) => writeFile(join(directory, `pods/deep/${i}.yaml`), stringify(object))),
  ])
  return runShared(['policy', 'test', '-f', 'pods/', '--config', 'policy.yaml', ...args], {
    cwd: directory,
    env: { COLUMNS: '240' },
  })
}

function rows(stdout: string): readonly (readonly string[])[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
}

t.test('each model of each workload is allowed by a rule, or denied with every reason', async (t) => {
  const { code, stdout, stderr } = await testPolicy(t, [allowed, audited, denied, misspelt, plain, service])
  t.equal(code, 1)
  t.strictSame(rows(stdout), [
    ['OBJECT', 'NAMESPACE', 'MODEL', 'VERDICT', 'REASON'],
    ['deployment/chat', 'team-a', 'model', 'allowed', 'rule llama allows it: s3://models/llama/1/'],
    ['deployment/embed', 'team-a', 'model', 'allowed', 'rule llama allows it: s3://models/llama/1/'],
    [
      'deployment/embed',
      'team-a',
      'b',
      'denied (audit)',
      'rule "llama" does not allow the source "s3://others/b/"; rule "too-narrow" does not allow the source "s3://others/b/"',
    ],
    ['deployment/rank', 'team-b', 'model', 'denied', 'rule "llama" does not allow the source "s3://others/b/"'],
    [
      'deployment/typo',
      'team-b',
      '-',
      'denied',
      'pods/deep/3.yaml:11:9: spec.template.metadata.annotations[models.example.io/sise]: is no annotation of model-injector; did you mean models.example.io/size?',
    ],
  ])
  t.match(stderr, 'deployment/chat warning: pods/deep/0.yaml:10:9: model: without size, the scheduler may choose')
  t.equal(
    stderr.replace(/^\S+ warning: .*\n/gm, ''),
    [
      'rule of-team-z allows none of these models: no pod with a model is in team-z',
      'rule too-narrow allows none of these models: it is about 2 pods, and refuses their models',
      '1 allowed, 3 denied, 1 skipped',
      '',
    ].join('\n'),
  )
})

t.test('all allowed ends with 0, and namespaces in audit mode pass only with --audit-warn', async (t) => {
  t.match(await testPolicy(t, [allowed, plain, service]), { code: 0, stderr: '1 allowed, 1 skipped' })
  t.match(await testPolicy(t, [allowed, audited]), { code: 1 })
  t.match(await testPolicy(t, [allowed, audited], '--audit-warn'), { code: 0 })
  t.match(await testPolicy(t, [denied], '--audit-warn'), { code: 1 }, 'the policy is enforced there')
  t.match(
    await testPolicy(t, [deployment('x', 'team-a', { source: 'node:///etc/x' })], '--audit-warn'),
    { code: 1 },
    'a pod that is denied in audit mode, too',
  )
})

t.test('-n names the namespace of objects that have none', async (t) => {
  const object = deployment('chat', undefined, { source: 's3://models/llama/1/' })
  t.match(await testPolicy(t, [object], '-n', 'team-a'), { code: 0 })
  t.match(await testPolicy(t, [object]), { code: 1, stdout: 'no rule is about the namespace "default"' })
})

t.test('with --expect denied, every pod has to be denied by the policy and by nothing else', async (t) => {
  t.match(await testPolicy(t, [denied, audited], '--expect', 'denied'), { code: 0, stderr: /^2 denied\n$/ })
  const { code, stderr } = await testPolicy(t, [denied, allowed, misspelt, plain], '--expect', 'denied')
  t.equal(code, 1)
  t.strictSame(stderr.split('\n'), [
    'deployment/chat of pods/deep/1.yaml was to be denied by the policy, and is allowed',
    'deployment/typo of pods/deep/2.yaml was to be denied by the policy, and is denied for other mistakes',
    'deployment/plain of pods/deep/3.yaml was to be denied by the policy, and is skipped',
    '1 allowed, 2 denied, 1 skipped',
    '',
  ])
})

t.test('JSON says all of it to a script', async (t) => {
  const { stdout } = await testPolicy(t, [audited, plain], '-o', 'json')
  t.match(JSON.parse(stdout), {
    config: 'policy.yaml',
    pods: [
      {
        file: 'pods/deep/0.yaml',
        title: 'deployment/embed',
        namespace: 'team-a',
        verdict: 'denied',
        reason: 'NotAllowed',
        mode: 'audit',
        asExpected: false,
        models: [
          { name: 'model', verdict: 'allowed', allowedBy: 'llama' },
          { name: 'b', source: 's3://others/b/', verdict: 'denied', refusedBy: ['llama', 'too-narrow'] },
        ],
      },
      { title: 'deployment/plain', verdict: 'skipped', reason: 'NotAnnotated', asExpected: true },
    ],
    unusedRules: [{ name: 'of-team-z' }, { name: 'too-narrow' }],
  })
})

t.test('JUnit has a test case for each pod, and a failure for what is not as expected', async (t) => {
  const { code, stdout } = await testPolicy(t, [allowed, denied, plain], '-o', 'junit')
  t.equal(code, 1)
  const { testsuites } = convert(stdout, { format: 'object' }) as { testsuites: Record<string, unknown> }
  t.match(testsuites, {
    '@tests': '3',
    '@failures': '1',
    '@skipped': '1',
    testsuite: {
      '@name': 'policy.yaml',
      testcase: [
        { '@name': 'deployment/chat', '@classname': 'team-a', 'system-out': /allowed: rule llama allows it/ },
        {
          '@name': 'deployment/rank',
          '@file': 'pods/deep/1.yaml',
          failure: { '@type': 'NotAllowed', '@message': /^model: denied: rule .*llama.* does not allow/ },
        },
        { '@name': 'deployment/plain', skipped: { '@message': /no annotation of ours/ } },
      ],
    },
  })
})

t.test('a run without pods is an error', async (t) => {
  t.match(await testPolicy(t, [service]), { code: 2, stderr: 'holds neither a pod nor a workload' })
  t.match(await runShared(['policy', 'test', '-f', '-']), { code: 64, stderr: /--config <file> is required/ })
})
