/** Counts and logs an admission, in one place, once its outcome is known. */
import type { AdmissionRequest } from '../admission/review.ts'
import type { Denied, Injected, Outcome } from '../inject/inject.ts'
import type { Logger } from 'pino'
import type { Metrics } from './metrics.ts'

export interface Failed {
  readonly outcome: 'failed'
  readonly reason: 'InternalError'
  readonly error: unknown
}

/** Longest name of an object in the API; longer claims are truncated in the log. */
const longestName = 253

export function recordAdmission(
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
  request: AdmissionRequest,
  outcome: Outcome | Failed,
  durationMs: number,
): void {
  metrics.countAdmission({ outcome: outcome.outcome, reason: outcome.reason, durationMs })
  if (outcome.outcome !== 'failed') countDetails(metrics, request, outcome)
  const line = {
    ...describeRequest(request),
    ...describeOutcome(outcome),
    durationMs: Math.round(durationMs * 1000) / 1000,
  }
  if (outcome.outcome === 'failed') logger.error({ ...line, err: outcome.error }, 'admission')
  else logger.info(line, 'admission')
  if (outcome.outcome === 'injected') logger.debug({ uid: request.uid, patch: outcome.patch }, 'patch')
}

function countDetails(metrics: Metrics, { dryRun }: AdmissionRequest, outcome: Outcome): void {
  for (const { reason } of outcome.warnings) metrics.countWarning(reason)
  if (outcome.outcome === 'denied' && isPolicyDenial(outcome)) metrics.countPolicyDenial('enforce')
  if (outcome.warnings.some(({ reason }) => reason === 'PolicyWouldDeny')) metrics.countPolicyDenial('audit')
  if (outcome.outcome === 'injected' && !dryRun) countModels(metrics, outcome)
}

function isPolicyDenial({ diagnostics }: Denied): boolean {
  return diagnostics.some(({ reason }) => reason === 'NotAllowed')
}

/** A pod that is healed or moved was counted when it was injected. */
function countModels(metrics: Metrics, { reason, models }: Injected): void {
  if (reason !== 'Injected') return
  for (const { delivery } of models) metrics.countInjectedModel(delivery)
}

function describeRequest(request: AdmissionRequest): Record<string, unknown> {
  const { uid, namespace, operation, dryRun } = request
  return { uid, namespace: truncate(namespace), pod: truncate(podRef(request)), operation: truncate(operation), dryRun }
}

function describeOutcome(outcome: Outcome | Failed): Record<string, unknown> {
  return {
    outcome: outcome.outcome,
    reason: outcome.reason,
    ops: outcome.outcome === 'injected' ? outcome.patch.length : 0,
    warnings: outcome.outcome === 'failed' ? 0 : outcome.warnings.length,
  }
}

/** Pods of a controller have no name yet. */
function podRef({ name, object }: AdmissionRequest): string {
  const { metadata } = (object ?? {}) as { metadata?: { name?: unknown; generateName?: unknown } | null }
  if (name !== '') return name
  if (typeof metadata?.name === 'string' && metadata.name !== '') return metadata.name
  return typeof metadata?.generateName === 'string' ? `${metadata.generateName} (generated)` : ''
}

function truncate(text: string): string {
  return text.slice(0, longestName)
}
