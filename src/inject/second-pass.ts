/**
 * Plans an injected pod again: the API server calls a webhook again after others changed the pod, and pods are copied, restored and
 * resubmitted with their parts. The choices of the first pass are kept; everything else is as today's configuration says.
 */
import { parseMountPath } from '../values/path.ts'
import type { Config } from '../config/config.ts'
import { findByName } from '../pod/lookup.ts'
import { tmpVolume } from '../pod/injected-names.ts'
import { initContainersOf, volumesOf, type Pod } from '../pod/pod.ts'
import type { Findings } from '../request/findings.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'
import { readRequest } from '../request/read-request.ts'
import type { AnnotatedPod } from './annotated-pod.ts'
import type { InjectionPlan } from './injection-plan.ts'
import { volumeNameOf } from './ownership/own-volumes.ts'
import { uninject } from './ownership/uninject.ts'
import { plan } from './plan.ts'
import type { Status } from './status.ts'

export interface SecondPass {
  readonly request: InjectionRequest
  /** The pod without what is recorded as ours. */
  readonly bare: Pod
  readonly plan: InjectionPlan
}

interface SecondPassContext {
  readonly namespace: string
  readonly config: Config
  readonly findings: Findings
  /** True to keep the resources of present loaders; an audit plans them, too. */
  readonly keepResources: boolean
}

/** After a mistake `findings` has it, and the plan must not be used. */
export function planAgain(annotated: AnnotatedPod, status: Status, context: SecondPassContext): SecondPass {
  const { pod, annotations, annotationsHash } = annotated
  const { namespace, config, findings, keepResources } = context
  const bare = barePod(annotated, status)
  reportTakenNames(bare, status, findings)
  const request = keepMountPaths(readRequest(annotations, config, findings), annotated, status)
  findings.suppressFollowUpErrors()
  const again = plan(bare, request, {
    namespace,
    config,
    findings,
    annotationsHash,
    keptTargets: keptTargets(request, status),
    keptLoaders: keepResources ? initContainersOf(pod) : [],
  })
  return { request, bare, plan: { ...again, status: keepReplaced(again.status, status) } }
}

/** An fsGroup that we set stays: with claims that others added since, none could be chosen again. */
function barePod(annotated: AnnotatedPod, { replaced }: Status): Pod {
  const bare = uninject(annotated)
  const { securityContext } = annotated.pod.spec
  return replaced.fsGroup === null && typeof securityContext?.fsGroup === 'number'
    ? { ...bare, spec: { ...bare.spec, securityContext } }
    : bare
}

function keepReplaced(planned: Status, { replaced }: Status): Status {
  const { fsGroup, fsGroupChangePolicy } = replaced
  if (fsGroup === undefined || planned.replaced.fsGroup !== undefined) return planned
  return {
    ...planned,
    replaced: {
      ...planned.replaced,
      fsGroup,
      ...(fsGroupChangePolicy !== undefined && { fsGroupChangePolicy }),
    },
  }
}

/** A status is only text: one that leaves out a volume of ours would make a volume of somebody else's of it. */
function reportTakenNames(bare: Pod, { models }: Status, findings: Findings): void {
  const names = [tmpVolume, ...models.map(({ name }) => volumeNameOf(name))]
  for (const name of new Set(names)) {
    if (findByName(volumesOf(bare), name) === undefined) continue
    findings.deny({
      reason: 'NameTaken',
      field: `spec.volumes[${name}]`,
      problem: 'has the name of a volume of model-injector, and the status does not say that it is one',
      remedy: 'remove the volume, or the status',
    })
  }
}

/** A default of another configuration that placed the model elsewhere: the app was told of that place. */
function keepMountPaths(request: InjectionRequest, { annotations }: AnnotatedPod, status: Status): InjectionRequest {
  const chosen = new Set(annotations.flatMap(({ name, suffix }) => (name === 'mount-path' ? [suffix] : [])))
  const recorded = new Map(status.models.map(({ name, mountPath }) => [name, mountPath]))
  const keep = (model: ModelRequest): ModelRequest => {
    const path = chosen.has(model.suffix) ? undefined : recorded.get(model.name)
    return path !== undefined && parseMountPath(path).ok ? { ...model, mountPath: path } : model
  }
  return { ...request, models: request.models.map(keep) }
}

/** Containers that came later get no model. A list in the annotations says the same in every pass. */
function keptTargets(request: InjectionRequest, status: Status): ReadonlyMap<string, readonly string[]> {
  const listed = new Set(request.models.flatMap(({ name, containers }) => (Array.isArray(containers) ? [name] : [])))
  return new Map(
    status.models.flatMap(({ name, containers }) =>
      listed.has(name) || containers.length === 0 ? [] : [[name, [...new Set(containers)]] as const],
    ),
  )
}
