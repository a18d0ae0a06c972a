/** Differences of the injected parts from those that today's configuration would add. */
import { placeholderImage } from '../config/loader-image.ts'
import type { OwnedFields } from '../inject/ownership/owned-fields.ts'
import type { Status } from '../inject/status.ts'
import { changedParts, differingFields, digestsOfFields, evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'
import type { PlannedParts, PodFacts } from './pod-facts.ts'

/** Compares with the recorded digests, or without them with the fields found. Empty if nothing would be added today. */
export function plannedDifferences({ planned, status, found, detection }: PodFacts): readonly Evidence[] {
  if (planned === undefined || status === undefined || found === undefined) return []
  const current = detection.state === 'stale' ? planned.fields : withoutNewTargets(planned, status)
  const before = status.digests ?? digestsOfFields(found)
  const parts = changedParts(current, before)
  const known = parts.filter((part) => !changedParts(found, before).includes(part))
  const unknown = parts
    .filter((part) => !known.includes(part))
    .map((part) => evidence(part, describe(current, part), before[part] && `digest ${before[part]}`))
  return [...differingFields(known, current, found), ...unknown, ...imageDifferences(planned.status, status)]
}

function describe(fields: OwnedFields, part: string): string | undefined {
  const digest = digestsOfFields(fields)[part]
  return digest && `digest ${digest}`
}

/** A container that another webhook adds after ours would get the model in today's plan but not in a new pod, so it does not make a pod outdated. */
function withoutNewTargets({ fields, status: today }: PlannedParts, { models }: Status): OwnedFields {
  const before = new Set(models.flatMap(({ containers }) => containers))
  const added = new Set(today.models.flatMap(({ containers }) => containers).filter((name) => !before.has(name)))
  return Object.fromEntries(
    Object.entries(fields).filter(([part]) => !added.has(/^spec\.(?:c|initC)ontainers\[(.+)\]$/.exec(part)?.[1] ?? '')),
  )
}

/** A configuration without the image of its installation (a ConfigMap read alone) is no basis to compare images. */
function imageDifferences(today: Status, before: Status): readonly Evidence[] {
  return today.models.flatMap(({ name, loader, image }) => {
    const old = before.models.find((model) => model.name === name)?.image
    return image === undefined || image === placeholderImage || old === undefined || image === old
      ? []
      : [evidence(`spec.initContainers[${loader ?? ''}].image`, image, old)]
  })
}
