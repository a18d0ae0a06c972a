/**
 * The judgements of an audit, as one closed table: every output, the page and the docs use these words and no others.
 * `auditPod` of audit-pod.ts makes an AuditedPod; everything else only shows it.
 */

interface Meaning {
  /** Severity: an `error` needs a fix, a `note` is worth knowing. */
  readonly level: 'none' | 'note' | 'warning' | 'error'
  /** True if a pod with this judgement and no other still carries today's parts. */
  readonly conforms: boolean
  readonly meaning: string
  readonly remedy: string
}

export const judgements = {
  conforming: {
    level: 'none',
    conforms: true,
    meaning: "the pod carries what today's configuration would give it, but for what is waived",
    remedy: 'nothing',
  },
  missing: {
    level: 'error',
    conforms: false,
    meaning: 'the pod asks for a model, does not opt out, and was not injected: its creation bypassed the webhook',
    remedy: 'find the cause (model-injector check, model-injector why), then recreate the pod',
  },
  spoofed: {
    level: 'error',
    conforms: false,
    meaning: 'the pod claims by status or label that it was injected, but carries no injected parts',
    remedy: 'find out who wrote that, then recreate the pod without it',
  },
  tampered: {
    level: 'error',
    conforms: false,
    meaning: 'the injected parts were changed after the injection, or another container can write to the model',
    remedy: 'find out which webhook or user did it, then recreate the pod',
  },
  notAllowed: {
    level: 'error',
    conforms: false,
    meaning: "today's policy would deny the pod",
    remedy: 'end the pod, or allow it by a rule',
  },
  invalid: {
    level: 'warning',
    conforms: false,
    meaning: 'today the pod would be denied for another reason than the policy',
    remedy: 'fix the pod template as the reason says',
  },
  outdated: {
    level: 'warning',
    conforms: false,
    meaning: "today's configuration and annotations would add other parts",
    remedy: 'restart the workload: kubectl rollout restart',
  },
  exposed: {
    level: 'warning',
    conforms: false,
    meaning:
      'the model is on storage that a container of the pod, or another pod with the same claim, can write to, so it may change while the app runs',
    remedy: 'mount that storage read-only where the reason says, or keep the model on a volume of its own',
  },
  unpinned: {
    level: 'warning',
    conforms: true,
    meaning: 'neither a manifest nor a digest fixes the content of the model, so another model could replace it',
    remedy: 'add expect: manifest=KEY@sha256:HEX, or use an oci:// source',
  },
  rewritten: {
    level: 'note',
    conforms: true,
    meaning: 'the loader runs another image than was added, as with a registry mirror',
    remedy: 'nothing, if the new image is the same one by another name',
  },
} as const satisfies Readonly<Record<string, Meaning>>

export type Judgement = keyof typeof judgements
export type Level = Meaning['level']

export const judgementNames = Object.keys(judgements) as Judgement[]
/** The judgements that need something to be done. */
export const problemNames = judgementNames.filter((name) => name !== 'conforming')
/** The judgements of a pod that carries today's parts. */
export const conformingJudgements: readonly Judgement[] = judgementNames.filter((name) => judgements[name].conforms)

/** One field of the pod that supports a judgement. Values are untrusted text of the pod: sanitise them before printing. */
export interface Evidence {
  /** A field path of the pod, as `spec.initContainers[model-loader].env[MODEL_SOURCE]`. */
  readonly field: string
  /** Undefined: nothing should be there. */
  readonly expected?: string
  /** Undefined: nothing is there. */
  readonly found?: string
}

export interface Judged {
  readonly judgement: Judgement
  /** One sentence about this pod. Safe to print. */
  readonly reason: string
  readonly evidence: readonly Evidence[]
  /** The operator accepts it: it does not count against the pod. */
  readonly waived?: { readonly reason: string; readonly until: string }
}

export type WaivedJudged = Judged & Required<Pick<Judged, 'waived'>>

export interface AuditedModel {
  readonly name: string
  /** A URI, as the pod says it: any text, if the pod is not as it should be. */
  readonly source: string
  readonly delivery: string
  /** The source without its version: pods with the same family use the same model. */
  readonly family: string
  /** Version of the model, if the source shows one: `1.2.3`, or the beginning of the digest of an oci:// source. */
  readonly version?: string
  /** The loader's image in the pod; undefined if nothing is loaded or nothing was injected. */
  readonly image?: string
  readonly containers: readonly string[]
  readonly mountPath: string
}

export interface AuditedPod {
  readonly namespace: string
  /** Name of the pod; for a workload in a file `deployment/my-app`. */
  readonly name: string
  /** The line of a field in that file; of the annotations where none is named. */
  readonly lineOf?: (field?: string) => number
  /** For one of several pods of a workload in a file: its word, as `head`. */
  readonly part?: string
  /** The workload that it belongs to; the Deployment, not its ReplicaSet. */
  readonly owner?: { readonly kind: string; readonly name: string }
  /** RFC 3339. Undefined for what was not created yet: a manifest. */
  readonly createdAt?: string
  readonly uid?: string
  /** The file of the object; undefined if it is from a cluster. */
  readonly file?: string
  readonly phase?: string
  readonly serviceAccount: string
  /** Version of the injector, by the status. */
  readonly injector?: string
  readonly models: readonly AuditedModel[]
  /** Names of the rules of today's policy that allow it. */
  readonly rules: readonly string[]
  /**
   * At least one that is not waived: those first, sorted by severity. `conforming` is the last of them, and only where all others leave a
   * pod conforming. What is waived follows.
   */
  readonly judgements: readonly [Judged, ...Judged[]]
  /** An object that asks for a model, and whose pods are not known. */
  readonly unjudged?: true
  /**
   * For a pod that does not conform, whatever other pods do: all fields that we own, as today's configuration would make them
   * (`expected`) and as they are (`found`); where both are equal the line is context.
   */
  readonly diff?: readonly Evidence[]
}

/** The pods of one owner, or a pod without one. */
export interface AuditedWorkload {
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly file?: string
  readonly pods: number
  /** The worst of those that are not waived. */
  readonly worst: Judgement
  /** Pods by judgement, without what is waived; the worst first. */
  readonly judgements: Readonly<Partial<Record<Judgement, number>>>
  /** Pods with a waived judgement. */
  readonly waived: number
}

/** The number of pods: in total, for each judgement that is not waived, and with a waived one. One pod may have several judgements. */
export type AuditSummary = { readonly pods: number; readonly waived: number } & Readonly<Record<Judgement, number>>

/** The owner; a pod without one stands for itself. */
export function workloadOf({ owner, name }: AuditedPod): { readonly kind: string; readonly name: string } {
  return owner ?? { kind: 'Pod', name }
}

/** The judgements that count against the pod, or are worth knowing. */
export function countedProblemsOf({ judgements: own }: AuditedPod): readonly Judged[] {
  return own.filter(({ judgement, waived }) => judgement !== 'conforming' && waived === undefined)
}

export function waiverInWords({ until, reason }: WaivedJudged['waived']): string {
  return `waived until ${until}: ${reason}`
}

export function judgedInWords({ judgement, reason, waived }: Judged): string {
  return `${judgement}${waived === undefined ? '' : ` (${waiverInWords(waived)})`}: ${reason}`
}

/** Each once. */
export function countedJudgements({ judgements: own }: AuditedPod): ReadonlySet<Judgement> {
  return new Set(own.flatMap(({ judgement, waived }) => (waived === undefined ? [judgement] : [])))
}

export function waivedOf({ judgements: own }: AuditedPod): readonly WaivedJudged[] {
  return own.filter((judged): judged is WaivedJudged => judged.waived !== undefined)
}

export function conforms({ judgements: own }: AuditedPod): boolean {
  return own.some(({ judgement }) => judgement === 'conforming')
}

const levels: readonly Level[] = ['error', 'warning', 'note', 'none']

/** 0 for the worst. Judgements of one level stand in the order of their table. */
export function rankOf(judgement: Judgement): number {
  return levels.indexOf(judgements[judgement].level) * judgementNames.length + judgementNames.indexOf(judgement)
}

export function levelOf({ judgement }: Judged): Level {
  return judgements[judgement].level
}
