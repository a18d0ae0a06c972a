/** `check --delivery` on the command line: options, bad input, and how the commands of a fix are shown. */
import { CommanderError } from 'commander'
import t from 'tap'
import { buildProgram } from '../../../src/cli/program.ts'
import {
  startFakeAPIServer,
  writeKubeconfig,
  type FakeAnswer,
  type FakeRequest,
} from '../../unit/cluster/fake-api-server.ts'
import { runShared } from './run-shared.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(600_000)

const directory = t.testdir({})
const source = {
  metadata: {
    name: 'llama',
    namespace: 'model-store',
    uid: 'u',
    annotations: { 'trident.netapp.io/shareToNamespace': 'ml' },
  },
  spec: {
    storageClassName: 'nas',
    volumeName: 'pv-1',
    accessModes: ['ReadWriteMany'],
    resources: { requests: { storage: '20Gi' } },
  },
  status: { phase: 'Bound' },
}

/** A cluster with a namespace and a source claim, and without Trident. */
function cluster({ path, method }: FakeRequest): FakeAnswer {
  if (path === '/version') return { body: { major: '1', minor: '36', gitVersion: 'v1.36.3' } }
  if (path.endsWith('/selfsubjectreviews')) return { status: 201, body: { status: { userInfo: { username: 'eve' } } } }
  if (path === '/api/v1/namespaces/apps') return { body: { metadata: { name: 'apps' } } }
  if (path.endsWith('/model-store/persistentvolumeclaims/llama')) return { body: source }
  if (path.endsWith('/jobs')) return { status: 403, body: { message: 'forbidden' } }
  if (method === 'GET' && /\/(?:deployments|statefulsets|daemonsets|cronjobs|pods)$/.test(path)) {
    return { body: { items: [] } }
  }
  return { status: 404, body: { message: 'not found' } }
}

const server = await startFakeAPIServer(cluster)
t.teardown(() => server.close())
const kubeconfig = await writeKubeconfig(`${directory}/config`, server.url)
const check = async (...args: readonly string[]): ReturnType<typeof runShared> =>
  runShared(['check', '--kubeconfig', kubeconfig, ...args], { env: { COLUMNS: '80' } })

t.test(
  'commands stand whole below the finding that they fix, however narrow the terminal is, and are for the cluster that was looked at',
  async (t) => {
    const { code, stdout, stderr } = await check(
      '--delivery',
      'fsx',
      'apps',
      '--claim',
      'llama',
      '--from',
      'model-store/llama',
      '--context',
      'fake',
    )
    t.equal(stderr, '')
    t.equal(code, 1)
    t.match(stdout, '\n  ERROR    source-shared        model-store/llama is shared to "ml", not to apps\n')
    const options = `--kubeconfig ${kubeconfig} --context fake`
    t.ok(
      stdout.includes(
        `\n                 kubectl ${options} annotate pvc llama -n model-store --overwrite trident.netapp.io/shareToNamespace=ml,apps\n`,
      ),
      stdout,
    )
    t.match(
      stdout,
      new RegExp(
        `\\n {17}echo '\\{"apiVersion":"v1","kind":"PersistentVolumeClaim".*\\}' \\| kubectl ${options} create -f -\\n`,
      ),
    )
    t.match(
      stdout,
      /not checked: cannot list jobs in the namespace\s+apps: HTTP 403: forbidden; missing permission:\s+list jobs\.batch in the namespace apps\n/,
    )
    t.strictSame(
      stdout.split('\n').filter((line) => line.length > 80 && !line.includes('kubectl ')),
      [],
    )
  },
)

t.test('-o json has the commands as a list', async (t) => {
  const { code, stdout } = await check(
    '--delivery',
    'fsx',
    '-n',
    'apps',
    '--claim',
    'llama',
    '--from',
    'model-store/llama',
    '-o',
    'json',
  )
  t.equal(code, 1)
  const { findings } = JSON.parse(stdout) as { findings: { id: string }[] }
  t.match(
    findings.find(({ id }) => id === 'source-shared'),
    { severity: 'error', section: 'pvc://llama', commands: [/^kubectl --kubeconfig \S+ annotate pvc llama/] },
  )
})

t.test('a namespace that is not there is an error with its command, and nothing else is said', async (t) => {
  const { code, stdout } = await check('--delivery', 'node', 'aps', '--path', '/opt/models/llama', '-q')
  t.equal(code, 1)
  t.match(stdout, /ERROR {4}namespace {12}there is no namespace aps\n/)
  t.match(stdout, /kubectl --kubeconfig \S+ create namespace aps\n/)
})

t.test('a command line that is not understood ends with exit code 64', async (t) => {
  const { code, stdout, stderr } = await check('apps', '--claim', 'llama')
  t.equal(code, 64)
  t.equal(stdout, '')
  t.match(
    stderr,
    /^error: 2 flags are missing or wrong:\n {2}the namespace "apps" belongs to --delivery claim\|mountpoint\|node\|image\n {2}--claim <name> belongs to --delivery\n/,
  )
})

const mistakes: readonly (readonly [what: string, args: readonly string[], says: readonly (RegExp | string)[]])[] = [
  [
    'a namespace without a delivery',
    ['apps'],
    ['the namespace "apps" belongs to --delivery claim|mountpoint|node|image'],
  ],
  [
    'flags without a delivery',
    ['--claim', 'llama', '--path', '/x'],
    ['2 flags', '--claim <name> belongs to --delivery', '--path <path> belongs to --delivery'],
  ],
  [
    'an unknown delivery',
    ['--delivery', 'efs', 'apps'],
    [/--delivery <name> "efs" .*accepted: claim, mountpoint, node, image/],
  ],
  [
    'flags of another delivery',
    ['--delivery', 'claim', 'apps', '--path', '/opt/x'],
    ['--path <path> is not for --delivery claim, which knows --claim and --from'],
  ],
  [
    'flags of another delivery, named by an alias',
    ['--delivery', 'fsx', 'apps', '--path', '/opt/x'],
    ['--path <path> is not for --delivery claim, which knows --claim and --from'],
  ],
  [
    'values that cannot be read, all of them',
    ['--delivery', 'claim', 'Apps', '--claim', 'La', '--from', 'llama'],
    [
      '3 flags',
      /--claim <name> "La" /,
      '--from <namespace/claim> "llama" is not NAMESPACE/NAME; accepted: as model-store/llama',
      'the namespace "Apps" is not the name of one',
    ],
  ],
  ['--from alone', ['--delivery', 'claim', 'apps', '--from', 'a/b'], ['--from <namespace/claim> needs --claim <name>']],
  [
    'a claim of Mountpoint without its model',
    ['--delivery', 'mountpoint', 'apps', '--claim', 'x'],
    ['--claim <name> needs --source <s3://…/>, to compare the volume with'],
  ],
  [
    'an object for Mountpoint',
    ['--delivery', 'mountpoint', 'apps', '--source', 's3://my-ml-bucket/llama'],
    [/--source <s3:\/\/…\/> "s3:\/\/my-ml-bucket\/llama" .*accepted: s3:\/\/bucket\/prefix\//],
  ],
  [
    'a tag',
    ['--delivery', 'image', 'apps', '--oci', 'registry.example.com/llama:1'],
    [/--oci <image@digest> "registry\.example\.com\/llama:1" /],
  ],
  [
    'a path and an image',
    ['--delivery', 'node', 'apps', '--path', '/opt/x', '--oci', `registry.example.com/llama@sha256:${'1'.repeat(64)}`],
    ['--oci stands instead of --path'],
  ],
  ['two namespaces', ['--delivery', 'claim', 'apps', '-n', 'ml'], ['two namespaces are named, apps and ml']],
  [
    'the address of the webhook',
    ['--delivery', 'claim', 'apps', '--server-url', 'https://localhost:8443'],
    ['--server-url is about the webhook, and --delivery is not'],
  ],
]

/** In this process: to start one for each takes its time. */
async function refusal(args: readonly string[]): Promise<{ error: unknown; output: string }> {
  let output = ''
  const program = await buildProgram('check')
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        output += text
      },
    })
  }
  const error: unknown = await program
    .parseAsync(['check', '--kubeconfig', kubeconfig, ...args], { from: 'user' })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  return { error, output }
}

for (const [what, args, says] of mistakes) {
  t.test(`${what}: not understood, and nothing is asked of the cluster`, async (t) => {
    const before = server.requests.length
    const { error, output } = await refusal(args)
    t.type(error, CommanderError)
    for (const text of says) t.match(output, text)
    t.equal(server.requests.length, before)
  })
}
