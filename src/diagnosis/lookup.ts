/** What came of looking: not being allowed to look is neither there nor missing. */
import { ClusterError } from '../cluster/cluster-error.ts'

export type Lookup<T> = Found<T> | Absent | Unknown

export interface Found<T> {
  readonly state: 'found'
  readonly value: T
}

export interface Absent {
  readonly state: 'absent'
}

export interface Unknown {
  readonly state: 'unknown'
  readonly why: string
}

export const absent: Absent = { state: 'absent' }

export function found<T>(value: T): Found<T> {
  return { state: 'found', value }
}

export function unknown(why: string): Unknown {
  return { state: 'unknown', why }
}

/** What the API server refuses is unknown; our own faults stay faults. */
export async function lookup<T>(work: () => Promise<T | undefined>): Promise<Lookup<T>> {
  try {
    const value = await work()
    return value === undefined ? absent : found(value)
  } catch (error) {
    if (error instanceof ClusterError) return unknown(error.message)
    throw error
  }
}

/** Goes on from what was found; without it there is nothing to look for. */
export async function lookupThen<T, U>(
  first: Lookup<T>,
  work: (value: T) => Promise<U | undefined>,
): Promise<Lookup<U>> {
  return first.state === 'found' ? lookup(() => work(first.value)) : first
}

export function valueOf<T>(seen: Lookup<T>): T | undefined {
  return seen.state === 'found' ? seen.value : undefined
}
