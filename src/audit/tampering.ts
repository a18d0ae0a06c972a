/** Finds traces of changes after the injection. They are evidence, not proof: a user who can write the pod can write its status, too. */
import { injectedLabel, statusAnnotation } from '../annotations.ts'
import { digestsOf } from '../inject/ownership/digest.ts'
import { annotationField } from '../pod/field-path.ts'
import { initContainersOf } from '../pod/pod.ts'
import { hashAnnotations } from '../inject/annotated-pod.ts'
import type { Status } from '../inject/status.ts'
import { version } from '../version.ts'
import { changedParts, differingFields, digestsOfFields, evidence } from './differences.ts'
import { exposures } from './exposure.ts'
import type { Evidence } from './judgement.ts'
import { plannedDifferences } from './planned-differences.ts'
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
    lostParts(facts),
    otherImages(facts, status),
    forgery(facts, status),
    lostLabel(facts),
  ]
    .flatMap((trace) => trace ?? [])
    .concat(trace('something else can write to the model, or is mounted over it', exposures(pod, status)) ?? [])
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
function changedFields({ found, planned }: PodFacts, { digests }: Status): Trace | undefined {
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

/** Some fields that a part needs are not in its digest: other webhooks may change them, but not remove them. */
function lostParts(facts: PodFacts): Trace | undefined {
  const { detection, found, planned, status } = facts
  if (
    detection.state !== 'damaged' ||
    (status?.digests !== undefined && found !== undefined && changedParts(found, status.digests).length > 0)
  ) {
    return undefined
  }
  const missing =
    found === undefined || planned === undefined
      ? []
      : differingFields(Object.keys(planned.fields), planned.fields, found)
  return { what: 'parts without which no model comes are gone', evidence: missing }
}

/** A mirror of a registry keeps the digest; without one, nothing says which image it is. */
function otherImages({ pod }: PodFacts, { models }: Status): Trace | undefined {
  const digest = (image: string | undefined): string | undefined => /@(sha256:[0-9a-f]{64})$/.exec(image ?? '')?.[1]
  return trace(
    'the loader runs another image',
    models.flatMap(({ loader, image }) => {
      const found = initContainersOf(pod).find(({ name }) => name === loader)?.image
      const [recorded, now] = [digest(image), digest(found)]
      return recorded === undefined || recorded === now || found === undefined
        ? []
        : [evidence(`spec.initContainers[${loader ?? ''}].image`, image, found)]
    }),
  )
}

/** The same version with the same configuration and annotations makes the same parts. */
function forgery(facts: PodFacts, status: Status): Trace | undefined {
  return isOfToday(facts, status)
    ? trace("the status says that it is of today's configuration, which makes other parts", plannedDifferences(facts))
    : undefined
}

export function isOfToday({ annotations, config }: PodFacts, status: Status): boolean {
  return (
    status.config === config.hash && status.injector === version && status.annotations === hashAnnotations(annotations)
  )
}

function lostLabel({ pod, config: { annotationPrefix } }: PodFacts): Trace | undefined {
  const key = annotationPrefix + injectedLabel
  const value = pod.metadata?.labels?.[key]
  return value === 'true'
    ? undefined
    : trace('the label is not the one that was set', [evidence(`metadata.labels[${key}]`, 'true', value)])
}
