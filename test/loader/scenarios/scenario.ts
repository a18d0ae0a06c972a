/** Cases that need more than one run, or more than faults in front of S3. */
import { chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { LoaderEngine, RunningLoader } from '../../kit/s3/loader-run.ts'
import type { LoaderWorld, Stage } from '../../kit/s3/loader-world.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

export interface Scenario {
  readonly name: string
  readonly run: (t: Test, stage: Stage) => Promise<void>
  /** Limits of this engine by its nature, in the words of the docs. */
  readonly cannot?: Readonly<Partial<Record<LoaderEngine['name'], string>>>
}

export const MiB = 2 ** 20

/** Until the loader has so many bytes of this model on their way; fails at once if it ends before. */
export async function waitForBytes(stage: Stage, loader: RunningLoader, bytes: number): Promise<void> {
  const sent = (): number => requestsOf(stage).reduce((sum, { bytesSent }) => sum + bytesSent, 0)
  await waitFor(`${bytes} bytes`, () => Promise.resolve(sent() >= bytes ? true : undefined), {
    signal: endSignal(loader),
  })
}

/** For what is waited for while a loader runs. */
export function endSignal(loader: RunningLoader): AbortSignal {
  const ended = new AbortController()
  void loader.end.then(({ log }) => {
    ended.abort(new Error(`the loader ended before: ${log}`))
  })
  return ended.signal
}

/** The requests for objects of this model. */
export function requestsOf({ world, prefix }: Stage): LoaderWorld['proxy']['requests'] {
  return world.proxy.requests.filter(({ operation, key }) => operation === 'get' && key?.startsWith(prefix))
}

/** For a loader that runs as another user: what signs the server's certificate, where everybody can read it. */
export async function readableCertificate({
  world: { proxy, engine, directory },
}: Stage): Promise<Readonly<Record<string, string>>> {
  const file = join(directory, 'proxy-ca.pem')
  await copyFile(proxy.caCertificateFile ?? '', file)
  await chmod(file, 0o644)
  return engine.environment(file)
}
