/**
 * The stand-in for a node in the demo: an S3 server, an agent that hands out its keys for a token, as the EKS Pod
 * Identity agent does, and the part of the kubelet that starts an init container.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { startS3, type Bucket } from './demo-s3.ts'

interface VolumeMount {
  readonly name: string
  readonly mountPath: string
  readonly subPath?: string
}

interface Container {
  readonly name: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly volumeMounts?: readonly VolumeMount[]
}

export interface DemoPodSpec {
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string }[]
}

export interface ModelStore {
  readonly endpoint: string
  readonly agentUri: string
  stop(): Promise<void>
}

const prefix = 'model-artifacts/my-model-1.2.3/'
const keys = { accessKeyId: 'DEMO', secretAccessKey: 'demo-secret', sessionToken: 'demo-session' }

const bucket: Bucket = {
  name: 'my-ml-bucket',
  objects: new Map([
    [`${prefix}config.json`, Buffer.from('{"architectures": ["DemoForCausalLM"]}\n')],
    [`${prefix}model.safetensors`, Buffer.alloc(32 * 2 ** 20, 'weights ')],
    [`${prefix}tokenizer/tokenizer.json`, Buffer.from('{"version": "1.0"}\n')],
  ]),
}

export async function startModelStore(): Promise<ModelStore> {
  const s3 = await startS3(bucket, keys)
  const agent = createServer(({ headers: { authorization } }, response) => {
    const answer = {
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      Token: keys.sessionToken,
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    }
    response
      .writeHead(authorization === 'demo-token' ? 200 : 400, { 'content-type': 'application/json' })
      .end(JSON.stringify(answer))
  })
  agent.listen(0, '127.0.0.1')
  await once(agent, 'listening')
  return {
    endpoint: s3.endpoint,
    agentUri: `http://127.0.0.1:${(agent.address() as AddressInfo).port}/v1/credentials`,
    stop: async () => {
      agent.close()
      await s3.stop()
    },
  }
}

/** Starts the pod's loader; what the app then finds at its mount path. Volumes are directories, as there is no container runtime. */
export async function runLoader(
  { initContainers, containers, volumes }: DemoPodSpec,
  directory: string,
): Promise<string> {
  const [loader] = initContainers
  if (loader === undefined) throw new Error('the pod has no loader')
  for (const { name } of volumes) mkdirSync(join(directory, 'volumes', name), { recursive: true })
  writeFileSync(join(directory, 'volumes', 'eks-pod-identity-token', 'eks-pod-identity-token'), 'demo-token')
  const onHost = (path: string): string => {
    const mount = loader.volumeMounts?.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`))
    return mount === undefined ? path : join(directory, 'volumes', mount.name) + path.slice(mount.mountPath.length)
  }
  const env = Object.fromEntries(
    (loader.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, onHost(value)]])),
  )
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'dist', 'main.js'), ...(loader.args ?? [])], {
    env,
    stdio: 'inherit',
  })
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  if (exitCode !== 0) throw new Error(`the loader ended with ${exitCode ?? 'a signal'}`)
  return containers
    .flatMap(({ name, volumeMounts = [] }) => volumeMounts.map((mount) => listing(name, mount, directory)))
    .join('')
}

function listing(container: string, { name, mountPath, subPath = '' }: VolumeMount, directory: string): string {
  const root = join(directory, 'volumes', name, subPath)
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const lines = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return `  ${String(statSync(path).size).padStart(10)}  ${mountPath}${path.slice(root.length)}\n`
  })
  return `\nContainer ${container} finds:\n${lines.join('')}`
}
