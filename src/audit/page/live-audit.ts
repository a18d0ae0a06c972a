/** Keeps the last successful audit and starts the next one on request. Without requests there are no calls to the cluster. */
import { createHash } from 'node:crypto'
import type { AuditedPod } from '../judgement.ts'
import { embeddable, type AboutAudit, type LiveState } from './page-data.ts'

export interface LiveAudit {
  /** Begins an audit if the last one is old. */
  readonly look: () => LiveState
  /** JSON, as of the revision of the state. */
  readonly pods: () => string
  /** Begins no more; one that is under way is abandoned at its next pod. */
  readonly stop: () => void
}

export interface LiveAuditOptions {
  readonly audit: () => AsyncIterable<AuditedPod>
  /** Facts of the audit that has just ended. */
  readonly about: () => AboutAudit
  /** Least time from the end of one audit to the start of the next. A long audit is followed by a longer rest, to spare the API server. */
  readonly restMs: number
  /** After one that failed. */
  readonly retryMs: number
}

const restPerAudit = 4

export function startLiveAudit({ audit, about, restMs, retryMs }: LiveAuditOptions): LiveAudit {
  let state: LiveState = { isReading: false }
  let pods = '[]'
  let restsUntil = 0
  let isStopped = false

  const read = async (): Promise<void> => {
    const startedAt = performance.now()
    state = { ...state, isReading: true }
    try {
      pods = await collect(audit(), () => isStopped)
      const revision = createHash('sha256').update(pods).digest('hex').slice(0, 16)
      state = { isReading: false, auditedAt: new Date().toISOString(), revision, about: about() }
    } catch (error) {
      state = { ...state, isReading: false, problem: error instanceof Error ? error.message : String(error) }
    }
    const endedAt = performance.now()
    restsUntil =
      endedAt + (state.problem === undefined ? Math.max(restMs, restPerAudit * (endedAt - startedAt)) : retryMs)
  }
  const look = (): LiveState => {
    if (!state.isReading && !isStopped && performance.now() >= restsUntil) void read()
    return state
  }
  look()
  return {
    look,
    pods: () => pods,
    stop: () => {
      isStopped = true
    },
  }
}

async function collect(pods: AsyncIterable<AuditedPod>, isStopped: () => boolean): Promise<string> {
  const texts: string[] = []
  for await (const pod of pods) {
    if (isStopped()) throw new Error('the server was stopped')
    texts.push(embeddable(pod))
  }
  return `[${texts.join(',\n')}]`
}
