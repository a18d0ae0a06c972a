/** Audit annotations for the API server's audit log, so that it can be searched for models and rules. */
import type { Outcome } from '../inject/inject.ts'
import type { AdmissionRequest } from './review.ts'
import { truncateUtf8 } from './truncate.ts'

/** Keys have no slash: the API server adds the webhook's name in front, and drops keys that already have a slash. */
export const auditKeys = {
  decision: '`injected`, `denied` or `skipped`',
  reason: 'one word of the table of reasons',
  sources: 'the sources, with commas; of a denied pod as its author wrote them',
  rule: 'the policy rules that allowed it; of a denied pod, the matching rules, all of which denied it',
  'config-hash': 'the configuration that decided, as in `model_injector_config_info`',
} as const

type AuditKey = keyof typeof auditKeys

export type AuditAnnotations = Readonly<Partial<Record<AuditKey, string>>>

/** The API server accepts values of any length, but audit backends drop events that are too long. */
export const longestAuditValueBytes = 2048

/** A pod can have hundreds of annotations; values that would be truncated need not be collected. */
const mostSources = 100

/** The request and its outcome. */
export interface Answered {
  readonly request: Pick<AdmissionRequest, 'uid' | 'object'>
  readonly outcome: Outcome
  readonly configHash: string
  readonly annotationPrefix: string
}

export function auditAnnotations({ request, outcome, configHash, annotationPrefix }: Answered): AuditAnnotations {
  return {
    decision: outcome.outcome,
    reason: outcome.reason,
    'config-hash': configHash,
    ...bounded('sources', sourcesOf(outcome, request.object, annotationPrefix)),
    ...bounded('rule', rulesOf(outcome)),
  }
}

function bounded(key: AuditKey, values: readonly string[]): AuditAnnotations {
  return values.length === 0 ? {} : { [key]: truncateUtf8(values.join(','), longestAuditValueBytes) }
}

/** Annotations of a denied pod are unvalidated input of its author. */
function sourcesOf(outcome: Outcome, object: unknown, prefix: string): readonly string[] {
  switch (outcome.outcome) {
    case 'skipped':
      return []
    case 'injected':
      return outcome.models.map(({ source }) => source)
    case 'denied':
      return writtenSources(object, `${prefix}source`)
  }
}

function writtenSources(object: unknown, key: string): readonly string[] {
  const { metadata } = (object ?? {}) as { metadata?: { annotations?: unknown } | null }
  const annotations = metadata?.annotations
  if (typeof annotations !== 'object' || annotations === null) return []
  return Object.entries(annotations)
    .filter(([name, value]) => (name === key || name.startsWith(`${key}.`)) && typeof value === 'string')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, mostSources)
    .map(([, value]) => String(value))
}

/** The rules that allowed the pod, or matching rules, all of which denied it. */
function rulesOf(outcome: Outcome): readonly string[] {
  return outcome.outcome === 'skipped' ? [] : outcome.rules
}
