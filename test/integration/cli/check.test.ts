/** `check` on the command line: formats, colours and exit codes. Its findings have tests of their own. */
import t from 'tap'
import {
  startFakeAPIServer,
  writeKubeconfig,
  type FakeAnswer,
  type FakeRequest,
} from '../../unit/cluster/fake-api-server.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(120_000)

const directory = t.testdir({})

/** A cluster with nothing in it, as far as the user may look. */
function emptyCluster({ path, method }: FakeRequest): FakeAnswer {
  if (path === '/version') return { body: { major: '1', minor: '36', gitVersion: 'v1.36.3' } }
  if (path.endsWith('/selfsubjectreviews')) return { status: 201, body: { status: { userInfo: { username: 'eve' } } } }
  if (path.endsWith('/selfsubjectaccessreviews')) return { status: 201, body: { status: { allowed: false } } }
  if (method === 'POST' || path.includes('validatingadmissionpolicies')) {
    return { status: 403, body: { message: 'forbidden: \u001b[31mred' } }
  }
  if (/\/(?:mutatingwebhookconfigurations|daemonsets)$/.test(path)) return { body: { items: [] } }
  return { status: 404, body: { message: 'not found' } }
}

const server = await startFakeAPIServer(emptyCluster)
t.teardown(() => server.close())
const kubeconfig = await writeKubeconfig(`${directory}/config`, server.url)

t.test('an error makes the exit code 1, and the report has what, why and how to fix it', async (t) => {
  const { code, stdout, stderr } = await runShared(['check', '--kubeconfig', kubeconfig], { env: { COLUMNS: '100' } })
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(
    stdout,
    new RegExp(
      `^${server.url} \\(context fake, as eve, v1\\.36\\.3\\)\n\nAPI server\n {2}ok {7}api-server {11}v1\\.36\\.3\n`,
    ),
  )
  t.match(
    stdout,
    '\n  ERROR    registered           there is no MutatingWebhookConfiguration model-injector\n           why   without it no pod is injected, and nothing says so\n           fix   install the chart, or apply its manifests\n',
  )
  t.match(stdout, /\n {2}- {8}guard-policy {9}not checked: cannot list validatingadmissionpolicies: HTTP 403/)
  t.match(stdout, /\n\n1 error, 1 warning, 8 not checked, 2 ok\n$/)
  t.match(
    stdout,
    /\n {17}kubectl --kubeconfig \S+ create clusterrole model-injector-check-list --verb=list --resource=validating/,
  )
  t.notMatch(stdout, '\u001b', 'no colours and nothing of others that a terminal obeys')
  t.strictSame(
    stdout.split('\n').filter((line) => line.length > 100 && !line.includes(' kubectl ')),
    [],
    'commands alone are not wrapped',
  )
})

t.test('--quiet leaves out what is right, --color paints', async (t) => {
  const quiet = await runShared(['check', '--kubeconfig', kubeconfig, '-q'])
  t.equal(quiet.code, 1)
  t.notMatch(quiet.stdout, 'api-server')
  t.match(quiet.stdout, 'ERROR    registered')
  const painted = await runShared(['check', '--kubeconfig', kubeconfig, '--color', 'always'])
  t.match(painted.stdout, '\u001b[31m')
  t.notMatch(painted.stdout, '\u001b[31mred')
})

t.test('-o json has the findings as data', async (t) => {
  const { code, stdout } = await runShared(['check', '--kubeconfig', kubeconfig, '-o', 'json'])
  t.equal(code, 1)
  const report = JSON.parse(stdout) as { cluster: object; summary: object; findings: { id: string }[] }
  t.match(report.cluster, { server: server.url, context: 'fake', serverVersion: 'v1.36.3', username: 'eve' })
  t.strictSame(report.summary, { error: 1, warning: 1, unchecked: 8, ok: 2 })
  t.match(
    report.findings.find(({ id }) => id === 'registered'),
    { severity: 'error', section: 'Registration', what: /MutatingWebhookConfiguration/, why: /./, remedy: /./ },
  )
})

t.test('an API server that gives no answer is one error, and no crash', async (t) => {
  const gone = await startFakeAPIServer(emptyCluster)
  await gone.close()
  const { code, stdout, stderr } = await runShared([
    'check',
    '--kubeconfig',
    await writeKubeconfig(`${directory}/gone`, gone.url),
    '-o',
    'json',
  ])
  t.equal(code, 2, 'it could not look')
  t.equal(stderr, '')
  t.match(JSON.parse(stdout), {
    summary: { error: 1, ok: 0 },
    findings: [{ id: 'api-server', severity: 'error', what: /gives no answer: .*ECONNREFUSED/ }],
  })
})

t.test('--pre asks for the permissions of an installation, and names what it may not look at', async (t) => {
  const { code, stdout, stderr } = await runShared(['check', '--pre', '--kubeconfig', kubeconfig], {
    env: { COLUMNS: '200' },
  })
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(
    stdout,
    /\n {2}ERROR {4}install-rights {7}missing permissions: create namespaces in the whole cluster; create, get,\s+patch /,
  )
  t.match(
    stdout,
    /\n {2}- {8}cert-manager {9}not checked: .*missing permission: create\s+issuers\.cert-manager\.io in the namespace default\n/,
  )
  t.match(stdout, /\n {2}- {8}name-collision {7}not checked: .*missing permission: get\s+validatingadmissionpolicies/)
})

t.test('a kubeconfig without a current context is reported on stderr', async (t) => {
  t.strictSame(await runShared(['check', '--kubeconfig', kubeconfig, '--context', 'prod']), {
    code: 2,
    stdout: '',
    stderr: 'model-injector: the kubeconfig has no context "prod"; it has: fake\n',
  })
})

t.test('a command line that is not understood ends with exit code 64', async (t) => {
  for (const args of [
    ['extra'],
    ['-o', 'xml'],
    ['--server-url', 'http://x'],
    ['--server-url', 'x'],
    ['--color', 'blue'],
    ['--unknown'],
    ['--release', 'x'],
    ['--without-cert-manager'],
    ['--pre', 'apps'],
    ['--pre', '--identity', 'apps/x'],
    ['--pre', '--server-url', 'https://x'],
    ['--pre', '--claim', 'x'],
    ['--pre', '--release', 'A'],
    ['--pre', '-n', 'A'],
  ]) {
    const { code, stdout } = await runShared(['check', ...args])
    t.equal(code, 64, args.join(' '))
    t.equal(stdout, '')
  }
  const { code, stdout } = await runShared(['check', '--help'])
  t.equal(code, 0)
  t.match(stdout, /\nExit codes:\n {2}0 [^]*\nExamples:\n {2}model-injector check\n/)
})
