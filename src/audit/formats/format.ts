/** The type of an output format: text that is streamed while the pods are audited. */
import type { AuditedPod, AuditSummary, Judged, Level } from '../judgement.ts'
import type { AboutWaivers } from '../waivers/about-waivers.ts'

export interface FormatContext {
  /** The place that was read, for people: `cluster https://10.0.0.1:6443 (context prod)`. */
  readonly place: string
  readonly scope: string
  /** Origin of today's configuration. */
  readonly config: string
  readonly configHash: string
  /** Undefined without a file of waivers. */
  readonly waivers?: AboutWaivers
  readonly now: Date
  /** Counts of the pods audited so far. */
  readonly summary: () => AuditSummary
  /** True for a judgement of --fail-on. */
  readonly failsOn: (judged: Judged) => boolean
  /** The subject of a row. Formats that have only pods leave it alone. */
  readonly by: 'pod' | 'workload'
  readonly terminal: Terminal
}

/** Options of the table, the format that people read. */
export interface Terminal {
  readonly width: number
  /** True where another program reads: sources stay in one piece, however long they are. */
  readonly isPipe: boolean
  readonly paint: (level: Level | 'title', text: string) => string
  /** Only pods that do not conform. */
  readonly quiet: boolean
}

export type Format = (pods: AsyncIterable<AuditedPod>, context: FormatContext) => AsyncIterable<string>
