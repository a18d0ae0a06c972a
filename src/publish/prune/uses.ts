/** Finds the versions that pods can read: by the claim of the volume, or by claims of other namespaces that share it by Trident. */
import { ClusterError } from '../../cluster/cluster-error.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterContainer, ClusterPod } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { LoaderFailure } from '../../loader/exit-codes.ts'
import { parseSource } from '../../values/source.ts'
import { mountedPathsOf, type MountedPath } from './mounted-paths.ts'

export interface ClaimRef {
  readonly namespace: string
  readonly name: string
}

export interface Uses {
  /** Pods, as NAMESPACE/NAME, by the version that they mount. */
  readonly versions: ReadonlyMap<string, readonly string[]>
  /** Pods that mount `current`: they read what it led to when one of their containers started. */
  readonly current: readonly PodUse[]
  /** Pods that mount the whole volume, or all versions: the versions that they read are unknown. */
  readonly whole: readonly PodUse[]
}

export interface PodUse {
  readonly pod: string
  readonly createdMs: number
}

/** `ownPod` is the pod that this runs in: where it is found among those of the namespace, it must mount the claim. */
export async function readUses(cluster: Cluster, claim: ClaimRef, ownPod: string | undefined): Promise<Uses> {
  try {
    return await usesOf(cluster, claim, await claimsOf(cluster, claim), ownPod)
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    const exit = error.status === 401 || error.status === 403 ? 'Denied' : 'CannotList'
    throw new LoaderFailure(exit, error.message, {
      cause: error,
      remedy: 'let it list pods and persistentvolumeclaims in the whole cluster; until then nothing is pruned',
    })
  }
}

const sharedFrom = 'trident.netapp.io/shareFromPVC'

/** Claims of the volume, as NAMESPACE/NAME. */
async function claimsOf(cluster: Cluster, claim: ClaimRef): Promise<ReadonlySet<string>> {
  const own = `${claim.namespace}/${claim.name}`
  const found = new Set<string>()
  for await (const { metadata } of cluster.list(resources.persistentVolumeClaims)) {
    const name = `${metadata.namespace ?? ''}/${metadata.name}`
    if (name === own || metadata.annotations?.[sharedFrom]?.trim() === own) found.add(name)
  }
  // With a mistyped claim no version would have a user.
  if (!found.has(own)) {
    throw new LoaderFailure('Nothing', `there is no claim ${own}`, { remedy: 'correct --claim' })
  }
  return found
}

async function usesOf(
  cluster: Cluster,
  claim: ClaimRef,
  claims: ReadonlySet<string>,
  ownPod: string | undefined,
): Promise<Uses> {
  const uses = { versions: new Map<string, string[]>(), current: [] as PodUse[], whole: [] as PodUse[] }
  for await (const pod of cluster.list(resources.pods)) {
    const volumes = volumesOf(pod, claims)
    if (
      pod.metadata.name === ownPod &&
      pod.metadata.namespace === claim.namespace &&
      pod.spec.containers.some(isPublisher) &&
      volumes.size === 0
    ) {
      throw new LoaderFailure('ForeignFiles', `this pod does not mount the claim ${claim.namespace}/${claim.name}`, {
        remedy: 'correct --claim: it has to be the claim of --volume',
      })
    }
    if (volumes.size > 0 && !hasEnded(pod)) addUses(uses, pod, volumes)
  }
  return uses
}

function hasEnded({ status }: ClusterPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** Claim names by name of the pod's volume. */
function volumesOf({ metadata, spec }: ClusterPod, claims: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const volume of spec.volumes ?? []) {
    const { persistentVolumeClaim, ephemeral } = volume as {
      persistentVolumeClaim?: { claimName: string }
      ephemeral?: object
    }
    // The claim of a generic ephemeral volume has the names of both.
    const name =
      persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? undefined : `${metadata.name}-${volume.name}`)
    if (name !== undefined && claims.has(`${metadata.namespace ?? ''}/${name}`)) found.set(volume.name, name)
  }
  return found
}

function addUses(
  uses: { versions: Map<string, string[]>; current: PodUse[]; whole: PodUse[] },
  pod: ClusterPod,
  volumes: ReadonlyMap<string, string>,
): void {
  const { namespace = '', name, creationTimestamp = '' } = pod.metadata
  const use = { pod: `${namespace}/${name}`, createdMs: Date.parse(creationTimestamp) || 0 }
  const paths = runningContainers(pod)
    .filter((container) => !isPublisher(container))
    .flatMap((container) => pathsOf(container, volumes))
  for (const version of new Set(paths.flatMap((path) => (path.kind === 'version' ? path.version : [])))) {
    uses.versions.set(version, [...(uses.versions.get(version) ?? []), use.pod])
  }
  for (const kind of ['current', 'whole'] as const) {
    if (paths.some((path) => path.kind === kind)) uses[kind].push(use)
  }
}

/** Init containers of a running pod have ended, except sidecars. */
function runningContainers({ spec, status }: ClusterPod): readonly ClusterContainer[] {
  const init = (spec.initContainers ?? []).filter(
    ({ restartPolicy }) => status?.phase !== 'Running' || restartPolicy === 'Always',
  )
  return [...init, ...spec.containers, ...((spec.ephemeralContainers ?? []) as readonly ClusterContainer[])]
}

/** The publisher and this command mount the whole volume, but read no model. */
function isPublisher({ args }: ClusterContainer): boolean {
  return args?.[0] === 'publish' && args.includes('--volume')
}

function pathsOf(container: ClusterContainer, volumes: ReadonlyMap<string, string>): readonly MountedPath[] {
  return (container.volumeMounts ?? []).flatMap((mount) => {
    const claim = volumes.get(mount.name)
    return claim === undefined
      ? []
      : mountedPathsOf(mount.subPath ? mount : { ...mount, ...checkedPath(container, claim) })
  })
}

/** The loader that checks a claim mounts it whole, but reads only its source. */
function checkedPath({ args, env }: ClusterContainer, claim: string): { readonly subPath?: string } {
  const variables = env as readonly { readonly name: string; readonly value?: string }[] | undefined
  const text = args?.[0] === 'load' ? variables?.find(({ name }) => name === 'MODEL_SOURCE')?.value : undefined
  const source = parseSource(text ?? '')
  if (!source.ok || source.value.scheme !== 'pvc' || source.value.claim !== claim) return {}
  return source.value.path === undefined ? {} : { subPath: source.value.path }
}
