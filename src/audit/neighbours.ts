/** Judges pods with a model on a claim once all pods that may mount the same claim were seen: those of their namespace. */
import type { Config } from '../config/config.ts'
import type { Pod } from '../pod/pod.ts'
import type { ExaminedPod } from './audit-pod.ts'
import { labelsOf, namedPodOf, type AuditedObject } from './audited-object.ts'
import { ClaimWriters, modelsOnClaims, type ClaimedModel, type NamedPod, type OwnMounts } from './claim-writers.ts'
import { exposeToOthers } from './judge-facts.ts'
import type { AuditedPod } from './judgement.ts'
import { isIntactLoader, isPublisher } from './own-writers.ts'

interface JudgedPod {
  readonly pod: AuditedPod
  readonly labels: unknown
}

interface WaitingPod extends JudgedPod {
  readonly named: NamedPod
  readonly models: readonly ClaimedModel[]
  readonly mounts: OwnMounts
}

export class Neighbours {
  readonly #config: Config
  readonly #writers = new ClaimWriters()
  #waiting: WaitingPod[] = []
  #last: Pick<AuditedObject, 'namespace' | 'isByNamespace'> | undefined

  constructor(config: Config) {
    this.#config = config
  }

  /** The pods that waited for the end of the namespace before this object. */
  endedBefore({ namespace, isByNamespace }: AuditedObject): readonly JudgedPod[] {
    const before = this.#last
    this.#last = { namespace, ...(isByNamespace !== undefined && { isByNamespace }) }
    if (before?.isByNamespace !== true || before.namespace === namespace) return []
    const ended = this.ended()
    this.#writers.forget(before.namespace)
    return ended
  }

  /** The pods that are still waiting: nothing more will come. */
  ended(): readonly JudgedPod[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting.map((one) => this.#judge(one))
  }

  /** True if the pod has to wait. */
  add(object: AuditedObject, { audited, pod, status, isCompared }: ExaminedPod): boolean {
    if (pod === undefined || hasEnded(pod)) return false
    const named = namedPodOf(object)
    const mounts = this.#writers.add(
      pod,
      named,
      (placed) =>
        (isCompared && isIntactLoader(placed, audited?.judgements ?? [])) ||
        isPublisher(placed.container, this.#config),
    )
    const models = audited === undefined || status === undefined ? [] : modelsOnClaims(pod, status, named.name)
    if (audited === undefined || models.length === 0) return false
    this.#waiting.push({ pod: audited, labels: labelsOf(object), named, models, mounts })
    return true
  }

  #judge({ pod, labels, named, models, mounts }: WaitingPod): JudgedPod {
    const found = this.#writers.find(models, named, mounts)
    return found.length === 0
      ? { pod, labels }
      : { pod: { ...pod, judgements: exposeToOthers(pod.judgements, found) }, labels }
  }
}

/** Its containers neither read nor write any more. */
function hasEnded({ status }: Pod): boolean {
  const { phase } = (status ?? {}) as { readonly phase?: unknown }
  return phase === 'Succeeded' || phase === 'Failed'
}
