/** The state in which a live object is: what was found, and one clause that sums it up. */
import type { Finding } from '../../../diagnosis/finding.ts'

/** `starting`: nothing is wrong, and not everything is there yet. `unknown`: a permission to look is missing. */
export type Health = 'good' | 'starting' | 'wrong' | 'unknown'

export interface LiveFinding extends Finding {
  /** Further lines, as a message of several lines has them. */
  readonly details?: readonly string[]
}

/** One thing about a pod, and how the pod would be summed up if it were the only one. */
export interface Aspect {
  readonly health: Health
  /** A clause without times and names, so that equal pods have equal ones: `its loader fails: access denied (exit 10)`. */
  readonly brief: string
  readonly finding: LiveFinding
}

export interface PodState {
  readonly health: Health
  readonly injected: boolean
  readonly brief: string
  readonly findings: readonly LiveFinding[]
}

export interface PodGroup {
  readonly count: number
  readonly health: Health
  readonly injected: boolean
  readonly what: string
  /** The newest ones. */
  readonly names: readonly string[]
}

export interface LiveObjectState {
  readonly health: Health
  /** The clause of the headline. */
  readonly what: string
  /** Only for an object that owns pods: groups of equal state, the worst first. */
  readonly pods?: { readonly count: number; readonly groups: readonly PodGroup[]; readonly shown: string | undefined }
  readonly findings: readonly LiveFinding[]
}

const order: readonly Health[] = ['wrong', 'unknown', 'starting', 'good']

export function compareHealth(a: { readonly health: Health }, b: { readonly health: Health }): number {
  return order.indexOf(a.health) - order.indexOf(b.health)
}

/** The first of the worst; of a pod that is well the last, since a ready app says more than a loaded model. */
export function decisiveOf(aspects: readonly Aspect[]): Aspect | undefined {
  const [first] = aspects.toSorted(compareHealth)
  return first?.health === 'good' ? aspects.at(-1) : first
}
