/** Platforms that cannot run a loader, or hide its work from the app, as far as a pod says on which it will run. */
import type { Config } from '../config/config.ts'
import { defaultConfig } from '../config/parse-config.ts'
import type { DeliveredModel } from '../deliveries/delivery.ts'
import { findByName } from '../pod/lookup.ts'
import { volumesOf, type Pod, type Volume } from '../pod/pod.ts'
import { avoidanceOf } from '../pod/scheduling.ts'
import type { Findings } from '../request/findings.ts'
import type { InjectionRequest } from '../request/model-request.ts'
import { quote } from '../values/print/printable.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'

/** The second is the older name; kubelets set both. */
const osLabels = ['kubernetes.io/os', 'beta.kubernetes.io/os']

export function checkOS({ spec }: Pod, findings: Findings): void {
  const other =
    spec.os?.name === undefined
      ? osLabels.map((label) => avoidanceOf(spec, label, 'linux')).find((avoidance) => avoidance !== undefined)
      : { field: 'spec.os.name', found: spec.os.name }
  if (other === undefined || other.found === 'linux') return
  findings.deny({ reason: 'UnsupportedOS', ...other, problem: 'is not supported', accepted: 'linux' })
}

/** Both are written by the webhook of EKS, whose name sorts before ours. */
const fargateLabel = 'eks.amazonaws.com/fargate-profile'
const fargateScheduler = 'fargate-scheduler'

/**
 * Fargate runs no DaemonSet, so no agent that would give a loader its credentials
 * (https://github.com/aws/containers-roadmap/issues/2274). An agent at another address may be a container of the pod.
 */
export function warnOfFargate(
  { metadata, spec }: Pod,
  { credentials }: InjectionRequest,
  config: Config,
  findings: Findings,
): void {
  const onFargate = metadata?.labels?.[fargateLabel] !== undefined || spec.schedulerName === fargateScheduler
  if (!onFargate || credentials.kind !== 'pod-identity') return
  if (config.podIdentity.uri !== defaultConfig.podIdentity.uri) return
  findings.warn(
    'NoPodIdentityOnFargate',
    `Fargate has no EKS Pod Identity: the loader will end with 75; set ${config.annotationPrefix}credentials to irsa`,
    annotationField(annotationKey(config.annotationPrefix, 'credentials')),
  )
}

/**
 * Kata keeps an emptyDir in the guest, and takes what is mounted by subPath from the node, where nothing was written
 * (https://github.com/kata-containers/kata-containers/issues/12218).
 */
export function warnOfKata(pod: Pod, delivered: readonly DeliveredModel[], findings: Findings): void {
  const { runtimeClassName } = pod.spec
  if (typeof runtimeClassName !== 'string' || !/kata/i.test(runtimeClassName)) return
  const inGuest = delivered.find(
    ({ volume, subPath, volumes }) =>
      subPath !== undefined && isEmptyDir(findByName(volumes, volume) ?? findByName(volumesOf(pod), volume)),
  )
  if (inGuest === undefined) return
  findings.warn(
    'EmptyUnderKata',
    `runtimeClassName ${quote(runtimeClassName.slice(0, 20))}: Kata may show an emptyDir empty; use volume ephemeral/CLASS`,
    'spec.runtimeClassName',
  )
}

function isEmptyDir(volume: Volume | undefined): boolean {
  return volume !== undefined && 'emptyDir' in volume
}
