/** Ephemeral storage of the loader. */
import type { Config } from '../../config/config.ts'
import type { Findings } from '../../request/findings.ts'
import { volumeMediumOf } from '../../request/volume-medium.ts'
import { appContainers, type Pod } from '../../pod/pod.ts'
import type { InjectionRequest } from '../../request/model-request.ts'
import { amount, fieldOf, sizeOn, sum, type Share } from './resource-amounts.ts'
import { roundUpToMi, withHeadroom } from '../../values/quantity.ts'

/**
 * The kubelet evicts a pod whose files, all containers and volumes together, exceed the pod's limit. The loader's share
 * is part of it although the loader has ended, so it carries the models and the files that the app writes itself.
 */
export function storageShare(pod: Pod, request: InjectionRequest, config: Config, findings: Findings): Share {
  const apps = appContainers(pod, config.sidecars)
  const models = sizeOn(request.models, 'disk', pod)
  const asked =
    models +
    sum(
      apps,
      (app) =>
        amount(app.resources, 'requests', 'ephemeral-storage') ?? amount(app.resources, 'limits', 'ephemeral-storage'),
    )
  const limited = apps.filter((app) => amount(app.resources, 'limits', 'ephemeral-storage') !== undefined)
  if (limited.length === 0) return { request: asked === 0 ? undefined : roundUpToMi(asked), limit: undefined }
  for (const model of request.models.filter(
    (candidate) => volumeMediumOf(candidate, pod) === 'disk' && candidate.sizeBytes === undefined,
  )) {
    findings.deny({
      reason: 'SizeRequired',
      field: fieldOf('size', config, model.suffix),
      problem: `is required, because container ${limited[0]?.name ?? ''} has an ephemeral-storage limit that the model would count against`,
      accepted: 'a Kubernetes quantity, as 20Gi',
    })
  }
  const limit = withHeadroom(models) + sum(limited, (app) => amount(app.resources, 'limits', 'ephemeral-storage'))
  return { request: roundUpToMi(asked), limit: roundUpToMi(Math.max(limit, asked)) }
}
