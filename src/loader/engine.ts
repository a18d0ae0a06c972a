/** The engines that bring the bytes of a listing into staging: the loader's own threads, or the program s5cmd. */
import type { RunningEngine } from './download-context.ts'
import { download } from './download.ts'
import { startTransfer, type TransferSession } from './start-transfer.ts'

/** Starts before the listing, so that an engine is ready, or known to be missing, when its bytes can come. */
export async function startEngine(session: TransferSession): Promise<RunningEngine> {
  if (session.task.engine === 'native') return startNative(session)
  // Imported on demand: few pods choose it.
  const { startS5cmd } = await import('./s5cmd/download.ts')
  return startS5cmd(session)
}

async function startNative(session: TransferSession): Promise<RunningEngine> {
  const transfer = await startTransfer(session)
  return {
    takesPages: true,
    download: (context, credentials) => {
      const { listing, staging } = context
      return download(context, transfer.moveFor({ credentials, listing, verifiedBytes: staging.verifiedBytes }))
    },
    stop: () => transfer.stop(),
  }
}
