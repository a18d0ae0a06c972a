/**
 * The Event about an admission, and the object it is attached to. Pure; the recorder decides if and when it is sent.
 */
import { truncateUtf8 } from '../admission/truncate.ts'
import { denialMessage } from '../admission/respond.ts'
import type { AdmissionRequest } from '../admission/review.ts'
import type { Injected, Outcome } from '../inject/inject.ts'
import type { Reason } from '../reasons.ts'

/** Controller of the pod: a ReplicaSet, a Job. The pod itself is not stored yet, and never will be if it was denied. */
interface Owner {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly namespace: string
}

export interface AdmissionEvent {
  readonly owner: Owner
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  readonly action: 'Inject' | 'Deny'
  readonly note: string
}

/** The API server refuses longer notes. */
const longestNoteBytes = 1024

const longestName = 253

/** Undefined for a dry run, which has no side effects, for a skipped pod, and for a pod without a controller. */
export function eventOf(request: AdmissionRequest, outcome: Outcome): AdmissionEvent | undefined {
  if (request.dryRun || outcome.outcome === 'skipped') return undefined
  const owner = ownerOf(request)
  if (owner === undefined) return undefined
  const { reason } = outcome
  return outcome.outcome === 'denied'
    ? {
        owner,
        type: 'Warning',
        reason,
        action: 'Deny',
        note: truncateUtf8(denialMessage(outcome).replaceAll('\n', '; '), longestNoteBytes),
      }
    : { owner, type: 'Normal', reason, action: 'Inject', note: truncateUtf8(injectionNote(outcome), longestNoteBytes) }
}

function injectionNote({ models, rules }: Injected): string {
  const injected = models.map(({ name, source, delivery }) => `${name} from ${source} by ${delivery}`).join(', ')
  return `model-injector: pods get ${injected}${rules.length === 0 ? '' : `; allowed by ${rules.join(', ')}`}`
}

/** Takes untrusted values from the pod; the Event is therefore always written to the pod's own namespace. */
function ownerOf({ object, namespace }: AdmissionRequest): Owner | undefined {
  const { metadata } = (object ?? {}) as { metadata?: { ownerReferences?: unknown } | null }
  const references = metadata?.ownerReferences
  const controller = Array.isArray(references) ? references.find(isController) : undefined
  if (controller === undefined) return undefined
  const { apiVersion, kind, name, uid } = controller
  return { apiVersion, kind, name, uid, namespace }
}

function isController(reference: unknown): reference is Omit<Owner, 'namespace'> {
  if (typeof reference !== 'object' || reference === null) return false
  const fields = reference as Readonly<Record<string, unknown>>
  return fields.controller === true && ['apiVersion', 'kind', 'name', 'uid'].every((field) => isName(fields[field]))
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= longestName
}
