/**
 * The engine s5cmd: the program copies files, and nothing else. Listing, credentials, limits, proofs, journal and publication are
 * the loader's own, as for the engine native.
 */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { originOf } from '../../s3/origin.ts'
import type { CredentialsSource } from '../credentials/credentials.ts'
import type { DownloadContext, DownloadResult, RunningEngine } from '../download-context.ts'
import { makeEmptyFiles } from '../download.ts'
import type { LoadTask } from '../environment.ts'
import { startProgressMeter } from '../progress-meter.ts'
import type { TransferSession } from '../start-transfer.ts'
import { JournalWriter } from '../volume/journal-writer.ts'
import { openBelow, openWithin, usingDirectory, type Directory } from '../volume/directory.ts'
import { bytesOf } from '../volume/evidence.ts'
import { Arrivals } from './arrivals.ts'
import { copyObjects } from './copy.ts'
import { serveCredentials, type CredentialsServer } from './credentials-server.ts'
import { Pace } from './pace.ts'
import { placeOf, type ProgramPlace } from './place.ts'
import { notRunnable } from './program.ts'
import { prove } from './proof.ts'
import type { WholeFile } from './round.ts'
import { WorkQueue } from './work-queue.ts'

/** A proof of a small object is mostly waiting for its HEAD. */
const proofsAtOnce = 16

/** Throws a LoaderFailure where the program is not there, or cannot do what the task needs. */
export async function startS5cmd({ task, location }: TransferSession): Promise<RunningEngine> {
  const origin = originOf(location, task.alsoTrusted)
  const place = placeOf(origin, location.bucket, location.region)
  await requireProgram(task)
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-'))
  const env = origin.protocol === 'https:' ? await authoritiesIn(directory) : {}
  return {
    takesPages: false,
    download: (context, credentials) =>
      download(context, credentials, { args: place.args, env: { ...place.env, ...env } }),
    stop: () => rm(directory, { recursive: true, force: true }),
  }
}

async function requireProgram({ s5cmdPath }: LoadTask): Promise<void> {
  const found = await stat(s5cmdPath).catch(() => undefined)
  if (found?.isFile() !== true) throw notRunnable(`the engine s5cmd is not at ${s5cmdPath}`)
}

/** The image has no file of authorities, and those of Node include what the operator trusts in addition. */
async function authoritiesIn(directory: string): Promise<Readonly<Record<string, string>>> {
  const file = join(directory, 'authorities.pem')
  const { getCACertificates } = process.getBuiltinModule('node:tls')
  await writeFile(file, getCACertificates('default').join('\n'))
  return { SSL_CERT_FILE: file, SSL_CERT_DIR: '/dev/null' }
}

async function download(
  context: DownloadContext,
  source: CredentialsSource | undefined,
  place: ProgramPlace,
): Promise<DownloadResult> {
  const { root, stagingName } = context.staging.layout
  return await usingDirectory(await openBelow(root, stagingName), async (staging) =>
    usingDirectory(await staging.directory('files'), (files) =>
      downloadInto({ staging, files }, context, { source, place }),
    ),
  )
}

interface OpenedStaging {
  readonly staging: Directory
  readonly files: Directory
}

interface ProgramSetting {
  readonly source: CredentialsSource | undefined
  readonly place: ProgramPlace
}

async function downloadInto(
  opened: OpenedStaging,
  context: DownloadContext,
  { source, place }: ProgramSetting,
): Promise<DownloadResult> {
  const { staging, report, listing } = context
  const failed = new AbortController()
  const writer = new JournalWriter(staging.journal, staging.layout.stagingFiles)
  const meter = startProgressMeter(report, listing, staging.verifiedBytes)
  const fail = (error: unknown): void => {
    failed.abort(error)
  }
  const credentials = source && (await serveCredentials(source, fail))
  const arrivals = new Arrivals(opened.staging)
  const proving = new Proving({ files: opened.files, arrivals }, context, writer)
  try {
    await makeEmptyFiles(listing.objects, context)
    await proving.proveEarlier()
    const objects = proving.missing()
    await copyObjects(objects, {
      context,
      program: { path: context.task.s5cmdPath, args: signingArgs(place, credentials), env: envOf(place, credentials) },
      arrivals,
      pace: new Pace({ meter, stallTimeoutMs: context.task.stallTimeoutSeconds * 1000 }),
      proofs: proving.queue,
      credentials,
      source,
      signal: AbortSignal.any([context.signal, failed.signal]),
    })
    return { withoutChecksum: proving.withoutChecksum }
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error
  } finally {
    meter.stop()
    credentials?.close()
    await proving.queue.stopped()
    await writer.flush()
  }
}

function signingArgs({ args }: ProgramPlace, credentials: CredentialsServer | undefined): readonly string[] {
  return credentials === undefined ? [...args, '--no-sign-request'] : args
}

function envOf({ env }: ProgramPlace, credentials: CredentialsServer | undefined): Readonly<Record<string, string>> {
  return { ...env, ...credentials?.env }
}

interface FilePlaces {
  /** The files of the model in staging. */
  readonly files: Directory
  readonly arrivals: Arrivals
}

/** Proves files and puts them into their places, each as soon as it is whole, so that a later run has them. */
class Proving {
  withoutChecksum = 0
  readonly queue: WorkQueue<WholeFile>
  readonly #places: FilePlaces
  readonly #context: DownloadContext
  readonly #writer: JournalWriter
  readonly #there = new Set<number>()

  constructor(places: FilePlaces, context: DownloadContext, writer: JournalWriter) {
    this.#places = places
    this.#context = context
    this.#writer = writer
    this.queue = new WorkQueue((file) => this.#take(file), proofsAtOnce)
  }

  /** Whole files of an earlier run are proved as well, and not fetched again; parts of the other engine make room. */
  async proveEarlier(): Promise<void> {
    const { listing, staging } = this.#context
    for (const [i, { path, size }] of listing.objects.entries()) {
      const parts = staging.verified.get(path)
      const isWhole = size === 0 || (parts !== undefined && bytesOf(parts) === size)
      if (isWhole) this.queue.add({ object: i, arrived: undefined })
      else if (parts !== undefined) await this.#inDirectoryOf(path, (directory, name) => directory.removeFile(name))
    }
    await this.queue.drained()
  }

  missing(): readonly number[] {
    return [...this.#context.listing.objects.keys()].filter((i) => !this.#there.has(i))
  }

  async #take({ object: i, arrived }: WholeFile): Promise<void> {
    const object = this.#context.listing.objects[i]
    if (object === undefined) throw new Error(`a file of the unknown object ${i}`)
    const { parts, isCompared } = await this.#inDirectoryOf(object.path, async (directory, name) => {
      if (arrived === undefined) return await prove(object, { directory, name }, this.#context)
      const from = this.#places.arrivals.directory
      const proof = await prove(object, { directory: from, name: arrived }, this.#context)
      await from.move(arrived, directory, name)
      return proof
    })
    if (arrived !== undefined) for (const part of parts) await this.#writer.add(part)
    if (!isCompared) this.withoutChecksum++
    this.#there.add(i)
  }

  /** Found by handles: another pod may put a link into the place of a directory of staging at any time. */
  async #inDirectoryOf<T>(path: string, action: (directory: Directory, name: string) => Promise<T>): Promise<T> {
    return await usingDirectory(await openWithin(this.#places.files, dirname(path)), (directory) =>
      action(directory, basename(path)),
    )
  }
}
