/** The models of a pod: as its parts bring them, or, where it has no parts, as its annotations ask for them. */
import { AnnotationReader, modelSuffixes, unsuffixedName } from '../request/annotation-reader.ts'
import { Findings } from '../request/findings.ts'
import { annotationKey, ownAnnotations } from '../request/keys.ts'
import { envValue } from '../pod/injected-names.ts'
import { annotationsOf, initContainersOf, type Pod } from '../pod/pod.ts'
import { readRequest } from '../request/read-request.ts'
import type { ModelStatus } from '../inject/status.ts'
import type { AuditedModel } from './judgement.ts'
import { splitVersion } from './source-version.ts'
import type { Subject } from './subject.ts'

export function modelsOf({ pod, status, detection, config }: Subject): readonly AuditedModel[] {
  return status === undefined || detection.state === 'notInjected'
    ? modelsAskedFor(pod, config)
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

function modelsAskedFor(pod: Pod, config: Subject['config']): readonly AuditedModel[] {
  const { models } = readRequest(pod, config, new Findings())
  return modelSuffixes(ownAnnotations(pod, config.annotationPrefix)).map((suffix) => {
    const name = suffix ?? unsuffixedName
    const read = models.find((model) => model.name === name)
    const written = annotationsOf(pod)[annotationKey(config.annotationPrefix, 'source', suffix)] ?? ''
    const { source, delivery, mountPath } =
      read === undefined
        ? { source: written, delivery: 'unknown', mountPath: '' }
        : { ...read, source: read.source.uri }
    return { name, source, delivery, ...splitVersion(source), containers: [], mountPath }
  })
}

/** The models of which nothing says what they must consist of: neither a digest in the source nor a manifest. */
export function unpinnedModels({ pod, config }: Subject): readonly string[] {
  const own = ownAnnotations(pod, config.annotationPrefix)
  const reader = new AnnotationReader(own, config, new Findings())
  return modelSuffixes(own)
    .filter((suffix) => {
      const source = reader.read('source', suffix)
      return source !== undefined && source.scheme !== 'oci' && reader.read('expect', suffix)?.manifest === undefined
    })
    .map((suffix) => suffix ?? unsuffixedName)
}
