/** Data of a page apart from the pods. The browser code imports only types from this file. */
import { judgements, type Judgement, type Level } from '../judgement.ts'
import type { AboutWaivers } from '../waivers/about-waivers.ts'
import { version } from '../../version.ts'

/** Scope and configuration of an audit. The page shows these texts unchanged. */
export interface AboutAudit {
  /** `cluster https://10.0.0.1:6443`, or the files. */
  readonly place: string
  /** `all namespaces`, `namespace apps`. */
  readonly scope: string
  /** Origin of today's configuration. */
  readonly config: string
  readonly configHash: string
  /** Undefined without a file of waivers. */
  readonly waivers?: AboutWaivers
}

interface JudgementMeaning {
  readonly level: Level
  readonly meaning: string
  readonly remedy: string
}

export interface AboutPage extends AboutAudit {
  readonly version: string
  /** RFC 3339. Undefined: the page is live, and its state says when. */
  readonly auditedAt?: string
  readonly judgements: Readonly<Record<Judgement, JudgementMeaning>>
}

/** The state that a live page polls. It is small: the page fetches the pods only when the revision changes. */
export interface LiveState {
  /** Revision of the pods audited at `auditedAt`; undefined until the first audit has ended. */
  readonly revision?: string
  readonly auditedAt?: string
  /** Facts of the same audit: the configuration may have changed since the page was made. */
  readonly about?: AboutAudit
  readonly isReading: boolean
  /** Error of the last audit; the page then shows an earlier one. */
  readonly problem?: string
}

export function describePage(about: AboutAudit, auditedAt?: Date): AboutPage {
  return { ...about, version, judgements, ...(auditedAt === undefined ? {} : { auditedAt: auditedAt.toISOString() }) }
}

/** JSON that can stand inside a script element: no text in it can end the element or open a comment. */
export function embeddable(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
