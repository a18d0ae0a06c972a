/** What every output of an audit is: text that is made while the pods pass by. */
import type { AuditedPod, AuditSummary, Judged, Level } from '../judgement.ts'

export interface FormatContext {
  /** What was read, for people: `cluster https://10.0.0.1:6443 (context prod)`. */
  readonly place: string
  readonly scope: string
  /** Where today's configuration is from. */
  readonly config: string
  readonly configHash: string
  readonly now: Date
  /** Of the pods that have passed by. */
  readonly summary: () => AuditSummary
  /** Whether the user wants to fail on it. */
  readonly failsOn: (judged: Judged) => boolean
  readonly terminal: Terminal
}

/** For the format that people read. */
export interface Terminal {
  readonly width: number
  readonly paint: (level: Level | 'title', text: string) => string
  /** Only pods that do not conform. */
  readonly quiet: boolean
}

export type Format = (pods: AsyncIterable<AuditedPod>, context: FormatContext) => AsyncIterable<string>
