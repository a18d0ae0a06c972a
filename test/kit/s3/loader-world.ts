/** Everything around a loader in a conformance case: a real S3 server, faults in front of it, a volume, and what to expect. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { startLoader, type LoaderEngine, type LoaderEnd, type RunningLoader } from './loader-run.ts'
import { startFaultProxy, type FaultProxy, type FaultRule } from './s3-fault-proxy.ts'
import { startS3Server, type PutOptions, type S3Server } from './s3-server.ts'

export interface LoaderWorld {
  readonly engine: LoaderEngine
  readonly server: S3Server
  readonly proxy: FaultProxy
  readonly directory: string
}

/** One case's part of the world. */
export interface Stage {
  readonly world: LoaderWorld
  readonly bucket: string
  /** Ends in a slash; no other case's begins with it. */
  readonly prefix: string
  readonly root: string
  readonly id: string
  /** The files that the app has to find, by path. */
  readonly model: Map<string, string | Uint8Array>
  /** Uploads below the prefix, and expects it in the model. */
  put(path: string, body: string | Uint8Array, options?: PutOptions): Promise<void>
  /** Below this case's prefix only. */
  fault(rule: Omit<FaultRule, 'match'> & { match?: FaultRule['match'] }): void
  start(
    env?: Readonly<Record<string, string>>,
    wrap?: (command: readonly string[]) => readonly string[],
  ): Promise<RunningLoader>
  run(
    env?: Readonly<Record<string, string>>,
    wrap?: (command: readonly string[]) => readonly string[],
  ): Promise<LoaderEnd>
}

export async function startLoaderWorld(
  directory: string,
  engine: LoaderEngine,
): Promise<LoaderWorld & { stop(): Promise<void> }> {
  const server = await startS3Server(directory, { tls: false })
  await server.createBucket('models')
  const proxy = await startFaultProxy(server, { tls: true })
  return {
    engine,
    server,
    proxy,
    directory,
    stop: async () => {
      await proxy.stop()
      await server.stop()
    },
  }
}

export function stageOf(world: LoaderWorld, name: string, root: string): Stage {
  const id = createHash('sha256').update(name).digest('hex').slice(0, 16)
  const prefix = `case-${id}/`
  const model = new Map<string, string | Uint8Array>()
  const { engine, proxy, server } = world
  const start: Stage['start'] = (env = {}, wrap) =>
    startLoader(
      engine,
      world.directory,
      {
        ...engine.environment(proxy.caCertificateFile),
        AWS_ACCESS_KEY_ID: server.accessKeyId,
        AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
        AWS_REGION: server.region,
        AWS_EC2_METADATA_DISABLED: 'true',
        MODEL_NAME: 'model',
        MODEL_SOURCE: `s3://models/${prefix}`,
        MODEL_ROOT: root,
        MODEL_ID: id,
        MODEL_POD_UID: 'pod-1',
        MODEL_CREDENTIALS: 'secret/keys',
        MODEL_ENDPOINT: proxy.endpoint,
        MODEL_TIMEOUT_SECONDS: '150',
        MODEL_STALL_TIMEOUT_SECONDS: '20',
        ...env,
      },
      wrap,
    )
  return {
    world,
    bucket: 'models',
    prefix,
    root,
    id,
    model,
    start,
    put: async (path, body, options) => {
      await server.putObject('models', prefix + path, body, options)
      model.set(path, body)
    },
    fault: ({ match = {}, ...rule }) => {
      const inCase = ({ key, prefix: listed }: { key: string | undefined; prefix: string | undefined }): boolean =>
        (key ?? listed ?? '').startsWith(prefix.slice(0, -1))
      proxy.fault({
        ...rule,
        match: { ...match, where: (request) => inCase(request) && (match.where?.(request) ?? true) },
      })
    },
    run: async (env, wrap) => (await start(env, wrap)).end,
  }
}

/** The app's path holds the whole model, byte for byte, and the volume holds nothing else. */
export async function holdsModel(t: Test, { root, id, model }: Stage): Promise<void> {
  const files = join(root, id, 'files')
  const entries = await readdir(files, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(files.length + 1))
  t.strictSame(paths.sort(), [...model.keys()].sort(), 'the files of the model')
  for (const [path, body] of model) {
    const same = Buffer.compare(await readFile(join(files, path)), Buffer.from(body as Uint8Array)) === 0
    if (!same) t.fail(`${path} has other bytes than its object`)
  }
  t.strictSame((await readdir(join(root, id))).sort(), ['files', 'marker.json'])
  t.strictSame(await readdir(root), [id], 'no staging is left')
}

/** The app's path does not exist, so the kubelet cannot start the app on a part of it. */
export async function holdsNothing(t: Test, { root, id }: Stage): Promise<void> {
  t.notOk((await readdir(root)).includes(id), 'nothing is published')
}
