/** The models of a pod: as its parts bring them, or, where it has no parts, as its annotations ask for them. */
import { AnnotationReader, modelSuffixes, unsuffixedName } from '../request/annotation-reader.ts'
import { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { envValue } from '../pod/injected-names.ts'
import { initContainersOf, type Pod } from '../pod/pod.ts'
import { readRequest } from '../request/read-request.ts'
import type { ModelStatus } from '../inject/status.ts'
import type { AuditedModel } from './judgement.ts'
import { splitVersion } from './source-version.ts'
import type { Subject } from './subject.ts'

export function modelsOf({ pod, annotations, status, detection, config }: Subject): readonly AuditedModel[] {
  return status === undefined || detection.state === 'notInjected'
    ? modelsAskedFor(annotations, config)
    : status.models.map((model) => modelBrought(pod, model))
}

/** What the loader is told is what it brings, whatever the status says. */
function modelBrought(pod: Pod, { name, source, delivery, loader, containers, mountPath }: ModelStatus): AuditedModel {
  const container = initContainersOf(pod).find((candidate) => candidate.name === loader)
  const actual = (container && envValue(container, 'MODEL_SOURCE')) ?? source
  return {
    name,
    source: actual,
    delivery,
    ...splitVersion(actual),
    ...(container?.image !== undefined && { image: container.image }),
    containers,
    mountPath,
  }
}

function modelsAskedFor(annotations: Subject['annotations'], config: Subject['config']): readonly AuditedModel[] {
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

/** The models of which nothing says what they must consist of: neither a digest in the source nor a manifest. */
export function unpinnedModels({ annotations, config }: Subject): readonly string[] {
  const reader = new AnnotationReader(annotations, config, new Findings())
  return modelSuffixes(annotations)
    .filter((suffix) => {
      const source = reader.read('source', suffix)
      return source !== undefined && source.scheme !== 'oci' && reader.read('expect', suffix)?.manifest === undefined
    })
    .map((suffix) => suffix ?? unsuffixedName)
}
