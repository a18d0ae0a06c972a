/**
 * Compares an injected pod with the plan of today's configuration, part by part: the one definition of what is ours in a pod. The webhook
 * takes the restored pod in its second pass, an audit the changes.
 */
import { injectedLabel } from '../../annotations.ts'
import { jsonText } from '../../values/json.ts'
import { findByName } from '../../pod/lookup.ts'
import { annotationsOf, volumesOf, type Pod, type PodSpec, type Volume } from '../../pod/pod.ts'
import { replaceFields } from '../../pod/replace-fields.ts'
import { addScheduling, fieldsWithoutScheduling, hasScheduling } from '../../pod/scheduling.ts'
import type { InjectionPlan } from '../injection-plan.ts'
import { missingFromList, mergeIntoList, safeToEvictAnnotation, skipContainersAnnotation } from '../lists.ts'
import { compareContainers } from './compare-containers.ts'
import type { ComparedPart } from './compare-loader.ts'
import { steering, type ComparedField, type ComparedPod } from './compared-pod.ts'
import { changeOf, unlessSame, type PartChange } from './loader-change.ts'
import { canonicalJSON } from './part-text.ts'
import { volumeFields } from './volume-fields.ts'

/** The restored pod is the same object where nothing has to change. */
export function comparePod(compared: ComparedPod): ComparedPart<Pod> {
  const containers = compareContainers(compared)
  const volumes = compareVolumes(compared)
  const account = compareServiceAccount(compared)
  const scheduling = compareScheduling(compared)
  const group = compareFsGroup(compared)
  const metadata = compareMetadata(compared)
  const spec = {
    ...containers.fields,
    ...volumes.fields,
    ...account.fields,
    ...scheduling.fields,
    ...group.fields,
    ...pullSecrets(compared),
  }
  const { pod } = compared
  const isSame = Object.keys(spec).length === 0 && Object.keys(metadata.fields).length === 0
  return {
    restored: isSame
      ? pod
      : { ...pod, metadata: { ...pod.metadata, ...metadata.fields }, spec: replaceFields(pod.spec, spec) },
    changes: [containers, volumes, account, scheduling, group, metadata].flatMap(({ changes }) => changes),
  }
}

function compareVolumes({ pod, bare, plan }: ComparedPod): ComparedField {
  const present = volumesOf(pod)
  const changes: PartChange[] = []
  const kept = present.flatMap((volume): readonly Volume[] => {
    if (findByName(volumesOf(bare), volume.name) !== undefined) return [volume]
    const planned = findByName(plan.volumes, volume.name)
    if (planned !== undefined && isSameVolume(volume, planned)) return [volume]
    changes.push(volumeChange(planned, volume))
    return planned === undefined ? [] : [planned]
  })
  const missing = plan.volumes.filter(({ name }) => findByName(present, name) === undefined)
  changes.push(...missing.map((volume) => volumeChange(volume, undefined)))
  const restored = unlessSame(present, [...kept, ...missing])
  return { fields: restored === undefined ? {} : { volumes: restored.length > 0 ? restored : undefined }, changes }
}

/** Nearly always the volume is as it was written; its meaning is compared only where it is not. */
function isSameVolume(found: Volume, planned: Volume): boolean {
  return jsonText(found) === jsonText(planned) || volumeText(found) === volumeText(planned)
}

function volumeText(volume: Volume): string {
  return canonicalJSON(volumeFields(volume))
}

function volumeChange(expected: Volume | undefined, found: Volume | undefined): PartChange {
  return changeOf({ ...steering, configurable: true }, `spec.volumes[${(expected ?? found)?.name ?? ''}]`, {
    expected: expected && volumeText(expected),
    found: found && volumeText(found),
  })
}

function compareServiceAccount({ pod, plan }: ComparedPod): ComparedField {
  const { serviceAccount } = plan
  const found = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? undefined
  if (serviceAccount === undefined || found === serviceAccount) return nothingToChange
  return {
    fields: { serviceAccountName: serviceAccount, serviceAccount },
    changes: [changeOf(steering, 'spec.serviceAccountName', { expected: serviceAccount, found })],
  }
}

const nothingToChange: ComparedField = { fields: {}, changes: [] }

/** Gates do not count: they are there to be taken away. */
function compareScheduling({ pod: { spec }, plan: { scheduling }, status: { added } }: ComparedPod): ComparedField {
  if (hasScheduling(spec, scheduling)) return nothingToChange
  const released = { ...spec, ...fieldsWithoutScheduling(spec, added) } as PodSpec
  const { affinity, tolerations, schedulingGates } = addScheduling(released, scheduling)
  return {
    fields: { affinity, tolerations, schedulingGates },
    changes: [...scheduling.nodeLabels, ...scheduling.tolerations].map((key) =>
      changeOf(steering, 'spec.affinity, spec.tolerations', { expected: key }),
    ),
  }
}

/** As recorded: the loader cannot write to a volume of another group. */
function compareFsGroup({ pod: { spec }, plan: { fsGroup } }: ComparedPod): ComparedField {
  const found = spec.securityContext?.fsGroup
  if (fsGroup === undefined || found === fsGroup) return nothingToChange
  return {
    fields: { securityContext: { ...spec.securityContext, fsGroup, fsGroupChangePolicy: 'OnRootMismatch' } },
    changes: [
      changeOf(steering, 'spec.securityContext.fsGroup', { expected: String(fsGroup), found: found?.toString() }),
    ],
  }
}

function pullSecrets({ pod: { spec }, plan }: ComparedPod): Readonly<Record<string, unknown>> {
  const present = new Set(spec.imagePullSecrets?.map(({ name }) => name))
  const missing = plan.imagePullSecrets.filter((name) => !present.has(name))
  if (missing.length === 0) return {}
  return { imagePullSecrets: [...(spec.imagePullSecrets ?? []), ...missing.map((name) => ({ name }))] }
}

/** Lists grow with containers and volumes that came later; the label goes missing in `kubectl debug --copy-to`. */
function compareMetadata({ pod, plan, config }: ComparedPod): ComparedField {
  const label = config.annotationPrefix + injectedLabel
  const found = pod.metadata?.labels?.[label]
  const lists = grownLists(pod, plan)
  const hasLabel = found === 'true'
  return {
    fields: {
      ...(Object.keys(lists).length > 0 && { annotations: { ...annotationsOf(pod), ...lists } }),
      ...(!hasLabel && { labels: { ...pod.metadata?.labels, ...plan.labels } }),
    },
    changes: hasLabel ? [] : [changeOf(steering, `metadata.labels[${label}]`, { expected: 'true', found })],
  }
}

function grownLists(pod: Pod, plan: InjectionPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [safeToEvictAnnotation, skipContainersAnnotation].flatMap((annotation) => {
      const names = plan.lists[annotation] ?? []
      return missingFromList(pod, annotation, names).length === 0
        ? []
        : [[annotation, mergeIntoList(pod, annotation, names)]]
    }),
  )
}
