/** The whole server in the test's own process, on free ports, with mounted directories. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { startServer, type RunningServer, type ServerOptions } from '../../../src/server/start-server.ts'
import { get } from './https-client.ts'
import { mountDirectory, temporaryDirectory, type MountedDirectory } from './mounted-directory.ts'
import { captureLog, createPki, readMetric, shiftedClock, type CapturedLog, type Pair, type Pki } from './server-kit.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface ServerUnderTest extends RunningServer {
  readonly log: CapturedLog
  readonly clock: ReturnType<typeof shiftedClock>
  readonly pki: Pki
  readonly tls: MountedDirectory
  readonly first: Pair
  readonly directory: string
  readonly metric: (series: string) => Promise<number | undefined>
  /** Resolves once the metric has the value. */
  readonly waitForMetric: (series: string, value: number) => Promise<void>
}

/** Stopped, and its files removed, when the test ends. Without events of the file system it would take a poll of 200 ms. */
export async function runServer(
  t: Test,
  options: Partial<ServerOptions> = {},
  log: CapturedLog = captureLog(),
): Promise<ServerUnderTest> {
  const directory = await temporaryDirectory(t)
  const pki = await createPki(directory)
  const first = await pki.issue('first')
  const tls = await mountDirectory(directory, 'tls', { ...first })
  const clock = shiftedClock()
  const server = await startServer(
    {
      configFile: undefined,
      tlsDirectory: join(directory, 'tls'),
      address: '127.0.0.1',
      port: 0,
      healthPort: 0,
      minVersion: 'TLSv1.3',
      drainSeconds: 0,
      pollMs: 200,
      ...options,
    },
    { logger: log.logger, clock },
  )
  t.teardown(() => server.stop())
  const metric = async (series: string): Promise<number | undefined> =>
    readMetric((await get(server.healthPort, '/metrics')).body, series)
  const waitForMetric = async (series: string, value: number): Promise<void> => {
    await waitFor(`${series} to be ${value}`, async () => ((await metric(series)) === value ? true : undefined))
  }
  return { ...server, log, clock, pki, tls, first, directory, metric, waitForMetric }
}
