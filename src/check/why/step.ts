/** The steps of a pod through admission, in the order of the API server and the webhook. */
export type StepId =
  | 'pod'
  | 'registration'
  | 'namespace-selector'
  | 'object-selector'
  | 'match-conditions'
  | 'opt-out'
  | 'annotations'
  | 'policy'
  | 'outcome'
  | 'dry-run'

/** `stops`: the pod gets no further. `unknown`: not evaluated. `fact`: worth knowing, without consequence. */
export type StepVerdict = 'passes' | 'stops' | 'unknown' | 'fact'

export interface Step {
  readonly id: StepId
  readonly verdict: StepVerdict
  readonly what: string
  readonly details: readonly string[]
}

export function passes(id: StepId, what: string, details: readonly string[] = []): Step {
  return { id, verdict: 'passes', what, details }
}

export function stops(id: StepId, what: string, details: readonly string[] = []): Step {
  return { id, verdict: 'stops', what, details }
}

export function notEvaluated(id: StepId, why: string, details: readonly string[] = []): Step {
  return { id, verdict: 'unknown', what: why, details }
}

export function fact(id: StepId, what: string, details: readonly string[] = []): Step {
  return { id, verdict: 'fact', what, details }
}
