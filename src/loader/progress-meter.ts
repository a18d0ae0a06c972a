/** Reports every few seconds how much of a download has arrived. */
import type { Report } from './report.ts'

const progressEveryMs = 5000

export interface ProgressMeter {
  readonly add: (bytes: number) => void
  readonly stop: () => void
}

/** The bytes of a listing may still grow; `verifiedBytes` are of an earlier run. */
export function startProgressMeter(
  report: Report,
  listing: { readonly bytes: number },
  verifiedBytes: number,
): ProgressMeter {
  const startedAtMs = performance.now()
  let received = 0
  const show = (): void => {
    const bytesPerSecond = Math.round((received * 1000) / (performance.now() - startedAtMs))
    report.progress({ bytes: verifiedBytes + received, totalBytes: listing.bytes, bytesPerSecond })
  }
  const timer = setInterval(show, progressEveryMs)
  return {
    add: (bytes) => {
      received += bytes
    },
    stop: () => {
      clearInterval(timer)
      if (received > 0) show()
    },
  }
}
