/**
 * What the demo has instead of a node: an S3 server (s3rver, from npm), an agent that hands out its keys to whoever shows a
 * token, as the EKS Pod Identity agent does, and the part of the kubelet that starts an init container.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

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

export interface PodSpec {
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string }[]
}

export interface ModelStore {
  readonly endpoint: string
  readonly agentUri: string
  stop(): Promise<void>
}

interface S3Rver {
  run(): Promise<{ port: number }>
  close(): Promise<void>
}

type S3RverClass = new (options: object) => S3Rver

/** It comes without types. */
const Server = createRequire(import.meta.url)('s3rver') as S3RverClass

const bucket = 'my-ml-bucket'
const prefix = 'model-artifacts/my-model-1.2.3/'
const keys = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }

const files: Readonly<Record<string, string | Buffer>> = {
  'config.json': '{"architectures": ["DemoForCausalLM"]}\n',
  'tokenizer/tokenizer.json': '{"version": "1.0"}\n',
  'model.safetensors': Buffer.alloc(32 * 2 ** 20, 'weights '),
}

export async function startModelStore(directory: string): Promise<ModelStore> {
  const server = new Server({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: join(directory, 's3'),
    configureBuckets: [{ name: bucket }],
  })
  const endpoint = `http://127.0.0.1:${(await server.run()).port}`
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: keys })
  for (const [path, Body] of Object.entries(files)) {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + path, Body }))
  }
  client.destroy()
  const agent = createServer(({ headers: { authorization } }, response) => {
    const answer = {
      AccessKeyId: keys.accessKeyId,
      SecretAccessKey: keys.secretAccessKey,
      Token: 'demo',
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    }
    response
      .writeHead(authorization === 'demo-token' ? 200 : 400, { 'content-type': 'application/json' })
      .end(JSON.stringify(answer))
  })
  agent.listen(0, '127.0.0.1')
  await once(agent, 'listening')
  return {
    endpoint,
    agentUri: `http://127.0.0.1:${(agent.address() as AddressInfo).port}/v1/credentials`,
    stop: async () => {
      agent.close()
      await server.close()
    },
  }
}

/** Starts the pod's loader; what the app then finds at its mount path. Volumes are directories, as there is no container runtime. */
export async function runLoader({ initContainers, containers, volumes }: PodSpec, directory: string): Promise<string> {
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
