/** The models of a pod: those of its injected parts, or, without injected parts, those that its annotations request. */
import { modelSuffixes, unsuffixedName } from '../request/annotation-reader.ts'
import { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { envValue } from '../pod/injected-names.ts'
import { initContainersOf, type Pod } from '../pod/pod.ts'
import { isPinned } from '../request/pinned.ts'
import { readRequest } from '../request/read-request.ts'
import type { ModelStatus } from '../inject/status.ts'
import type { AuditedModel } from './judgement.ts'
import { splitVersion } from './source-version.ts'
import type { PodFacts } from './pod-facts.ts'

export function modelsOf({ pod, annotations, status, detection, config }: PodFacts): readonly AuditedModel[] {
  return status === undefined || detection.state === 'notInjected'
    ? requestedModels(annotations, config)
    : status.models.map((model) => loadedModel(pod, model))
}

/** The loader's MODEL_SOURCE is the source it loads, whatever the status says. */
function loadedModel(pod: Pod, { name, source, delivery, loader, containers, mountPath }: ModelStatus): AuditedModel {
  const container = initContainersOf(pod).find((candidate) => candidate.name === loader)
  const actual = (container && envValue(container, 'MODEL_SOURCE')) ?? source
  return {
    name,
    source: actual,
    delivery,
    ...splitVersion(actual),
    ...(typeof container?.image === 'string' && { image: container.image }),
    containers,
    mountPath,
  }
}

function requestedModels(annotations: PodFacts['annotations'], config: PodFacts['config']): readonly AuditedModel[] {
  const { models } = readRequest(annotations, config, new Findings())
  return modelSuffixes(annotations).map((suffix) => {
    const name = suffix ?? unsuffixedName
    const read = models.find((model) => model.name === name)
    const key = annotationKey(config.annotationPrefix, 'source', suffix)
    const written = annotations.find((annotation) => annotation.key === key)?.value ?? ''
    const { source, delivery, mountPath } =
      read === undefined
        ? { source: written, delivery: 'unknown', mountPath: '' }
        : { ...read, source: read.source.uri }
    return { name, source, delivery, ...splitVersion(source), containers: [], mountPath }
  })
}

/** Models without fixed content: neither a digest in the source nor a manifest. */
export function unpinnedModels({ annotations, config }: PodFacts): readonly string[] {
  const { models } = readRequest(annotations, config, new Findings())
  return models.filter((model) => !isPinned(model)).map(({ name }) => name)
}
