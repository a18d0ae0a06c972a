/** A live page asks its server for the state, and for the pods when they changed. It keeps the last view until it has a newer one. */
import type { AuditedPod } from '../../judgement.ts'
import type { AboutAudit, LiveState } from '../page-data.ts'
import { printable } from '../../../values/print/printable.ts'
import { byId, element, moment, type Child } from './elements.ts'

const pollMs = 3000
const requestTimeoutMs = 20_000

/** `show` gets the pods of each new audit, `tell` what they were judged by. Never ends: a server that is away may come back. */
export async function followAudit(
  show: (pods: readonly AuditedPod[]) => void,
  tell: (about: AboutAudit) => void,
): Promise<never> {
  let revision: string | undefined
  let auditedAt: string | undefined
  for (;;) {
    try {
      const state = await fetchJson<LiveState>('state.json')
      if (state.revision !== undefined && state.revision !== revision) {
        show(await fetchJson<readonly AuditedPod[]>('pods.json'))
        revision = state.revision
      }
      auditedAt = state.auditedAt
      if (state.about !== undefined) tell(state.about)
      showState(state)
    } catch (error) {
      showLost(error, auditedAt)
    }
    await nextPoll()
  }
}

async function fetchJson<Body>(path: string): Promise<Body> {
  const response = await fetch(path, { signal: AbortSignal.timeout(requestTimeoutMs) })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  return (await response.json()) as Body
}

/** A hidden page polls nothing, so it causes no audit of the cluster. */
async function nextPoll(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, pollMs))
  if (!document.hidden) return
  await new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true })
  })
}

function showState({ auditedAt, isReading, problem }: LiveState): void {
  if (problem !== undefined) {
    const since =
      auditedAt === undefined ? ['Nothing could be read yet.'] : ['The view is from ', moment(auditedAt), ' UTC.']
    showLiveness('stale', 'Reading failed: ', element('bdi', {}, printable(problem)), '. ', ...since)
  } else if (auditedAt === undefined) {
    showLiveness('reading', isReading ? 'Live. Reading for the first time…' : 'Live. Waiting for the first audit…')
  } else showLiveness('fresh', 'Live. Read at ', moment(auditedAt), ' UTC.')
}

function showLost(error: unknown, auditedAt: string | undefined): void {
  const since: readonly Child[] = auditedAt === undefined ? [] : [' The view is from ', moment(auditedAt), ' UTC.']
  showLiveness(
    'stale',
    `model-injector audit --serve does not answer (${error instanceof Error ? error.message : String(error)}): was it ended?`,
    ...since,
  )
}

/** Read out only when it becomes something else, not at every audit. */
function showLiveness(kind: 'fresh' | 'reading' | 'stale', ...content: readonly Child[]): void {
  const shown = byId('liveness', HTMLElement)
  const made = element('span', {}, ...content)
  shown.hidden = false
  if (shown.textContent === made.textContent) return
  shown.setAttribute('aria-live', kind === 'fresh' && shown.dataset.kind === 'fresh' ? 'off' : 'polite')
  shown.dataset.kind = kind
  shown.replaceChildren(made)
}
