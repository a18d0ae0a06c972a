/** What a page carries beside the pods. The part that runs in the browser imports these types and nothing else from here. */
import { judgements, type Judgement, type Level } from '../judgement.ts'
import { version } from '../../version.ts'

/** What was audited, and by what. All of it is shown as it is. */
export interface AboutAudit {
  /** `cluster https://10.0.0.1:6443`, or the files. */
  readonly place: string
  /** `all namespaces`, `namespace apps`. */
  readonly scope: string
  /** Where today's configuration is from. */
  readonly config: string
  readonly configHash: string
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

/** What a live page asks for again and again. It is small: the pods are asked for only if the revision is another. */
export interface LiveState {
  /** Of the pods that `auditedAt` belongs to; undefined until the first audit has ended. */
  readonly revision?: string
  readonly auditedAt?: string
  /** Of the same audit: the configuration may have changed since the page was made. */
  readonly about?: AboutAudit
  readonly isReading: boolean
  /** Why the last audit failed; what is shown is then from an earlier one. */
  readonly problem?: string
}

export function describePage(about: AboutAudit, auditedAt?: Date): AboutPage {
  return { ...about, version, judgements, ...(auditedAt === undefined ? {} : { auditedAt: auditedAt.toISOString() }) }
}

/** JSON that can stand inside a script element: no text in it can end the element or open a comment. */
export function embeddable(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
