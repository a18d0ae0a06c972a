/** Audits one pod: its models, the judgements with their reasons, and the differences from today's plan. */
import type { Config } from '../config/config.ts'
import type { Diagnostic, Omitted } from '../reasons.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import type { Status } from '../inject/status.ts'
import type { Pod } from '../pod/pod.ts'
import { readPod } from '../pod/read-pod.ts'
import { allFields } from './differences.ts'
import type { AuditedPod, Evidence } from './judgement.ts'
import { judgeFacts, malformed } from './judge-facts.ts'
import { modelsOf } from './models.ts'
import { ownerOf } from './owner.ts'
import { collectFacts, hasLabel, podWithModels, type PodFacts } from './pod-facts.ts'

type FieldOf = (field: string) => string

/** Undefined for a pod that neither asks for a model nor says that it has one. `namespace` is for objects that name none. */
export function auditPod(object: unknown, namespace: string, config: Config): AuditedPod | undefined {
  return examinePod(object, namespace, config).audited
}

export interface ExaminedPod {
  readonly audited: AuditedPod | undefined
  /** With the parts that it has, or would get at its creation; undefined where it is malformed. */
  readonly pod: Pod | undefined
  /** Undefined where nothing describes its models. */
  readonly status: Status | undefined
  /** True where its loaders are those of today's plan, but for what the judgements name. */
  readonly isCompared: boolean
}

/**
 * The same, with what a judgement of other pods needs. `fieldOf` translates field paths of the pod to those of the object that has it
 * as its template.
 */
export function examinePod(
  object: unknown,
  namespace: string,
  config: Config,
  fieldOf: FieldOf = (field) => field,
): ExaminedPod {
  const read = readPod(object)
  if (!read.ok) {
    const diagnostics = read.diagnostics.map((diagnostic) => located(diagnostic, fieldOf))
    const audited = judgeMalformed(object, namespace, { config, diagnostics, omitted: read.omitted })
    return { audited, pod: undefined, status: undefined, isCompared: false }
  }
  const own = textOf(read.pod.metadata?.namespace) ?? namespace
  const facts = collectFacts(read.pod, own, config)
  if (facts === undefined) return { audited: undefined, pod: read.pod, status: undefined, isCompared: false }
  const { pod = read.pod, status } = podWithModels(facts) ?? {}
  const isPlanned = facts.today.planned !== undefined && status === facts.today.planned.status
  const audited = judgePod(facts, own, fieldOf)
  return { audited, pod, status, isCompared: isPlanned || facts.today.changes !== undefined }
}

function judgePod(facts: PodFacts, namespace: string, fieldOf: FieldOf): AuditedPod {
  const { diagnostics } = facts.today
  const today = { ...facts.today, diagnostics: diagnostics.map((diagnostic) => located(diagnostic, fieldOf)) }
  const judgements = judgeFacts({ ...facts, today })
  const diff = judgements.some(({ judgement }) => judgement === 'conforming') ? undefined : diffOf(facts)
  return {
    ...identityOf(facts.pod, namespace),
    ...(facts.status !== undefined && { injector: facts.status.injector }),
    models: modelsOf(facts),
    rules: facts.today.rules,
    judgements,
    ...(diff !== undefined && { diff }),
  }
}

function located(diagnostic: Diagnostic, fieldOf: FieldOf): Diagnostic {
  return { ...diagnostic, field: fieldOf(diagnostic.field) }
}

/** No field of a malformed pod has a known type, not even its annotations. */
function judgeMalformed(
  object: unknown,
  namespace: string,
  { config, diagnostics, omitted }: { config: Config; diagnostics: readonly Diagnostic[]; omitted: Omitted },
): AuditedPod | undefined {
  const { metadata } = (typeof object === 'object' && object !== null ? object : {}) as Partial<Pod>
  const isOurs =
    skipReasonOf(object, config.annotationPrefix) === undefined ||
    hasLabel({ metadata: { labels: metadata?.labels ?? {} }, spec: { containers: [] } }, config.annotationPrefix)
  if (!isOurs) return undefined
  return {
    ...identityOf({ metadata: metadata ?? {}, spec: { containers: [] } }, textOf(metadata?.namespace) ?? namespace),
    models: [],
    rules: [],
    judgements: [malformed(diagnostics, omitted)],
  }
}

type Identity = Pick<AuditedPod, 'namespace' | 'name' | 'owner' | 'createdAt' | 'uid' | 'phase' | 'serviceAccount'>

function identityOf(pod: Pod, namespace: string): Identity {
  const metadata = pod.metadata ?? {}
  const optional = {
    owner: ownerOf(metadata),
    createdAt: textOf(metadata.creationTimestamp),
    uid: textOf(metadata.uid),
    phase: textOf((pod.status as { phase?: unknown } | null | undefined)?.phase),
  }
  return {
    namespace,
    name: textOf(metadata.name) ?? textOf(metadata.generateName) ?? '',
    serviceAccount: textOf(pod.spec.serviceAccountName) ?? textOf(pod.spec.serviceAccount) ?? 'default',
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  }
}

/** Undefined if today's configuration adds nothing to the pod: there is nothing to compare with. */
function diffOf({ today: { planned }, found }: PodFacts): readonly Evidence[] | undefined {
  return planned === undefined ? undefined : allFields(planned.fields, found ?? {})
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
