/** Runs inside a network namespace, where S3 has an address that is not loopback, which no proxy is ever asked for. Prints what happened. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startConnectProxy } from '../kit/s3/connect-proxy.ts'
import { nativeEngine, type LoaderEnd } from '../kit/s3/loader-run.ts'
import { stageOf, startLoaderWorld } from '../kit/s3/loader-world.ts'
import { startFaultProxy } from '../kit/s3/s3-fault-proxy.ts'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { IMDS_ADDRESS } from '../kit/tools/network-namespace.ts'
import { bytes } from './cases.ts'
import { MiB } from './scenarios/scenario.ts'

export interface ProxiedAddressResult {
  readonly endpoint: string
  /** By each NO_PROXY: the end of the loader, and whom the proxy was asked for. */
  readonly runs: Readonly<Record<string, { readonly end: LoaderEnd; readonly asked: readonly string[] }>>
}

export const [otherBlock, itsBlock] = ['10.0.0.0/8', '169.254.0.0/16'] as const

async function run(engineName: string, root: string): Promise<ProxiedAddressResult> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-'))
  const engine = engineName === 's5cmd' ? await s5cmdEngine() : nativeEngine
  const world = await startLoaderWorld(directory, engine)
  const server = await startFaultProxy(world.server, { tls: true, address: IMDS_ADDRESS })
  const runs: Record<string, { end: LoaderEnd; asked: readonly string[] }> = {}
  try {
    const { port } = new URL(server.endpoint)
    for (const [i, block] of [otherBlock, itsBlock].entries()) {
      const proxy = await startConnectProxy(Number(port), IMDS_ADDRESS)
      const stage = stageOf(world, 'proxied-address', join(root, `${i}`))
      await mkdir(stage.root)
      await stage.put('config.json', '{}')
      await stage.put('weights.bin', bytes(20 * MiB, 1))
      const end = await stage.run({
        ...engine.environment(server.caCertificateFile),
        MODEL_ENDPOINT: server.endpoint,
        HTTPS_PROXY: proxy.url,
        NO_PROXY: `.svc,${block}`,
      })
      runs[block] = { end, asked: [...proxy.asked] }
      await proxy.stop()
    }
    return { endpoint: server.endpoint, runs }
  } finally {
    await server.stop()
    await world.stop()
    await rm(directory, { recursive: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , engineName = '', root = ''] = process.argv
  process.stdout.write(`${JSON.stringify(await run(engineName, root))}\n`)
}
