/**
 * The main job without a cluster: the real webhook on HTTPS with throw-away certificates is asked as an API server asks
 * it, and the loader that it injected then runs as the kubelet would run it, against an S3 server on loopback.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { parse, stringify } from 'yaml'
import { runLoader, startModelStore, type DemoPodSpec } from './demo-node.ts'

interface Pod {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>>; readonly [field: string]: unknown }
  readonly spec: object
}

interface InjectedPod extends Pod {
  readonly spec: DemoPodSpec
}

interface Deployment {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: { readonly template: Pod }
}

interface AdmissionResponse {
  readonly allowed: boolean
  readonly patch?: string
  readonly warnings?: readonly string[]
  readonly status?: { readonly message: string }
}

interface Webhook {
  readonly child: ChildProcess
  readonly port: number
  readonly ca: Buffer
}

const root = join(import.meta.dirname, '..')
const directory = mkdtempSync(join(tmpdir(), 'model-injector-demo-'))
const startedAtMs = performance.now()

const deployment = parse(readFileSync(join(root, 'examples', 'deployment.yaml'), 'utf8')) as Deployment
heading('The annotated Deployment (examples/deployment.yaml)')
print(stringify(deployment.spec.template.metadata.annotations))

heading('The webhook, on HTTPS with throw-away certificates')
const store = await startModelStore()
const webhook = await startWebhook()
print(`model-injector serve listens on https://127.0.0.1:${webhook.port}/mutate\n`)
try {
  const pod = await showInjection(podOf(deployment))
  await showRefusal(podOf(deployment))
  heading('The node runs the loader with its injected environment, against an S3 server on loopback')
  print(await runLoader(pod.spec, directory))
} finally {
  webhook.child.kill('SIGTERM')
  await once(webhook.child, 'exit')
  await store.stop()
  rmSync(directory, { recursive: true })
}
heading(`All of it in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s. Next`)
print(
  'make demo-cluster                                            from helm install to the log of the app, on a real node\n',
)
print('node dist/main.js inject -f examples/deployment.yaml --diff  without a webhook\n')
print('node dist/main.js explain                                    every annotation\n')

async function showInjection(pod: Pod): Promise<InjectedPod> {
  heading('The API server creates its pod and asks the webhook; the pod that comes out')
  const { response, durationMs } = await ask(pod)
  const patch = JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as Operation[]
  const injected = jsonPatch.applyPatch(structuredClone(pod), patch).newDocument as InjectedPod
  print(diff(stringify(pod, { lineWidth: 0 }), stringify(injected, { lineWidth: 0 })))
  for (const warning of response.warnings ?? []) print(styleText('yellow', `Warning: ${warning}\n`))
  print(
    styleText(
      'bold',
      `${patch.length} patch operations, answered in ${durationMs.toFixed(1)} ms over HTTPS, the TLS handshake included\n`,
    ),
  )
  return injected
}

async function showRefusal(pod: Pod): Promise<void> {
  heading('The same pod with two mistakes is refused, and both are named')
  const mistakes = { 'models.example.io/mount-pat': '/app', 'models.example.io/size': '20Gx' }
  const { response } = await ask({
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...mistakes } },
  })
  print(styleText('red', `${response.status?.message ?? ''}\n`))
}

/** The pod as the Deployment's controller makes it from the template, after the API server's ServiceAccount plugin. */
function podOf({ metadata, spec: { template } }: Deployment): Pod {
  const generateName = `${metadata.name}-6f5d8c7b9-`
  return {
    ...template,
    metadata: { ...template.metadata, generateName },
    spec: { ...template.spec, serviceAccountName: 'default', serviceAccount: 'default' },
  }
}

async function startWebhook(): Promise<Webhook> {
  execFileSync(join(root, 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
  // In a cluster these are the defaults: S3 itself, and the agent of the node.
  const configFile = join(directory, 'config.yaml')
  writeFileSync(
    configFile,
    stringify({ defaults: { endpoint: store.endpoint, region: 'us-east-1' }, podIdentity: { uri: store.agentUri } }),
  )
  const args = [
    'serve',
    '--config',
    configFile,
    '--tls-dir',
    directory,
    '--address',
    '127.0.0.1',
    '--port',
    '0',
    '--health-port',
    '0',
    '--drain-seconds',
    '0',
  ]
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number }
    if (msg !== 'listening') continue
    child.stdout.resume()
    return { child, port, ca: readFileSync(join(directory, 'ca.crt')) }
  }
  throw new Error('the webhook did not start')
}

async function ask(pod: Pod): Promise<{ response: AdmissionResponse; durationMs: number }> {
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: crypto.randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: deployment.metadata.namespace,
      operation: 'CREATE',
      object: pod,
    },
  }
  const startedAt = performance.now()
  const sent = request({
    host: '127.0.0.1',
    port: webhook.port,
    path: '/mutate',
    method: 'POST',
    ca: webhook.ca,
    headers: { 'content-type': 'application/json' },
  })
  sent.end(JSON.stringify(review))
  const [incoming] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const { response } = JSON.parse(Buffer.concat(chunks).toString()) as { response: AdmissionResponse }
  return { response, durationMs: performance.now() - startedAt }
}

function diff(before: string, after: string): string {
  return createTwoFilesPatch('pod as the controller made it', 'pod as it is stored', before, after)
    .split('\n')
    .slice(1)
    .map((line) =>
      line.startsWith('+') ? styleText('green', line) : line.startsWith('-') ? styleText('red', line) : line,
    )
    .join('\n')
}

function heading(text: string): void {
  print(`\n${styleText('bold', `== ${text}`)}\n\n`)
}

function print(text: string): void {
  process.stdout.write(text)
}
