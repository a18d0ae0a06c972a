/** Plans the status annotation of an injection. */
import type { Config } from '../../config/config.ts'
import { version } from '../../version.ts'
import { missingFromList, safeToEvictAnnotation, skipContainersAnnotation } from '../lists.ts'
import { loaderImage } from '../loader.ts'
import type { ContainerAddition } from '../mounts.ts'
import { loaderContainerName } from '../../pod/injected-names.ts'
import type { Scheduling } from '../../pod/scheduling.ts'
import type { PlannedModel } from '../injection-plan.ts'
import type { Pod, Volume } from '../../pod/pod.ts'
import type { InjectionRequest } from '../../request/model-request.ts'
import { statusSchemaVersion, type ModelStatus, type Replaced, type Status } from '../status.ts'

interface StatusInput {
  readonly annotationsHash: string
  readonly models: readonly PlannedModel[]
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly config: Config
  readonly volumes: readonly Volume[]
  readonly additions: readonly ContainerAddition[]
  readonly fsGroup: number | undefined
  readonly imagePullSecrets: readonly string[]
  readonly scheduling: Scheduling
}

export function planStatus(pod: Pod, request: InjectionRequest, input: StatusInput): Status {
  const added = (annotation: string): readonly string[] =>
    missingFromList(pod, annotation, input.lists[annotation] ?? [])
  const safeToEvict = added(safeToEvictAnnotation)
  const skipContainers = added(skipContainersAnnotation)
  return {
    schema: statusSchemaVersion,
    injector: version,
    config: input.config.hash,
    annotations: input.annotationsHash,
    models: input.models.map((planned) => modelStatus(planned, request, input)),
    initOrder: request.initOrder,
    runAsUser: request.runAsUser === 'auto' ? 'auto' : 'chosen',
    added: {
      volumes: input.volumes.map(({ name }) => name),
      ...(safeToEvict.length > 0 && { safeToEvict }),
      ...(skipContainers.length > 0 && { skipContainers }),
      ...(input.imagePullSecrets.length > 0 && { imagePullSecrets: input.imagePullSecrets }),
      ...schedulingStatus(input.scheduling),
    },
    replaced: replacedFields(pod, request, input.fsGroup),
  }
}

function schedulingStatus({ nodeLabels, tolerations, schedulingGates }: Scheduling): Partial<Scheduling> {
  return {
    ...(nodeLabels.length > 0 && { nodeLabels }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(schedulingGates.length > 0 && { schedulingGates }),
  }
}

function modelStatus(
  { model, delivered, targets }: PlannedModel,
  request: InjectionRequest,
  { additions, config }: StatusInput,
): ModelStatus {
  const { loader } = delivered
  const containers = targets.map(({ name }) => name)
  const envAdded = additions
    .filter(({ model: name, env }) => name === model.name && env !== undefined)
    .map(({ container }) => container)
  return {
    name: model.name,
    source: model.source.uri,
    delivery: model.delivery,
    ...(loader?.kind === 'load' && { id: loader.id }),
    ...(loader !== undefined && {
      loader: loaderContainerName(model.suffix),
      image: loaderImage(request, config),
    }),
    ...(loader?.kind === 'load' && request.engine !== 'native' && { engine: request.engine }),
    volume: delivered.volume,
    ...(delivered.subPath !== undefined && { subPath: delivered.subPath }),
    mountPath: model.mountPath,
    containers,
    ...(model.env !== undefined && { env: model.env, envAdded }),
  }
}

function replacedFields(pod: Pod, request: InjectionRequest, fsGroup: number | undefined): Replaced {
  const { serviceAccountName, serviceAccount, securityContext } = pod.spec
  return {
    ...(request.serviceAccount !== undefined && {
      serviceAccountName: serviceAccountName ?? null,
      serviceAccount: serviceAccount ?? null,
    }),
    ...(fsGroup !== undefined && { fsGroup: null, fsGroupChangePolicy: securityContext?.fsGroupChangePolicy ?? null }),
  }
}
