/** Result of a lookup: found, absent, or unknown (for example forbidden). */
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

/** Refusals of the API server become `unknown`; our own faults are thrown. */
export async function lookup<T>(work: () => Promise<T | undefined>): Promise<Lookup<T>> {
  try {
    const value = await work()
    return value === undefined ? absent : found(value)
  } catch (error) {
    if (error instanceof ClusterError) return unknown(error.message)
    throw error
  }
}

/** Continues with a found value; returns any other result unchanged. */
export async function lookupThen<T, U>(
  first: Lookup<T>,
  work: (value: T) => Promise<U | undefined>,
): Promise<Lookup<U>> {
  return first.state === 'found' ? lookup(() => work(first.value)) : first
}

export function valueOf<T>(seen: Lookup<T>): T | undefined {
  return seen.state === 'found' ? seen.value : undefined
}

/** The reason why there is no value. */
export function whyNot(seen: Lookup<unknown> | undefined, otherwise = 'it is not there'): string {
  return seen?.state === 'unknown' ? seen.why : otherwise
}
