/**
 * Turns a request into its answer. Pure like the core: the same request and configuration always get the same answer.
 */
import type { Config } from '../config/config.ts'
import { inject, type Outcome } from '../inject/inject.ts'
import { respond, type AdmissionReview } from './respond.ts'
import type { AdmissionRequest } from './review.ts'

export interface Admission {
  readonly outcome: Outcome
  readonly review: AdmissionReview
}

/**
 * Throws only for a fault of ours. A dry run gets the same answer as any other request, because nothing here has side
 * effects.
 */
export function admit(request: AdmissionRequest, config: Config): Admission {
  const outcome = decideOutcome(request, config)
  return {
    outcome,
    review: respond({ request, outcome, configHash: config.hash, annotationPrefix: config.annotationPrefix }),
  }
}

function decideOutcome({ isPodCreation, object, namespace }: AdmissionRequest, config: Config): Outcome {
  if (!isPodCreation) return { outcome: 'skipped', reason: 'NotPodCreation', warnings: [] }
  return inject(object, namespace, config)
}
