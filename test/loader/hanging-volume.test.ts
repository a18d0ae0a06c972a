/** A file system that no longer answers, as a dead NFS server: the limits of the loader hold all the same. */
import { readdir, readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { endsWith } from '../kit/s3/loader-end.ts'
import { nativeEngine } from '../kit/s3/loader-run.ts'
import { holdsModel, holdsNothing, stageOf, startLoaderWorld, type Stage } from '../kit/s3/loader-world.ts'
import { stallingVolume, type StallingVolume } from '../kit/tools/stalling-volume.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

t.setTimeout(300_000)
const directory = t.testdir()
const world = await startLoaderWorld(directory, nativeEngine)
t.teardown(() => world.stop())

t.test('a call that hangs ends the loader after stall-timeout, and names its path', async (t) => {
  const { stage, volume } = await volumeOf(t)
  volume.stall()
  const end = await stage.run({ MODEL_STALL_TIMEOUT_SECONDS: '2' }, volume.mounts.wrap)
  endsWith(t, end, 17, new RegExp(`: ${volume.root}.*: the file system has not answered for 2 s; look at the volume`))
  await loadsOnceItAnswers(t, stage, volume)
})

t.test('a call that hangs ends the loader at its timeout', async (t) => {
  const { stage, volume } = await volumeOf(t)
  volume.stall()
  const end = await stage.run({ MODEL_TIMEOUT_SECONDS: '2' }, volume.mounts.wrap)
  endsWith(t, end, 17, /not finished within 2 s/)
  await loadsOnceItAnswers(t, stage, volume)
})

t.test('SIGTERM ends a loader whose call hangs', async (t) => {
  const { stage, volume } = await volumeOf(t)
  volume.stall()
  const loader = await stage.start({}, volume.mounts.wrap)
  await waitFor('the loader to hang', async () => (await hangs(loader.child.pid!)) || undefined, { timeoutSeconds: 30 })
  loader.child.kill('SIGTERM')
  endsWith(t, await loader.end, 143, /^SIGTERM: .*the next run continues/)
  await loadsOnceItAnswers(t, stage, volume)
})

t.test('a transfer thread whose write hangs ends the loader after stall-timeout', async (t) => {
  const { stage, volume } = await volumeOf(t)
  const stall = (): Promise<void> => {
    volume.stall()
    return Promise.resolve()
  }
  stage.fault({ match: { operation: 'get' }, action: { kind: 'run', run: stall } })
  const end = await stage.run({ MODEL_STALL_TIMEOUT_SECONDS: '2' }, volume.mounts.wrap)
  endsWith(t, end, 17, /not one byte in 2 s|has not answered for 2 s/)
  t.strictSame((await readdir(volume.served)).sort(), [`.lock-${stage.id}`, `.staging-${stage.id}-pod-1`])
  await loadsOnceItAnswers(t, stage, volume)
})

async function volumeOf(t: Test): Promise<{ readonly stage: Stage; readonly volume: StallingVolume }> {
  world.proxy.reset()
  const volume = await stallingVolume(t.testdir())
  t.teardown(() => volume.stop())
  const stage = stageOf(world, t.fullname, volume.root)
  await stage.put('weights.bin', 'weights')
  return { stage, volume }
}

/** True if a thread waits for the FUSE daemon. */
async function hangs(pid: number): Promise<boolean> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const places = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/wchan`, 'utf8')))
  return places.some((place) => place.includes('request_wait_answer'))
}

/** The run that hung has published nothing, and the next one loads the model over what it left. */
async function loadsOnceItAnswers(t: Test, stage: Stage, volume: StallingVolume): Promise<void> {
  volume.goOn()
  const seen = { ...stage, root: volume.served }
  await holdsNothing(t, seen)
  endsWith(t, await stage.run({}, volume.mounts.wrap), 0)
  await holdsModel(t, seen)
}
