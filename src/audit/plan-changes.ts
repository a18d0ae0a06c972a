/**
 * Sorts the differences of a pod from the plan of today's configuration: those that another configuration could have made, and those that
 * only an attacker or another webhook makes. The classes stand in the tables of inject/ownership.
 */
import type { PartChange } from '../inject/ownership/loader-change.ts'
import type { Status } from '../inject/status.ts'
import { version } from '../version.ts'
import { evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'
import type { PodFacts } from './pod-facts.ts'

/** True for a pod whose status says that this configuration and these annotations made its parts. */
export function isOfToday({ annotationsHash, config }: PodFacts, status: Status): boolean {
  return status.config === config.hash && status.injector === version && status.annotations === annotationsHash
}

/** Changes that no configuration makes, or that today's did not make although the status says so. */
export function foreignChanges(facts: PodFacts): readonly Evidence[] {
  const { status } = facts
  if (status === undefined) return []
  const sameConfig = isOfToday(facts, status)
  return changesOf(facts)
    .filter((change) => change.class === 'steering' && (sameConfig || !change.configurable) && !isOtherVersion(change))
    .map(evidenceOf)
}

/** Changes that another configuration, or another version of the image, could have made. */
export function configurationChanges(facts: PodFacts): readonly Evidence[] {
  const { status } = facts
  if (status === undefined) return []
  const sameConfig = isOfToday(facts, status)
  return changesOf(facts)
    .filter((change) => change.configurable && (!sameConfig || isOtherVersion(change)))
    .map(evidenceOf)
}

function changesOf({ today, detection }: PodFacts): readonly PartChange[] {
  return detection.state === 'injected' ? (today.changes ?? []) : []
}

/** An image of the same repository is an older or newer one, whatever the status says. */
function isOtherVersion({ field, configurable }: PartChange): boolean {
  return configurable && field.endsWith('].image')
}

function evidenceOf({ field, expected, found }: PartChange): Evidence {
  return evidence(field, expected, found)
}
