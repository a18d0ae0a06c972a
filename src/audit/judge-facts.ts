/** Applies every judgement to the facts of a pod and sorts the results by severity. */
import { injectedLabel, statusAnnotation } from '../annotations.ts'
import { annotationField } from '../pod/field-path.ts'
import { initContainersOf } from '../pod/pod.ts'
import { hasStatus } from '../inject/read-status.ts'
import type { Status } from '../inject/status.ts'
import {
  formatDiagnostic,
  formatOmitted,
  skipReasons,
  splitOmitted,
  type Diagnostic,
  type Omitted,
} from '../reasons.ts'
import { printable, quote } from '../values/print/printable.ts'
import { evidence } from './differences.ts'
import { conformingJudgements, rankOf, type Evidence, type Judged, type Judgement } from './judgement.ts'
import { findExposures } from './exposure.ts'
import { unpinnedModels } from './models.ts'
import { plannedDifferences } from './planned-differences.ts'
import { hasLabel, podWithModels, isCreated, type PodFacts } from './pod-facts.ts'
import { configurationChanges, isOfToday } from './plan-changes.ts'
import { tracesOfTampering } from './tampering.ts'
import { relateImages } from '../values/image.ts'

type Judge = (facts: PodFacts) => Judged | undefined

export function judgeFacts(facts: PodFacts): readonly [Judged, ...Judged[]] {
  const judges: readonly Judge[] = [
    missing,
    spoofed,
    tampered,
    notAllowed,
    invalid,
    outdated,
    exposed,
    unpinned,
    rewritten,
  ]
  const found = judges.flatMap((judge) => judge(facts) ?? [])
  const conforms = found.every(({ judgement }) => conformingJudgements.includes(judgement))
  return sortJudged(conforms ? [...found, conforming(facts)] : found)
}

/** Adds that other pods can write to the claim of a model, which the pod alone does not show. */
export function exposeToOthers(
  judgements: readonly Judged[],
  found: readonly Evidence[],
): readonly [Judged, ...Judged[]] {
  const own = judgements.find(({ judgement }) => judgement === 'exposed')
  const others = `another pod mounts the claim of a model for writing${nameFound(found)}`
  const reason = own === undefined ? others : `${own.reason}; ${others}`
  return sortJudged([
    ...judgements.filter((one) => one !== own && one.judgement !== 'conforming'),
    judged('exposed', reason, [...(own?.evidence ?? []), ...found]),
  ])
}

function sortJudged(all: readonly Judged[]): readonly [Judged, ...Judged[]] {
  const [worst, ...rest] = all.toSorted((a, b) => rankOf(a.judgement) - rankOf(b.judgement))
  if (worst === undefined) throw new Error('a pod without a judgement')
  return [worst, ...rest]
}

function judged(judgement: Judgement, reason: string, found: readonly Evidence[] = []): Judged {
  return { judgement, reason: printable(reason), evidence: found }
}

function conforming({ detection, today, pod }: PodFacts): Judged {
  if (detection.state === 'notInjected' && !isCreated(pod)) {
    return judged(
      'conforming',
      today.planned !== undefined ? 'not created yet; it would be injected' : 'not created yet; it would be left alone',
    )
  }
  return judged('conforming', "its parts are those of today's configuration")
}

function missing({ detection, skipReason, today: { planned }, pod }: PodFacts): Judged | undefined {
  if (detection.state !== 'notInjected' || !isCreated(pod)) return undefined
  if (skipReason !== undefined) {
    return skipReason === 'MirrorPod' ? judged('missing', skipReasons.MirrorPod) : undefined
  }
  const absent =
    planned === undefined
      ? []
      : addedParts(planned.status).map((part) => evidence(part, 'added by the webhook', undefined))
  return judged(
    'missing',
    'it requests a model and carries none: its creation bypassed the webhook, or it was annotated afterwards',
    absent,
  )
}

function addedParts({ models, added }: Status): readonly string[] {
  return [
    ...models.flatMap(({ loader }) => (loader === undefined ? [] : `spec.initContainers[${loader}]`)),
    ...added.volumes.map((name) => `spec.volumes[${name}]`),
  ]
}

function spoofed({ detection, pod, config: { annotationPrefix } }: PodFacts): Judged | undefined {
  if (detection.state !== 'notInjected') return undefined
  const { annotations, labels } = pod.metadata ?? {}
  const claims = [
    ...(hasStatus(pod, annotationPrefix)
      ? [
          {
            by: 'status',
            field: annotationField(annotationPrefix + statusAnnotation),
            found: annotations?.[annotationPrefix + statusAnnotation],
          },
        ]
      : []),
    ...(hasLabel(pod, annotationPrefix)
      ? [
          {
            by: 'label',
            field: `metadata.labels[${annotationPrefix}${injectedLabel}]`,
            found: labels?.[annotationPrefix + injectedLabel],
          },
        ]
      : []),
  ]
  if (claims.length === 0) return undefined
  const who = claims.map(({ by }) => `its ${by}`).join(' and ')
  return judged(
    'spoofed',
    `${who} ${claims.length === 1 ? 'says' : 'say'} that it was injected, and none of its parts do`,
    claims.map(({ field, found }) => evidence(field, undefined, found)),
  )
}

function tampered(facts: PodFacts): Judged | undefined {
  const traces = tracesOfTampering(facts)
  if (traces.length === 0) return undefined
  const found = traces.flatMap((trace) => trace.evidence)
  return judged('tampered', `${traces.map(({ what }) => what).join('; ')}${nameFields(found)}`, found)
}

function notAllowed({ today: { diagnostics, omitted = {} } }: PodFacts): Judged | undefined {
  return denial(
    'notAllowed',
    diagnostics.filter(({ reason }) => reason === 'NotAllowed'),
    splitOmitted(omitted).refused,
  )
}

function invalid({ today: { diagnostics, omitted = {} } }: PodFacts): Judged | undefined {
  return denial(
    'invalid',
    diagnostics.filter(({ reason }) => reason !== 'NotAllowed'),
    splitOmitted(omitted).others,
  )
}

export function malformed(diagnostics: readonly Diagnostic[], omitted: Omitted = {}): Judged {
  return judgedBy('invalid', diagnostics, omitted)
}

function denial(judgement: Judgement, diagnostics: readonly Diagnostic[], omitted: Omitted): Judged | undefined {
  return diagnostics.length === 0 ? undefined : judgedBy(judgement, diagnostics, omitted)
}

function judgedBy(judgement: Judgement, diagnostics: readonly Diagnostic[], omitted: Omitted): Judged {
  return judged(
    judgement,
    [...diagnostics.map(formatDiagnostic), ...formatOmitted(omitted)].join(' | '),
    diagnostics.map(({ field, accepted, found }) => evidence(field, accepted, found)),
  )
}

function outdated(facts: PodFacts): Judged | undefined {
  const {
    detection,
    skipReason,
    status,
    config: { annotationPrefix },
  } = facts
  if (detection.state === 'notInjected' || status === undefined) return undefined
  if (skipReason !== undefined) {
    return judged('outdated', `today it would be left alone: ${skipReasons[skipReason]}`)
  }
  const differences = outdatedFields(facts, status)
  if (differences.length === 0) return undefined
  const cause =
    detection.state === 'stale'
      ? 'its annotations were changed after it was injected'
      : `it was injected by version ${quote(status.injector)} with another configuration`
  return judged(
    'outdated',
    `${cause}; today other parts would be added${nameFields(differences)}`,
    detection.state === 'stale'
      ? [evidence(`annotations below ${annotationPrefix}`, 'as they were', 'changed'), ...differences]
      : differences,
  )
}

/** Fields outside the digests are compared by their classes, the others with what was recorded. */
function outdatedFields(facts: PodFacts, status: Status): readonly Evidence[] {
  const recorded = isOfToday(facts, status) ? [] : plannedDifferences(facts)
  const known = new Set(recorded.map(({ field }) => field))
  return [...recorded, ...configurationChanges(facts).filter(({ field }) => !known.has(field))]
}

function exposed(facts: PodFacts): Judged | undefined {
  const injected = podWithModels(facts)
  if (injected === undefined) return undefined
  const { ofOthers } = findExposures(injected.pod, injected.status)
  return ofOthers.length === 0
    ? undefined
    : judged('exposed', `the storage of a model is mounted for writing${nameFields(ofOthers)}`, ofOthers)
}

function unpinned(facts: PodFacts): Judged | undefined {
  const models = unpinnedModels(facts)
  if (models.length === 0) return undefined
  const which = models.length === 1 ? 'the model' : 'each of the models'
  return judged(
    'unpinned',
    `neither a manifest nor a digest fixes the content of ${which} ${models.map(quote).join(', ')}`,
  )
}

function rewritten({ pod, config, today: { planned }, detection }: PodFacts): Judged | undefined {
  if (planned === undefined || detection.state !== 'injected') return undefined
  const changed = planned.status.models.flatMap(({ loader, image = '' }) => {
    const found = initContainersOf(pod).find(({ name }) => name === loader)?.image
    return relateImages(found, image, config.ownership.imageMirrors) === 'mirrored'
      ? [evidence(`spec.initContainers[${loader ?? ''}].image`, image, found ?? undefined)]
      : []
  })
  if (changed.length === 0) return undefined
  return judged(
    'rewritten',
    changed
      .map(({ expected = '', found = '' }) => `the loader's image is ${quote(found)}, the same as ${quote(expected)}`)
      .join('; '),
    changed,
  )
}

/** Enough of them to know where to look. */
const namedFields = 3

function nameFields(found: readonly Evidence[]): string {
  return nameFew(
    found.map(({ field }) => field),
    ', ',
  )
}

function nameFound(found: readonly Evidence[]): string {
  return nameFew(
    found.flatMap(({ found: text }) => text ?? []),
    '; ',
  )
}

function nameFew(all: readonly string[], separator: string): string {
  const texts = [...new Set(all)]
  if (texts.length === 0) return ''
  const more = texts.length > namedFields ? ` and ${texts.length - namedFields} more` : ''
  return ` (${texts.slice(0, namedFields).join(separator)}${more})`
}
