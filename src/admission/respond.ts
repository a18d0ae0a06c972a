/** Writes the AdmissionReview response: allowed or denied. A fault of ours gets no response. */
import type { Denied, Injected, Outcome } from '../inject/inject.ts'
import { patchText } from '../inject/patch.ts'
import { countOmitted, formatDiagnostic, formatOmitted, type Warning } from '../reasons.ts'
import { auditAnnotations, type Answered, type AuditAnnotations } from './audit-annotations.ts'
import { reviewApiVersion, reviewKind } from './review.ts'

export interface AdmissionReview {
  readonly apiVersion: typeof reviewApiVersion
  readonly kind: typeof reviewKind
  readonly response: AdmissionResponse
}

interface AdmissionResponse {
  readonly uid: string
  readonly allowed: boolean
  readonly patchType?: 'JSONPatch'
  /** JSON Patch in base64. */
  readonly patch?: string
  readonly warnings?: readonly string[]
  readonly auditAnnotations: AuditAnnotations
  /** Has no `details`: kubectl would print them instead of the message. */
  readonly status?: { readonly code: 422; readonly reason: 'Invalid'; readonly message: string }
}

/** The API server may truncate longer warnings; kubernetes/api admission/v1 recommends 120 characters at most. */
const longestWarning = 120

export function respond(answered: Answered): AdmissionReview {
  const { request, outcome } = answered
  return {
    apiVersion: reviewApiVersion,
    kind: reviewKind,
    response: {
      uid: request.uid,
      allowed: outcome.outcome !== 'denied',
      ...verdictOf(outcome),
      ...(outcome.warnings.length === 0 ? {} : { warnings: outcome.warnings.map(warningText) }),
      auditAnnotations: auditAnnotations(answered),
    },
  }
}

function verdictOf(outcome: Outcome): Pick<AdmissionResponse, 'patchType' | 'patch' | 'status'> {
  switch (outcome.outcome) {
    case 'skipped':
      return {}
    case 'injected':
      return patchOf(outcome)
    case 'denied':
      return { status: { code: 422, reason: 'Invalid', message: denialMessage(outcome) } }
  }
}

function patchOf({ patch }: Injected): Pick<AdmissionResponse, 'patchType' | 'patch'> {
  if (patch.length === 0) return {}
  return { patchType: 'JSONPatch', patch: Buffer.from(patchText(patch)).toString('base64') }
}

export function denialMessage({ diagnostics, omitted = {} }: Denied): string {
  const count = diagnostics.length + countOmitted(omitted)
  return [
    `model-injector: ${count === 1 ? '1 problem' : `${count} problems`}`,
    ...diagnostics.map(formatDiagnostic),
    ...formatOmitted(omitted),
  ].join('\n')
}

/**
 * Warnings are sent as an HTTP header. The API server drops one with a control character or invalid Unicode, so both are
 * replaced, and truncation never splits a character.
 */
function warningText({ message }: Warning): string {
  // No character has more than two units.
  const head = message.slice(0, 2 * longestWarning + 2).toWellFormed()
  const characters = Array.from(head.replace(/\p{Cc}/gu, ' '))
  return characters.length <= longestWarning
    ? characters.join('')
    : `${characters.slice(0, longestWarning - 1).join('')}…`
}
