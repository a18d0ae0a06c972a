/** Scripts are judged by shellcheck, Dockerfiles by hadolint, and the calls of AWS by its own command line. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { runShared } from '../integration/cli/run-shared.ts'
import { pythonToolsPath, runPythonTool } from '../kit/tools/python-tools.ts'
import { modelDirectory, renderedVariants, renderFiles, variants } from './renderings.ts'

t.setTimeout(20 * 60 * 1000)

const oci = (directory: string): string[] => [
  'image',
  '--repository',
  'registry.example.com/team/llama',
  '--tag',
  '1.2.3',
  '--directory',
  directory,
]

interface ComponentDocument {
  readonly phases: readonly {
    readonly name: string
    readonly steps: readonly { readonly name: string; readonly inputs: { readonly commands: readonly string[] } }[]
  }[]
}

async function bakeScripts(variant: string): Promise<Readonly<Record<string, string>>> {
  const files = (await renderedVariants()).find(({ name }) => name === variant)?.files ?? {}
  const [template = ''] = Object.entries(files)
    .filter(([name]) => name.startsWith('cloudformation-'))
    .map(([, content]) => content)
  const { Data } = (parse(template) as { Resources: { Component: { Properties: { Data: string } } } }).Resources
    .Component.Properties
  const { phases } = parse(Data) as ComponentDocument
  return Object.fromEntries(
    phases.flatMap(({ name, steps }) => steps.map((step) => [`${name} ${step.name}`, step.inputs.commands.join('\n')])),
  )
}

t.test('no script has anything that shellcheck remarks', async (t) => {
  const directory = t.testdir()
  const files = [
    ...(await renderedVariants()),
    { name: 'image', files: await renderFiles(oci(await modelDirectory(directory))) },
  ]
  const scripts = files.flatMap(({ name, files: { 'commands.sh': script } }) =>
    script === undefined ? [] : [[name, script] as const],
  )
  const alone = await runShared(['render', ...(variants.mountpoint ?? []), '--commands'])
  const steps = [
    ...Object.entries(await bakeScripts('ami with files')),
    ...Object.entries(await bakeScripts('ami with an image')),
  ]
  const all = [
    ...scripts,
    ['alone', alone.stdout],
    ...steps.map(([name, script]) => [name, `#!/bin/bash\n${script}`]),
  ] as const
  t.ok(all.length > 20, String(all.length))
  const paths = await Promise.all(
    all.map(async ([name, script], i) => {
      const path = join(directory, `${i}-${name.replaceAll(/\W+/g, '-')}.sh`)
      await writeFile(path, script)
      return path
    }),
  )
  const { code, output } = await runPythonTool('shellcheck', ['--severity=style', ...paths])
  t.equal(code, 0, output)
})

t.test('the Dockerfile has nothing that hadolint remarks, and a layer for each shard', async (t) => {
  const directory = t.testdir()
  const { Dockerfile = '' } = await renderFiles(oci(await modelDirectory(directory)))
  await writeFile(join(directory, 'Dockerfile'), Dockerfile)
  const { code, output } = await runPythonTool('hadolint', [
    '--failure-threshold',
    'style',
    join(directory, 'Dockerfile'),
  ])
  t.equal(code, 0, output)
  const last = Dockerfile.slice(Dockerfile.lastIndexOf('FROM scratch'))
    .split('\n')
    .filter((line) => line.startsWith('COPY'))
  t.strictSame(last, [
    'COPY --link --from=layer0 /model/ /model/',
    'COPY --link --chmod=0644 ["model-00001-of-00002.safetensors","/model/"]',
    'COPY --link --chmod=0644 ["model-00002-of-00002.safetensors","/model/"]',
  ])
  t.match(Dockerfile, 'COPY --link --chmod=0644 ["tokenizer/merges and more.txt","/model/tokenizer/"]')
})

interface Call {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** Answers as AWS does where all is well; a bucket has no policy unless it is called `taken`. */
async function fakeAWS(): Promise<{ url: string; calls: Call[]; close: () => void }> {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    void readCall(request).then((call) => {
      calls.push(call)
      const { status, body } = answerTo(call)
      response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/xml' : 'application/json' }).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    calls,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  return { method: request.method ?? '', path: request.url ?? '', body: await text(request) }
}

function answerTo({ method, path, body }: Call): { status: number; body: string } {
  const action = new URLSearchParams(body).get('Action')
  if (action !== null) {
    return {
      status: 200,
      body: `<${action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><${action}Result/><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
    }
  }
  if (method === 'GET' && path.includes('policy')) {
    return path.includes('taken')
      ? { status: 200, body: '{}' }
      : { status: 404, body: '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>' }
  }
  return { status: 200, body: path.includes('policy') ? '' : '{}' }
}

async function runScript(directory: string, script: string, url: string): Promise<{ code: number; output: string }> {
  const file = join(directory, 'commands.sh')
  await writeFile(file, script)
  const env = {
    PATH: `${await pythonToolsPath()}:${process.env.PATH ?? ''}`,
    HOME: directory,
    TMPDIR: directory,
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  return new Promise((resolve) => {
    execFile('/bin/sh', [file], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` })
    })
  })
}

t.test('the command line of AWS understands every command, and sends what was rendered', async (t) => {
  const aws = await fakeAWS()
  t.teardown(aws.close)
  const { stdout } = await runShared(['render', ...(variants.mountpoint ?? []), '--commands'])
  const { code, output } = await runScript(t.testdir(), stdout, aws.url)
  t.equal(code, 0, output)
  const [role, policy, ...associations] = aws.calls.filter(({ path }) => !path.includes('?policy'))
  t.equal(new URLSearchParams(role?.body).get('Action'), 'CreateRole')
  t.match(JSON.parse(new URLSearchParams(role?.body).get('AssumeRolePolicyDocument') ?? ''), {
    Statement: [{ Sid: 'PodIdentity' }],
  })
  t.equal(new URLSearchParams(policy?.body).get('Action'), 'PutRolePolicy')
  t.strictSame(
    associations.map(({ path, body }) => [path, (JSON.parse(body) as { namespace: string }).namespace]),
    [
      ['/clusters/prod/pod-identity-associations', 'apps'],
      ['/clusters/prod/pod-identity-associations', 'ml'],
    ],
  )
  const put = aws.calls.find(({ method, path }) => method === 'PUT' && path.includes('?policy'))
  t.match(JSON.parse(put?.body ?? '{}'), { Statement: [{ Sid: 'List1' }, { Sid: 'Read1' }, { Sid: 'TLSOnly' }] })
})

t.test('a policy that a bucket has is not overwritten', async (t) => {
  const aws = await fakeAWS()
  t.teardown(aws.close)
  const { stdout } = await runShared([
    'render',
    ...(variants.mountpoint ?? []).map((arg) => arg.replace('my-ml-bucket', 'taken-bucket')),
    '--commands',
  ])
  const { code, output } = await runScript(t.testdir(), stdout, aws.url)
  t.equal(code, 1)
  t.match(output, 'taken-bucket has a policy')
  t.notOk(aws.calls.some(({ method, path }) => method === 'PUT' && path.includes('policy')))
})

t.test('the pipeline is started by its name', async (t) => {
  const aws = await fakeAWS()
  t.teardown(aws.close)
  const { stdout } = await runShared(['render', ...(variants['ami with files'] ?? []), '--commands'])
  const { code, output } = await runScript(t.testdir(), stdout, aws.url)
  t.equal(code, 0, output)
  t.match(
    aws.calls[0]?.body,
    /arn:aws:imagebuilder:eu-west-1:111122223333:image-pipeline\/model-llama-1-2-3-[0-9a-f]{8}/,
  )
})

/**
 * The build host, of which only the container engine and systemd are not real. The engine reads the password, as the real one does:
 * if it ended before the password was written, the pipe would be broken, and the script with it.
 */
async function buildHost(
  directory: string,
): Promise<{ run: (script: string) => Promise<{ code: number; output: string }>; path: string }> {
  const [path, bin] = [join(directory, 'opt', 'models', 'llama 1.2.3'), join(directory, 'bin')]
  await mkdir(join(directory, 'opt', 'models'), { recursive: true })
  await mkdir(bin)
  const engine = `#!/bin/bash
echo "$*" >> '${directory}/calls'
case " $* " in
*' login '*) exec cat > /dev/null ;;
*' run '*) ;;
*) exit 0 ;;
esac
id=$(printf '%s\\n' "$@" | sed -n 's/^MODEL_ID=//p')
root='${path}.loading'
mkdir -p "$root/$id/files/tokenizer"
echo weights > "$root/$id/files/model.safetensors"
echo words > "$root/$id/files/tokenizer/merges and more.txt"
echo > "$root/$id/marker.json"
`
  for (const [name, script] of Object.entries({
    nerdctl: engine,
    systemctl: '#!/bin/sh\n',
    aws: '#!/bin/sh\necho password\n',
    chown: '#!/bin/sh\n',
  })) {
    await writeFile(join(bin, name), script)
    await chmod(join(bin, name), 0o755)
  }
  // Only root may give files to others.
  const local = (script: string): string =>
    script
      .replaceAll('/opt/models', join(directory, 'opt', 'models'))
      .replace('install -d -o 65532 -g 65532', 'install -d')
  return {
    path,
    run: (script) =>
      new Promise((resolve) => {
        execFile(
          '/bin/bash',
          // Node.js gives it a socket as its input, which bash takes for a remote shell's: it would read this user's settings.
          ['--norc', '-c', local(script)],
          { env: { PATH: `${bin}:${process.env.PATH ?? ''}` } },
          (error, stdout, stderr) => {
            resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` })
          },
        )
      }),
  }
}

t.test('the build host gets the model by one rename, with a manifest that the loader accepts', async (t) => {
  const scripts = await bakeScripts('ami with files')
  t.strictSame(Object.keys(scripts), ['build Load', 'build Manifest', 'validate Verify', 'test Verify'])
  const directory = t.testdir()
  const { run, path } = await buildHost(directory)
  for (const [name, script] of Object.entries(scripts)) {
    const { code, output } = await run(script)
    t.equal(code, 0, `${name}: ${output}`)
  }
  t.strictSame((await readdir(path, { recursive: true })).sort(), [
    'manifest.sha256',
    'model.safetensors',
    'tokenizer',
    'tokenizer/merges and more.txt',
  ])
  t.strictSame(await readdir(join(directory, 'opt', 'models')), ['llama 1.2.3'], 'nothing else is left')
  t.match(
    await readFile(join(directory, 'calls'), 'utf8'),
    /run --rm --network host .*--env MODEL_EXPECT=objects=3 .* load --allow-instance-profile/,
  )
  const digest = (await promisify(execFile)('sha256sum', [join(path, 'manifest.sha256')])).stdout.slice(0, 64)
  const verified = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, '../../src/main.ts'), 'load', '--verify'],
    {
      env: {
        MODEL_SOURCE: `node://${path}`,
        MODEL_ROOT: path,
        MODEL_EXPECT: `manifest=manifest.sha256@sha256:${digest}`,
      },
    },
  )
  t.match(verified.stdout, 'is there: 3 files')
})

t.test('no image is made of a model that is damaged, has a file more or less, or where one is already', async (t) => {
  const {
    'build Load': load = '',
    'build Manifest': manifest = '',
    'validate Verify': verify = '',
  } = await bakeScripts('ami with files')
  const { run, path } = await buildHost(t.testdir())
  await run(load)
  await run(manifest)
  t.equal((await run(verify)).code, 0)
  await writeFile(join(path, 'extra'), '')
  t.not((await run(verify)).code, 0, 'a file more')
  await promisify(execFile)('rm', [join(path, 'extra')])
  await writeFile(join(path, 'model.safetensors'), 'others')
  t.not((await run(verify)).code, 0, 'a file that differs')
  await promisify(execFile)('rm', [join(path, 'model.safetensors')])
  t.not((await run(verify)).code, 0, 'a file less')
  t.not((await run(load)).code, 0, 'a path that is taken')
})
