/** Finds the models that the pods of a namespace request by one delivery, with the webhook's own annotation parser. */
import { deliveriesOfScheme, type Delivery, type Source } from '../values/source.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import { inject } from '../inject/inject.ts'
import type { Pod } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'
import { formatDiagnostic, type Diagnostic } from '../reasons.ts'
import { requirementsOf } from '../deliveries/shared/requirements.ts'
import type { Finding } from '../diagnosis/finding.ts'
import { error } from '../deliveries/shared/checks.ts'
import { visitTemplates } from './pod-templates.ts'
import type { Template, RequestedModel, Consumer, Writer } from '../deliveries/shared/requested-model.ts'

export interface RequestedModels {
  readonly models: readonly RequestedModel[]
  /** Other workloads that mount a claim of the namespace writable. */
  readonly writers: readonly Writer[]
  /** Findings for workloads that the webhook would refuse, and for kinds that could not be listed. */
  readonly findings: readonly Finding[]
}

interface Reading {
  readonly delivery: Delivery
  readonly namespace: string
  readonly config: Config
}

export async function findRequestedModels(cluster: Cluster, reading: Reading): Promise<RequestedModels> {
  const models = new Map<string, RequestedModel>()
  const writers: Writer[] = []
  const findings: Finding[] = []
  const unlisted = await visitTemplates(cluster, reading.namespace, (template) => {
    const read = readTemplate(template, reading)
    // A workload's pods request what its template requests; the rest were made by something else, or by an older template.
    const isOfWorkload = (key: string): boolean =>
      template.kind === 'Pod' && models.get(key)?.consumers.some(({ kind }) => kind !== 'Pod') === true
    for (const model of read.models) {
      if (!isOfWorkload(keyOf(model))) models.set(keyOf(model), together(models.get(keyOf(model)), model))
    }
    if (template.kind !== 'Pod') findings.push(...read.findings)
    writers.push(...writersIn(template).filter((writer) => !isKnown(writer, template, writers)))
  })
  return { models: [...models.values()], writers, findings: [...findings, ...unlisted] }
}

function keyOf({ source, claim }: RequestedModel): string {
  return `${source.uri} ${claim ?? ''}`
}

function together(before: RequestedModel | undefined, model: RequestedModel): RequestedModel {
  return before === undefined ? model : { ...before, consumers: [...before.consumers, ...model.consumers] }
}

/** A pod is redundant if its workload was already visited. */
function isKnown({ claim }: Writer, { kind }: Template, writers: readonly Writer[]): boolean {
  return kind === 'Pod' && writers.some((writer) => writer.claim === claim)
}

function writersIn({ title, kind, name, pod }: Template): readonly Writer[] {
  const { volumes } = (pod as Partial<Pod> | undefined)?.spec ?? {}
  return (volumes ?? []).flatMap(({ name: volume, persistentVolumeClaim }) => {
    const { claimName, readOnly = false } = persistentVolumeClaim ?? {}
    return claimName === undefined || readOnly ? [] : [{ title, kind, name, claim: claimName, volume }]
  })
}

interface Read {
  /** Models, each with one consumer. */
  readonly models: readonly RequestedModel[]
  readonly findings: readonly Finding[]
}

function readTemplate(template: Template, { delivery, namespace, config }: Reading): Read {
  const { pod, title } = template
  const requirements = requirementsOf(pod, namespace, config)
  if (requirements.outcome === 'skipped') return { models: [], findings: [] }
  if (requirements.outcome === 'denied') {
    return { models: [], findings: mayBeAbout(pod, delivery, config) ? [refusal(title, requirements.diagnostics)] : [] }
  }
  const models = requirements.requirements
    .filter(({ model }) => model.delivery === delivery)
    .map(({ model, serviceAccount }) => requestedModelOf(model, consumerOf(template, serviceAccount)))
  const refused = models.length === 0 ? [] : diagnosticsOf(pod, namespace, config)
  return { models, findings: refused.length === 0 ? [] : [refusal(title, refused)] }
}

function consumerOf({ pod, ...template }: Template, serviceAccount: string): Consumer {
  const { spec, metadata } = pod as Pod
  return { ...template, serviceAccount, labels: metadata?.labels ?? {}, spec }
}

function requestedModelOf({ source, claim, region }: ModelRequest, consumer: Consumer): RequestedModel {
  return { source, claim, region, consumers: [consumer] }
}

/** A missing or old cluster version is reported by a check of its own. */
function diagnosticsOf(pod: unknown, namespace: string, config: Config): readonly Diagnostic[] {
  const outcome = inject(pod, namespace, config)
  return outcome.outcome === 'denied'
    ? outcome.diagnostics.filter(({ reason }) => reason !== 'DeliveryNotAvailable')
    : []
}

function refusal(title: string, diagnostics: readonly Diagnostic[]): Finding {
  return error('model-request', `${title} would be refused: ${diagnostics.map(formatDiagnostic).join('; ')}`)
}

/** If annotations cannot be read, the delivery is guessed from the scheme. */
function mayBeAbout(pod: unknown, delivery: Delivery, { annotationPrefix }: Config): boolean {
  const annotations = (pod as Partial<Pod> | undefined)?.metadata?.annotations ?? {}
  return Object.entries(annotations).some(
    ([key, value]) => key.startsWith(`${annotationPrefix}source`) && deliveriesOf(value).includes(delivery),
  )
}

function deliveriesOf(source: string): readonly Delivery[] {
  const scheme = source.slice(0, Math.max(source.indexOf(':'), 0))
  return Object.hasOwn(deliveriesOfScheme, scheme) ? deliveriesOfScheme[scheme as Source['scheme']] : []
}
