/**
 * What an audit says of a pod. The judgements are one closed table: every output, the page and the docs use these words and
 * no others. `judgePod` of judge-pod.ts makes an AuditedPod; everything else only shows it.
 */

interface Meaning {
  /** How bad it is: `error` is something that nobody should live with, `note` is worth knowing. */
  readonly level: 'none' | 'note' | 'warning' | 'error'
  readonly meaning: string
  readonly remedy: string
}

export const judgements = {
  conforming: {
    level: 'none',
    meaning: "the pod carries what today's configuration would give it",
    remedy: 'nothing',
  },
  missing: {
    level: 'error',
    meaning: 'the pod asks for a model, does not opt out, and was not injected: it was created around the webhook',
    remedy: 'find out how (model-injector check, model-injector why), then have the pod created anew',
  },
  spoofed: {
    level: 'error',
    meaning: 'the pod says that it was injected, by status or label, and carries no parts of ours',
    remedy: 'find out who wrote that, then have the pod created anew without it',
  },
  tampered: {
    level: 'error',
    meaning: 'the parts that bring the model are not those that were added, or somebody else can write to them',
    remedy: 'find out which webhook or user did it, then have the pod created anew',
  },
  notAllowed: {
    level: 'error',
    meaning: "today's policy would deny the pod",
    remedy: 'end the pod, or allow it by a rule',
  },
  invalid: {
    level: 'warning',
    meaning: 'today the pod would be denied for another reason than the policy',
    remedy: 'mend what the reason says in the pod template',
  },
  outdated: {
    level: 'warning',
    meaning: "today's configuration and the pod's annotations would shape the pod otherwise",
    remedy: 'restart the workload: kubectl rollout restart',
  },
  unpinned: {
    level: 'warning',
    meaning: 'nothing says what the model must consist of, so another model could stand in the same place',
    remedy: 'add expect: manifest=KEY@sha256:HEX, or use an oci:// source',
  },
  rewritten: {
    level: 'note',
    meaning: 'the image of the loader is another than was added, as a registry mirror makes it',
    remedy: 'nothing, if the new image is the same one by another name',
  },
} as const satisfies Readonly<Record<string, Meaning>>

export type Judgement = keyof typeof judgements
export type Level = Meaning['level']

export const judgementNames = Object.keys(judgements) as Judgement[]

/** One field of the pod that we own, or that says something about it. Values are as they are in the pod: print them with care. */
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
}

export interface AuditedModel {
  readonly name: string
  /** A URI, as the pod says it: any text, if the pod is not as it should be. */
  readonly source: string
  readonly delivery: string
  /** The source without its version: pods with the same family use the same model. */
  readonly family: string
  /** As far as the source shows one: `1.2.3`, or the beginning of the digest of an oci:// source. */
  readonly version?: string
  /** Of the loader, as it stands in the pod; undefined where nothing is loaded or nothing was injected. */
  readonly image?: string
  readonly containers: readonly string[]
  readonly mountPath: string
}

export interface AuditedPod {
  readonly namespace: string
  /** Of a workload in a file: `deployment/my-app`. */
  readonly name: string
  /** The workload that it belongs to; the Deployment, not its ReplicaSet. */
  readonly owner?: { readonly kind: string; readonly name: string }
  /** RFC 3339. Undefined for what was not created yet: a manifest. */
  readonly createdAt?: string
  readonly uid?: string
  /** Where the object comes from, if from a file. */
  readonly file?: string
  readonly phase?: string
  readonly serviceAccount: string
  /** Version of the injector, by the status. */
  readonly injector?: string
  readonly models: readonly AuditedModel[]
  /** Names of the rules of today's policy that allow it. */
  readonly rules: readonly string[]
  /** At least one, the worst first: `conforming` stands alone, or last behind `unpinned` and `rewritten`. */
  readonly judgements: readonly [Judged, ...Judged[]]
  /**
   * For a pod that does not conform: all fields that we own, as today's configuration would make them (`expected`) and as they are
   * (`found`); where both are equal the line is context.
   */
  readonly diff?: readonly Evidence[]
}

/** How many pods have each judgement, and how many there are. Counts of pods: one pod may be in several. */
export type AuditSummary = { readonly pods: number } & Readonly<Record<Judgement, number>>

export function conforms({ judgements: own }: AuditedPod): boolean {
  return own.some(({ judgement }) => judgement === 'conforming')
}

export function levelOf({ judgement }: Judged): Level {
  return judgements[judgement].level
}
