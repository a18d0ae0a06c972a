/** Plans an injection from a request: complete, checked against the pod, nothing changed yet. */
import { injectedLabel } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import type { DeliveredModel } from '../deliveries/delivery.ts'
import { deliver } from '../deliveries/registry.ts'
import type { Findings } from '../request/findings.ts'
import { containersWithoutCredentials, loaderIdentity, noIdentity, type LoaderIdentity } from './identity.ts'
import { mergeIntoList, safeToEvictAnnotation, skipContainersAnnotation } from './lists.ts'
import { loaderContainer, loaderTmpVolume } from './loader.ts'
import { findByName } from '../pod/lookup.ts'
import { loaderContainerName } from '../pod/injected-names.ts'
import { hasNetworkAt, loaderIndex } from './mesh/mesh.ts'
import { checkMountsOfOurs, planMounts } from './mounts.ts'
import { missingScheduling, type Scheduling } from '../pod/scheduling.ts'
import { planStatus } from './ownership/planned-status.ts'
import { volumesOf, type Container, type Pod, type Volume } from '../pod/pod.ts'
import { checkOS, warnOfFargate, warnOfKata } from './platform.ts'
import { checkPolicy } from './policy.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'
import { loaderResources } from './resources/loader-resources.ts'
import { checkWriters, loaderUser, plannedFsGroup } from './security.ts'
import { targetContainers } from './targets.ts'
import type { InjectionPlan, PlanContext, PlannedModel } from './injection-plan.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'

/** Plans for a pod without parts of ours. After a mistake `findings` has it, and the plan must not be used. */
export function plan(pod: Pod, request: InjectionRequest, context: PlanContext): InjectionPlan {
  const { config, findings } = context
  checkOS(pod, findings)
  const { allowedBy, refusedBy } = checkPolicy(
    { namespace: context.namespace, serviceAccount: finalServiceAccount(pod, request), request },
    config,
    findings,
  )
  const index = loaderPosition(pod, request)
  const models = planModels(pod, request, index, context)
  const delivered = models.map((planned) => planned.delivered)
  const identity = needsDownload(request) ? loaderIdentity(pod, request, config, findings) : noIdentity
  if (needsDownload(request)) warnOfFargate(pod, request, config, findings)
  warnOfKata(pod, delivered, findings)
  const fsGroup = plannedFsGroup(pod, delivered, config, findings)
  for (const { model, targets, user } of models) {
    checkWriters(pod, model, { targets, loaderUser: user, fsGroup }, context)
  }
  warnOfServiceAccount(pod, request, context)
  const loaders = planLoaders(pod, models, { identity, index, request, context })
  const parts = {
    loaders,
    loaderIndex: index,
    volumes: planVolumes(pod, models, identity, request),
    additions: planMounts(
      models.map(({ model, delivered: chosen, targets }) => ({ model, ...chosen, containers: targets })),
      config,
      findings,
    ),
    serviceAccount: request.serviceAccount,
    fsGroup,
    imagePullSecrets: loaders.length > 0 ? missingPullSecrets(pod, config) : [],
    scheduling: planScheduling(pod, delivered),
  }
  warnOfPullSecrets(pod, request, parts.imagePullSecrets, findings)
  checkMountsOfOurs(pod, parts.volumes, findings)
  const lists = {
    [safeToEvictAnnotation]: evictableVolumes(parts.volumes),
    [skipContainersAnnotation]: needsDownload(request) ? containersWithoutCredentials(pod, request, findings) : [],
  }
  const status = planStatus(pod, request, { ...parts, models, lists, config, annotationsHash: context.annotationsHash })
  return {
    ...parts,
    lists,
    annotations: mergedLists(pod, lists),
    labels: { [config.annotationPrefix + injectedLabel]: 'true' },
    status,
    rules: allowedBy,
    refusedBy,
  }
}

/** True where some loader fetches something, and so needs network and an identity. */
function needsDownload({ models }: InjectionRequest): boolean {
  return models.some(({ delivery }) => delivery === 'download')
}

/** A loader that only checks what is mounted has nothing to wait for. */
function loaderPosition(pod: Pod, request: InjectionRequest): number {
  return request.initOrder === 'auto' && !needsDownload(request) ? 0 : loaderIndex(pod, request.initOrder)
}

function planModels(pod: Pod, request: InjectionRequest, index: number, context: PlanContext): readonly PlannedModel[] {
  const planned: PlannedModel[] = []
  const volumes: Volume[] = []
  for (const model of request.models) {
    const delivered = deliver(model, { pod, volumes, request, config: context.config, findings: context.findings })
    const kept = context.keptTargets.get(model.name)
    // A volume without a loader has its files before the first container starts.
    const start = delivered === undefined || delivered.loader !== undefined ? index : 0
    const targets = targetContainers(pod, kept === undefined ? model : { ...model, containers: kept }, start, context)
    if (delivered !== undefined) {
      volumes.push(...delivered.volumes)
      planned.push({ model, targets, delivered, user: userOf(delivered, targets, { pod, request, context }) })
    }
  }
  return planned
}

function userOf(
  { loader }: DeliveredModel,
  targets: readonly Container[],
  { pod, request, context }: { pod: Pod; request: InjectionRequest; context: PlanContext },
): number | undefined {
  return loader === undefined
    ? undefined
    : loaderUser(pod, targets, request.runAsUser, { ...context, needsNetwork: loader.kind === 'load' })
}

interface LoaderContext {
  readonly identity: LoaderIdentity
  readonly index: number
  readonly request: InjectionRequest
  readonly context: PlanContext
}

function planLoaders(
  pod: Pod,
  models: readonly PlannedModel[],
  { identity, index, request, context }: LoaderContext,
): readonly Container[] {
  if (models.every(({ delivered }) => delivered.loader === undefined)) return []
  if (needsDownload(request) && !hasNetworkAt(pod, index)) {
    context.findings.warn(
      'NoNetworkBeforeMesh',
      `init-order ${request.initOrder} puts the loader where a service mesh has cut the network off`,
      annotationField(annotationKey(context.config.annotationPrefix, 'init-order')),
    )
  }
  const loading = models.flatMap(({ model, delivered: { loader }, user }) =>
    loader === undefined ? [] : [{ model, loader, user, kept: keptLoader(model, context) }],
  )
  const resources = loading.every(({ kept }) => kept !== undefined)
    ? {}
    : loaderResources(pod, request, context.config, context.findings)
  return loading.map(({ model, loader, user, kept }) =>
    loaderContainer(
      model,
      loader,
      { identity, resources: kept === undefined ? resources : (kept.resources ?? {}), user },
      { request, config: context.config },
    ),
  )
}

function keptLoader({ suffix }: ModelRequest, { keptLoaders }: PlanContext): Container | undefined {
  return findByName(keptLoaders, loaderContainerName(suffix))
}

function planScheduling(pod: Pod, delivered: readonly DeliveredModel[]): Scheduling {
  const all = (field: keyof Scheduling): readonly string[] =>
    delivered.flatMap(({ scheduling }) => scheduling?.[field] ?? [])
  return missingScheduling(pod.spec, {
    nodeLabels: all('nodeLabels'),
    tolerations: all('tolerations'),
    schedulingGates: all('schedulingGates'),
  })
}

/**
 * Volumes that the loaders share come last; a volume that is there already (the token of the identity webhook) is not
 * added again.
 */
function planVolumes(
  pod: Pod,
  models: readonly PlannedModel[],
  identity: LoaderIdentity,
  request: InjectionRequest,
): readonly Volume[] {
  const own = models.flatMap(({ delivered }) => delivered.volumes)
  return [...own, ...(needsDownload(request) ? [loaderTmpVolume, ...identity.volumes] : [])].filter(
    ({ name }) => findByName(volumesOf(pod), name) === undefined,
  )
}

/** The service account that the pod ends up with. */
export function finalServiceAccount(pod: Pod, request: InjectionRequest): string {
  return request.serviceAccount ?? pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
}

/** Pods without a service account get `default` before any webhook sees them: replacing that is no surprise. */
function warnOfServiceAccount(pod: Pod, request: InjectionRequest, { config, findings }: PlanContext): void {
  const current = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
  if (request.serviceAccount === undefined || current === 'default' || current === request.serviceAccount) return
  findings.warn(
    'ServiceAccountReplaced',
    `service account ${current} was replaced with ${request.serviceAccount}`,
    annotationField(annotationKey(config.annotationPrefix, 'service-account')),
  )
}

/** Kubernetes takes those of the service account only while the pod has none, and no webhook can look them up. */
function warnOfPullSecrets(pod: Pod, request: InjectionRequest, added: readonly string[], findings: Findings): void {
  const current = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? 'default'
  if (request.serviceAccount === undefined || current === request.serviceAccount) return
  if (added.length === 0 && (pod.spec.imagePullSecrets ?? []).length === 0) return
  findings.warn(
    'PullSecretsNotAdded',
    `imagePullSecrets of service account ${request.serviceAccount} are not used: the pod has others, add them to it`,
    'spec.imagePullSecrets',
  )
}

function missingPullSecrets(pod: Pod, config: Config): readonly string[] {
  const present = new Set((pod.spec.imagePullSecrets ?? []).map(({ name }) => name))
  return config.loader.imagePullSecrets.filter((name) => !present.has(name))
}

/**
 * Volumes that an autoscaler counts as local: directories of the node too, although every node for this pod has them.
 */
function evictableVolumes(volumes: readonly Volume[]): readonly string[] {
  return volumes.filter((volume) => 'emptyDir' in volume || 'hostPath' in volume).map(({ name }) => name)
}

function mergedLists(pod: Pod, lists: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(lists)
      .filter(([, names]) => names.length > 0)
      .map(([annotation, names]) => [annotation, mergeIntoList(pod, annotation, names)]),
  )
}
