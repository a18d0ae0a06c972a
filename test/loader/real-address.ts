/** Runs inside a network namespace, where agent and metadata service have their real addresses. Prints what happened. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startImds } from '../kit/aws/imds.ts'
import { nativeEngine, type LoaderEnd } from '../kit/s3/loader-run.ts'
import { stageOf, startLoaderWorld } from '../kit/s3/loader-world.ts'
import { AGENT_ADDRESS, IMDS_ADDRESS } from '../kit/tools/network-namespace.ts'
import { startPodIdentityAgent } from '../kit/aws/pod-identity-agent.ts'
import { s5cmdEngine } from '../kit/s3/s5cmd-engine.ts'
import { noKeys, podIdentityEnvironment, readerAccount } from './scenarios/identity.ts'

export interface RealAddressResult {
  readonly withIdentity: LoaderEnd
  readonly without: LoaderEnd
  readonly agentCalls: number
  readonly imdsCalls: number
}

/** As in a pod without the variable: the loader itself keeps away from the node's role. */
const metadataAllowed = { AWS_EC2_METADATA_DISABLED: 'false' }

async function run(engineName: string, root: string): Promise<RealAddressResult> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-'))
  const world = await startLoaderWorld(directory, engineName === 's5cmd' ? await s5cmdEngine() : nativeEngine)
  const { credentials } = world.proxy
  const agent = await startPodIdentityAgent({ address: AGENT_ADDRESS, port: 80, credentials })
  const imds = await startImds({ address: IMDS_ADDRESS, port: 80, credentials })
  agent.associate(readerAccount)
  try {
    const stage = stageOf(world, 'real-address', join(root, 'with'))
    const other = stageOf(world, 'real-address', join(root, 'without'))
    for (const { root: volume } of [stage, other]) await mkdir(volume)
    await stage.put('config.json', '{}')
    const withIdentity = await stage.run({
      ...metadataAllowed,
      ...(await podIdentityEnvironment(stage, `http://${AGENT_ADDRESS}/v1/credentials`)),
    })
    const without = await other.run({ ...metadataAllowed, ...noKeys, MODEL_CREDENTIALS: 'pod-identity' })
    return { withIdentity, without, agentCalls: agent.calls.length, imdsCalls: imds.calls.length }
  } finally {
    await Promise.all([agent.stop(), imds.stop(), world.stop()])
    await rm(directory, { recursive: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , engineName = '', root = ''] = process.argv
  process.stdout.write(`${JSON.stringify(await run(engineName, root))}\n`)
}
