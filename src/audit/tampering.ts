/** Finds traces of changes after the injection. They are evidence, not proof: a user who can write the pod can write its status, too. */
import { statusAnnotation } from '../annotations.ts'
import { digestsOf } from '../inject/ownership/digest.ts'
import { annotationField } from '../pod/field-path.ts'
import type { Status } from '../inject/status.ts'
import { version } from '../version.ts'
import { changedParts, differingFields, digestsOfFields, evidence } from './differences.ts'
import { findExposures } from './exposure.ts'
import type { Evidence } from './judgement.ts'
import { foreignChanges } from './plan-changes.ts'
import type { PodFacts } from './pod-facts.ts'

export interface Trace {
  /** A clause of a sentence: `the parts are not those that were recorded`. */
  readonly what: string
  readonly evidence: readonly Evidence[]
}

export function tracesOfTampering(facts: PodFacts): readonly Trace[] {
  const { detection, status, pod, config } = facts
  if (detection.state === 'notInjected') return []
  if (status === undefined) return [lostStatus(facts)]
  return [
    changedStatus(facts, status),
    changedFields(facts, status),
    trace("parts are not those of today's plan, and no other configuration makes these", foreignChanges(facts)),
  ]
    .flatMap((trace) => trace ?? [])
    .concat(
      trace('something else can write to the model, or is mounted over it', findExposures(pod, status).ofOurs) ?? [],
    )
    .concat(
      status.digests === undefined && status.injector === version && config.annotationPrefix !== ''
        ? [lostDigests(facts)]
        : [],
    )
}

function trace(what: string, found: readonly Evidence[]): Trace | undefined {
  return found.length === 0 ? undefined : { what, evidence: found }
}

function lostStatus({ pod, config: { annotationPrefix } }: PodFacts): Trace {
  const key = annotationPrefix + statusAnnotation
  const text = pod.metadata?.annotations?.[key]
  return {
    what:
      text === undefined
        ? 'its parts are there, and the status is gone'
        : 'its parts are there, and the status cannot be read',
    evidence: [evidence(annotationField(key), undefined, text)],
  }
}

function lostDigests({ config: { annotationPrefix } }: PodFacts): Trace {
  return {
    what: 'the digests were taken out of the status',
    evidence: [
      evidence(`${annotationField(annotationPrefix + statusAnnotation)}.digests`, 'digests of the parts', undefined),
    ],
  }
}

function changedStatus({ pod, config: { annotationPrefix } }: PodFacts, status: Status): Trace | undefined {
  const [recorded, now] = [status.digests?.status, digestsOf(pod, status).status]
  if (status.digests === undefined || recorded === now) return undefined
  return trace('the status is not the one that was written', [
    evidence(`${annotationField(annotationPrefix + statusAnnotation)}.digests.status`, recorded, now),
  ])
}

/** If today's plan has the recorded digests, its fields are the original ones. */
function changedFields({ found, today: { planned } }: PodFacts, { digests }: Status): Trace | undefined {
  if (found === undefined || digests === undefined) return undefined
  const parts = changedParts(found, digests)
  const original = planned?.fields
  const known = original === undefined ? [] : parts.filter((part) => !changedParts(original, digests).includes(part))
  const now = digestsOfFields(found)
  const unknown = parts
    .filter((part) => !known.includes(part))
    .map((part) => evidence(part, digests[part] && `digest ${digests[part]}`, now[part] && `digest ${now[part]}`))
  return trace('parts are not those that were recorded', [...differingFields(known, original ?? {}, found), ...unknown])
}
