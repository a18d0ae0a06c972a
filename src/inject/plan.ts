/** From what is asked for to what will be added: complete, checked against the pod, nothing changed yet. */
import { injectedLabel, statusAnnotation } from '../annotations.ts'
import type { Config } from '../config.ts'
import { version } from '../version.ts'
import type { DeliveredModel } from './deliveries/delivery.ts'
import { deliver } from './deliveries/registry.ts'
import type { Findings } from './findings.ts'
import { containersWithoutCredentials, loaderIdentity, type LoaderIdentity } from './identity.ts'
import { mergeIntoList, missingFromList, safeToEvictAnnotation, skipContainersAnnotation } from './lists.ts'
import { loaderContainer, loaderTmpVolume } from './loader.ts'
import { hasNetworkAt, loaderIndex } from './mesh.ts'
import { loaderContainerName } from './parts.ts'
import { planMounts, type ContainerAddition } from './mounts.ts'
import { volumesOf, type Container, type Pod, type Volume } from './pod.ts'
import { checkPolicy } from './policy.ts'
import type { InjectionRequest, ModelRequest } from './request.ts'
import { loaderResources } from './resources/loader-resources.ts'
import { checkWriters, loaderUser, plannedFsGroup } from './security.ts'
import { hashAnnotations, statusSchemaVersion, type ModelStatus, type Replaced, type Status } from './status.ts'
import { targetContainers } from './targets.ts'

export interface InjectionPlan {
  readonly loaders: readonly Container[]
  /** Where the loaders go among the other init containers. */
  readonly loaderIndex: number
  readonly volumes: readonly Volume[]
  readonly additions: readonly ContainerAddition[]
  readonly serviceAccount: string | undefined
  readonly fsGroup: number | undefined
  readonly imagePullSecrets: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly status: Status
  /** Names of the policy rules that allowed it. */
  readonly rules: readonly string[]
}

export interface PlanContext {
  readonly namespace: string
  readonly config: Config
  readonly findings: Findings
  /** The containers that a first pass chose, by model; a second pass keeps to them. */
  readonly keptTargets: ReadonlyMap<string, readonly string[]>
}

interface PlannedModel {
  readonly model: ModelRequest
  readonly targets: readonly Container[]
  readonly delivered: DeliveredModel
  readonly user: number | undefined
}

/** Plans for a pod without parts of ours. Where something is wrong `findings` has it, and the plan is not to be used. */
export function plan(pod: Pod, request: InjectionRequest, context: PlanContext): InjectionPlan {
  const { config, findings } = context
  const rules = checkPolicy({ namespace: context.namespace, serviceAccount: finalServiceAccount(pod, request), request }, config, findings)
  const models = request.models.flatMap((model) => planModel(pod, model, request, context) ?? [])
  const identity = loaderIdentity(pod, request, config, findings)
  const fsGroup = plannedFsGroup(pod, models.map(({ delivered }) => delivered), config, findings)
  for (const { model, targets, user } of models) checkWriters(pod, model, { targets, loaderUser: user, fsGroup }, context)
  warnOfServiceAccount(pod, request, findings)
  const parts = {
    loaders: planLoaders(pod, models, identity, { request, context }),
    loaderIndex: loaderIndex(pod, request.initOrder),
    volumes: planVolumes(pod, models, identity),
    additions: planMounts(models.map(({ model, delivered, targets }) => ({ model, ...delivered, containers: targets })), config, findings),
    serviceAccount: request.serviceAccount,
    fsGroup,
    imagePullSecrets: missingPullSecrets(pod, config),
  }
  const lists = { [safeToEvictAnnotation]: evictableVolumes(parts.volumes), [skipContainersAnnotation]: containersWithoutCredentials(pod, request, findings) }
  const status = planStatus(pod, request, { ...parts, models, lists, config })
  return {
    ...parts,
    annotations: { ...mergedLists(pod, lists), [config.annotationPrefix + statusAnnotation]: JSON.stringify(status) },
    labels: { [config.annotationPrefix + injectedLabel]: 'true' },
    status,
    rules,
  }
}

function planModel(pod: Pod, model: ModelRequest, request: InjectionRequest, context: PlanContext): PlannedModel | undefined {
  const kept = context.keptTargets.get(model.name)
  const targets = targetContainers(pod, kept === undefined ? model : { ...model, containers: kept }, request, context)
  const delivered = deliver(model, { pod, request, config: context.config, findings: context.findings })
  if (delivered === undefined) return undefined
  const user = delivered.loader === undefined ? undefined : loaderUser(pod, targets, request.runAsUser, context)
  return { model, targets, delivered, user }
}

function planLoaders(
  pod: Pod, models: readonly PlannedModel[], identity: LoaderIdentity, { request, context }: { request: InjectionRequest; context: PlanContext },
): readonly Container[] {
  const loading = models.filter(({ delivered }) => delivered.loader !== undefined)
  if (loading.length === 0) return []
  if (!hasNetworkAt(pod, loaderIndex(pod, request.initOrder))) {
    context.findings.warn('NoNetworkBeforeMesh', `init-order ${request.initOrder} puts the loader where a service mesh has cut the network off`)
  }
  const resources = loaderResources(pod, request, context.config, context.findings)
  return loading.flatMap(({ model, delivered: { loader }, user }) =>
    loader === undefined ? [] : loaderContainer(model, loader, { identity, resources, user }, { request, config: context.config }))
}

/** What the loaders share comes last; a volume that is there already (the token of the identity webhook) is not added again. */
function planVolumes(pod: Pod, models: readonly PlannedModel[], identity: LoaderIdentity): readonly Volume[] {
  const own = models.flatMap(({ delivered }) => delivered.volumes)
  const loads = models.some(({ delivered }) => delivered.loader !== undefined)
  const present = volumesOf(pod).map(({ name }) => name)
  return [...own, ...(loads ? [loaderTmpVolume, ...identity.volumes] : [])].filter(({ name }) => !present.includes(name))
}

function finalServiceAccount(pod: Pod, request: InjectionRequest): string {
  return request.serviceAccount ?? pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
}

/** Pods without a service account get `default` before any webhook sees them: replacing that is no surprise. */
function warnOfServiceAccount(pod: Pod, request: InjectionRequest, findings: Findings): void {
  const current = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
  if (request.serviceAccount === undefined || current === 'default' || current === request.serviceAccount) return
  findings.warn('ServiceAccountReplaced', `service account ${current} was replaced with ${request.serviceAccount}`)
}

function missingPullSecrets(pod: Pod, config: Config): readonly string[] {
  const present = (pod.spec.imagePullSecrets ?? []).map(({ name }) => name)
  return config.loader.imagePullSecrets.filter((name) => !present.includes(name))
}

function evictableVolumes(volumes: readonly Volume[]): readonly string[] {
  return volumes.filter((volume) => 'emptyDir' in volume).map(({ name }) => name)
}

function mergedLists(pod: Pod, lists: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(lists)
      .filter(([, names]) => names.length > 0)
      .map(([annotation, names]) => [annotation, mergeIntoList(pod, annotation, names)]),
  )
}

interface StatusInput {
  readonly models: readonly PlannedModel[]
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly config: Config
  readonly volumes: readonly Volume[]
  readonly additions: readonly ContainerAddition[]
  readonly fsGroup: number | undefined
  readonly imagePullSecrets: readonly string[]
}

function planStatus(pod: Pod, request: InjectionRequest, input: StatusInput): Status {
  const added = (annotation: string): readonly string[] => missingFromList(pod, annotation, input.lists[annotation] ?? [])
  const safeToEvict = added(safeToEvictAnnotation)
  const skipContainers = added(skipContainersAnnotation)
  return {
    schema: statusSchemaVersion,
    injector: version,
    config: input.config.hash,
    annotations: hashAnnotations(pod, input.config.annotationPrefix),
    models: input.models.map((planned) => modelStatus(planned, request, input.additions)),
    initOrder: request.initOrder,
    runAsUser: request.runAsUser === 'auto' ? 'auto' : 'chosen',
    added: {
      volumes: input.volumes.map(({ name }) => name),
      ...(safeToEvict.length > 0 && { safeToEvict }),
      ...(skipContainers.length > 0 && { skipContainers }),
      ...(input.imagePullSecrets.length > 0 && { imagePullSecrets: input.imagePullSecrets }),
    },
    replaced: replacedFields(pod, request, input.fsGroup),
  }
}

function modelStatus({ model, delivered, targets }: PlannedModel, request: InjectionRequest, additions: readonly ContainerAddition[]): ModelStatus {
  const { loader } = delivered
  const containers = targets.map(({ name }) => name)
  const envAdded = additions
    .filter(({ container, env }) => env?.name === model.env && env?.value === model.mountPath && containers.includes(container))
    .map(({ container }) => container)
  return {
    name: model.name,
    source: model.source.uri,
    delivery: model.delivery,
    ...(loader !== undefined && { id: loader.id, loader: loaderContainerName(model.suffix), image: request.image }),
    ...(loader !== undefined && request.engine !== 'native' && { engine: request.engine }),
    volume: delivered.volume,
    subPath: delivered.subPath,
    mountPath: model.mountPath,
    containers,
    ...(model.env !== undefined && { env: model.env, envAdded }),
  }
}

function replacedFields(pod: Pod, request: InjectionRequest, fsGroup: number | undefined): Replaced {
  const { serviceAccountName, serviceAccount, securityContext } = pod.spec
  return {
    ...(request.serviceAccount !== undefined && { serviceAccountName: serviceAccountName ?? null, serviceAccount: serviceAccount ?? null }),
    ...(fsGroup !== undefined && { fsGroup: null, fsGroupChangePolicy: securityContext?.fsGroupChangePolicy ?? null }),
  }
}
