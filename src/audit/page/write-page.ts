/** The page as a file. The pods pass through to the file one by one: as text they need the most room where they are shown. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { AuditedPod } from '../judgement.ts'
import { describePage, embeddable, type AboutAudit } from './page-data.ts'
import { renderPage } from './render-page.ts'

/** Throws what `pods` throws, and what the file system does; then there is no file, or still the one that was there before. */
export async function writePageFile(file: string, pods: AsyncIterable<AuditedPod>, about: AboutAudit): Promise<void> {
  const partial = `${file}.${process.pid}.partial`
  try {
    await pipeline(Readable.from(pageText(pods, about)), createWriteStream(partial))
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** Does not end the stream, which may be stdout. */
export async function streamPage(
  stream: WriteStream | NodeJS.WriteStream,
  pods: AsyncIterable<AuditedPod>,
  about: AboutAudit,
): Promise<void> {
  await pipeline(Readable.from(pageText(pods, about)), stream, { end: false })
}

async function* pageText(pods: AsyncIterable<AuditedPod>, about: AboutAudit): AsyncGenerator<string> {
  const { before, after } = await renderPage('file')
  yield `${before}{"about":${embeddable(describePage(about, new Date()))},"pods":[`
  let separator = '\n'
  for await (const pod of pods) {
    yield `${separator}${embeddable(pod)}`
    separator = ',\n'
  }
  yield `\n]}${after}`
}
