/**
 * Finds containers of other pods that can write to the claim that a model is on: pods that mount one claim see one volume.
 * Kept of all pods is a row for each container of a workload that mounts a claim for writing, whatever the number of replicas.
 */
import { volumesOf, type Pod, type Volume } from '../pod/pod.ts'
import type { Status } from '../inject/status.ts'
import { findByName } from '../pod/lookup.ts'
import { quote } from '../values/print/printable.ts'
import { evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'
import { placedContainers, type PlacedContainer } from './placed-containers.ts'
import { directoryOf, isWritable, reachesDirectory } from './writable-mounts.ts'

/** A model on a claim, by the pod that reads it. */
export interface ClaimedModel {
  readonly claim: string
  /** The field of the pod through which it has the claim. */
  readonly field: string
  /** Undefined where the model is the whole volume. */
  readonly subPath: string | undefined
}

/** A pod, or the pod template of a workload in a file. */
export interface NamedPod {
  readonly namespace: string
  /** `pod/NAME`, `deployment/NAME` */
  readonly title: string
  /** Names the claims of its generic ephemeral volumes; undefined for a template. */
  readonly name: string | undefined
  /** `Deployment/NAME`; undefined without an owner. */
  readonly workload: string | undefined
}

/** Mounts for writing of one pod, by keys that are equal for all replicas of a workload. */
export type OwnMounts = ReadonlySet<string>

interface WritableMount {
  readonly claim: string
  readonly container: string
  readonly list: PlacedContainer['list']
  /** `/data`, or the path of a block device. */
  readonly place: string
  readonly subPath: string | undefined
}

interface Row {
  readonly mount: WritableMount
  readonly workload: string | undefined
  /** The titles that sort first: one of them is not that of the pod that asks. */
  readonly titles: string[]
  pods: number
}

/** Enough of them to know what to do; the number says how many there are. */
const mostNamed = 10
/** The longest name that the API server accepts. Files may hold longer ones. */
const longestName = 253

export function modelsOnClaims(pod: Pod, { models }: Status, name: string | undefined): readonly ClaimedModel[] {
  return models.flatMap((model) => {
    const volume = findByName(volumesOf(pod), model.volume)
    const claim = volume && claimOf(volume, name)
    if (volume === undefined || claim === undefined) return []
    const kind = volume.persistentVolumeClaim ? 'persistentVolumeClaim' : 'ephemeral'
    return [{ claim, field: `spec.volumes[${volume.name}].${kind}`, subPath: model.subPath }]
  })
}

export class ClaimWriters {
  /** By namespace, claim, and key of the mount. */
  readonly #namespaces = new Map<string, Map<string, Map<string, Row>>>()

  /** `isHarmless` is true for containers whose writing changes no model. */
  add(pod: Pod, named: NamedPod, isHarmless: (container: PlacedContainer) => boolean): OwnMounts {
    const own = new Set<string>()
    for (const mount of writableMounts(pod, named.name, isHarmless)) {
      const key = JSON.stringify([named.workload ?? named.title, mount])
      if (own.has(key)) continue
      own.add(key)
      this.#addRow(key, mount, named)
    }
    return own
  }

  /** The writers of other pods that reach these models; the same in whatever order pods were added. */
  find(models: readonly ClaimedModel[], { namespace, title }: NamedPod, own: OwnMounts): readonly Evidence[] {
    const claims = this.#namespaces.get(namespace)
    const found = new Map<string, Evidence>()
    for (const { claim, field, subPath } of models) {
      for (const [key, row] of claims?.get(claim) ?? []) {
        const others = row.pods - (own.has(key) ? 1 : 0)
        if (others === 0 || !reachesDirectory(row.mount.subPath, subPath)) continue
        const text = describe(row, row.titles.find((one) => one !== title) ?? title, others)
        found.set(`${field} ${text}`, evidence(field, onlyRead, text))
      }
    }
    const sorted = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
    const [first, ...rest] = sorted.slice(mostNamed)
    if (first === undefined) return sorted
    return [
      ...sorted.slice(0, mostNamed),
      evidence(first.field, onlyRead, `${rest.length + 1} more mount it for writing`),
    ]
  }

  /** For a namespace of which no pod will be added or asked for any more. */
  forget(namespace: string): void {
    this.#namespaces.delete(namespace)
  }

  #addRow(key: string, mount: WritableMount, { namespace, title, workload }: NamedPod): void {
    const claims = this.#namespaces.get(namespace) ?? new Map<string, Map<string, Row>>()
    this.#namespaces.set(namespace, claims)
    const rows = claims.get(mount.claim) ?? new Map<string, Row>()
    claims.set(mount.claim, rows)
    const row = rows.get(key) ?? { mount, workload, titles: [], pods: 0 }
    rows.set(key, row)
    row.pods++
    row.titles.push(title)
    row.titles.sort()
    row.titles.length = Math.min(row.titles.length, 2)
  }
}

const onlyRead = 'mounted for writing by no other pod'

function writableMounts(
  pod: Pod,
  name: string | undefined,
  isHarmless: (container: PlacedContainer) => boolean,
): readonly WritableMount[] {
  const claims = new Map(
    volumesOf(pod).flatMap((volume) => {
      const claim = isWritable(volume) ? claimOf(volume, name) : undefined
      return claim === undefined ? [] : [[volume.name, claim] as const]
    }),
  )
  if (claims.size === 0) return []
  return placedContainers(pod).flatMap((placed) => {
    const found = mountsOf(placed, claims)
    return found.length === 0 || isHarmless(placed) ? [] : found
  })
}

function mountsOf({ list, container }: PlacedContainer, claims: ReadonlyMap<string, string>): readonly WritableMount[] {
  const { volumeMounts, volumeDevices } = container
  const mounted = (volumeMounts ?? [])
    .filter(({ readOnly }) => readOnly !== true)
    .map((mount) => ({ volume: mount.name, place: mount.mountPath, subPath: directoryOf(mount) }))
  // A device is the volume without its file system: nothing in it is out of reach.
  const devices = (volumeDevices ?? []).map(({ name = '', devicePath = '' }) => ({
    volume: name,
    place: devicePath,
    subPath: undefined,
  }))
  return [...mounted, ...devices].flatMap(({ volume, place, subPath }) => {
    const claim = claims.get(volume)
    return claim === undefined ? [] : [{ claim, container: container.name, list, place, subPath }]
  })
}

/** A generic ephemeral volume has a claim that any pod of the namespace can mount by its name. */
function claimOf(
  { name: volume, persistentVolumeClaim, ephemeral }: Volume,
  pod: string | undefined,
): string | undefined {
  if (persistentVolumeClaim) return persistentVolumeClaim.claimName
  const isEphemeral = typeof ephemeral === 'object' && ephemeral !== null
  return isEphemeral && pod !== undefined ? `${pod}-${volume}` : undefined
}

const kinds: Readonly<Record<PlacedContainer['list'], string>> = {
  initContainers: 'init container',
  containers: 'container',
  ephemeralContainers: 'ephemeral container',
}

function describe({ mount, workload }: Row, title: string, pods: number): string {
  const { claim, container, list, place, subPath } = mount
  const directory = subPath === undefined ? '' : `, directory ${nameOf(subPath)}`
  const from = `${nameOf(title)} ${kinds[list]} ${container}`
  const text = `${from} mounts claim ${nameOf(claim)} for writing at ${nameOf(place)}${directory}`
  const more = pods - 1
  return more === 0
    ? text
    : `${text}, as ${more === 1 ? 'does 1 more pod' : `do ${more} more pods`} of ${nameOf(workload ?? title)}`
}

function nameOf(text: string): string {
  return text.length > longestName ? quote(text) : text
}
