/**
 * Users and groups: the loader is as restricted as the strictest Pod Security Standard asks, and the app can read what
 * it wrote.
 */
import type { RunAsUser } from '../values/forms.ts'
import type { Config } from '../config/config.ts'
import type { DeliveredModel } from '../deliveries/delivery.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { enumerate } from '../values/print/printable.ts'
import { interceptsEverybody, userPastInterception } from './mesh/mesh.ts'
import { volumesOf, type Container, type Pod } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'

/** `nonroot` in images of the distroless kind. */
const defaultUser = 65532

export function loaderSecurityContext(user: number | undefined): Record<string, unknown> {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    ...(user !== undefined && { runAsUser: user }),
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

/** Undefined lets the cluster choose (OpenShift). */
export function loaderUser(
  pod: Pod,
  targets: readonly Container[],
  chosen: RunAsUser,
  { config, findings, needsNetwork }: { config: Config; findings: Findings; needsNetwork: boolean },
): number | undefined {
  const exempt = needsNetwork ? userPastInterception(pod) : undefined
  if (needsNetwork) warnOfInterception(pod, chosen, findings)
  if (chosen !== 'auto') return chosen
  if (exempt !== undefined) return exempt
  return config.openshift ? undefined : (commonUser(pod, targets) ?? defaultUser)
}

function warnOfInterception(pod: Pod, chosen: RunAsUser, findings: Findings): void {
  const exempt = userPastInterception(pod)
  if (interceptsEverybody(pod) || (exempt !== undefined && chosen !== 'auto' && chosen !== exempt)) {
    findings.warn(
      'MeshInterception',
      'a service mesh takes the traffic of the loader, which may not reach S3 or its credentials',
    )
  }
}

function commonUser(pod: Pod, targets: readonly Container[]): number | undefined {
  const users = new Set(targets.map((target) => effectiveUser(pod, target)))
  const [user] = users
  return users.size === 1 && user !== undefined && user !== 0 ? user : undefined
}

function effectiveUser(pod: Pod, container: Container): number | undefined {
  return container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? undefined
}

/** The fsGroup to set, if one has to be set; on OpenShift the cluster sets one itself. */
export function plannedFsGroup(
  pod: Pod,
  delivered: readonly DeliveredModel[],
  config: Config,
  findings: Findings,
): number | undefined {
  const needing = delivered.filter(({ needsFsGroup }) => needsFsGroup === true)
  if (needing.length === 0 || config.openshift || typeof pod.spec.securityContext?.fsGroup === 'number') {
    return undefined
  }
  const ours = new Set(needing.map(({ volume }) => volume))
  const others = [...volumesOf(pod), ...delivered.flatMap(({ volumes }) => volumes)].filter(
    // A generic ephemeral volume is new and the pod's own: nobody's files change their group.
    (volume) => 'persistentVolumeClaim' in volume && !ours.has(volume.name),
  )
  if (others.length > 0) {
    findings.deny({
      reason: 'FsGroupRequired',
      field: 'spec.securityContext.fsGroup',
      problem: `is not set, the loader could not write to ${enumerate(ours)}; setting it would change the owner of ${enumerate(others.map(({ name }) => name))}`,
      remedy: 'set the fsGroup that suits these claims',
    })
    return undefined
  }
  findings.warn(
    'FsGroupAdded',
    `fsGroup ${defaultUser} was added so that the loader can write to ${enumerate(ours)}`,
    'spec.securityContext.fsGroup',
  )
  return defaultUser
}

/** A model that the app may write to has to be writable for the app's user, by user or by group. */
export function checkWriters(
  pod: Pod,
  model: ModelRequest,
  writers: { targets: readonly Container[]; loaderUser: number | undefined; fsGroup: number | undefined },
  { config, findings }: { config: Config; findings: Findings },
): void {
  if (model.readOnly || (writers.fsGroup ?? pod.spec.securityContext?.fsGroup) !== undefined) return
  const field = (): string => annotationField(annotationKey(config.annotationPrefix, 'read-only', model.suffix))
  const users = writers.targets.map((target) => effectiveUser(pod, target))
  if (users.includes(undefined)) {
    findings.warn(
      'WriterUnknown',
      `${model.name}: the app's user is not known here; without fsGroup it may not be able to write`,
      field(),
    )
  }
  const foreign = users.filter((user) => user !== undefined && user !== 0 && user !== writers.loaderUser)
  if (foreign.length === 0) return
  findings.deny({
    reason: 'NotWritable',
    field: field(),
    found: 'false',
    problem: `asks for a writable model, but the app runs as ${enumerate(new Set(foreign.map(String)))} and the loader as ${writers.loaderUser ?? 'another user'}`,
    remedy: 'set spec.securityContext.fsGroup, or run-as-user to the user of the app',
  })
}
