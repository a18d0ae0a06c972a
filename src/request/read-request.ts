/** Reads annotations into an injection request: every model with all its choices, the operator's defaults filled in. */
import { annotations, appliesTo, type AnnotationName, type ValueOf } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import { leastLoaderMemoryBytes } from '../values/engine.ts'
import { formatBytes } from '../values/quantity.ts'
import { deliveriesOfScheme } from '../values/source.ts'
import { AnnotationReader, checkKeys, modelSuffixes, unsuffixedName } from './annotation-reader.ts'
import type { ModelRequest, InjectionRequest } from './model-request.ts'
import type { Findings } from './findings.ts'
import { annotationKey, type OwnAnnotation } from './keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { checkPodChoices, readS3Choices } from './s3-choices.ts'
import { unlikelyValues } from './unlikely.ts'

/** Reads all annotations of a pod; after a mistake `findings` has it, and the result must not be used. */
export function readRequest(own: readonly OwnAnnotation[], config: Config, findings: Findings): InjectionRequest {
  checkKeys(own, config, findings)
  const reader = new AnnotationReader(own, config, findings)
  reader.read('inject')
  return readAll(own, reader, findings, config)
}

function readAll(
  own: readonly OwnAnnotation[],
  reader: AnnotationReader,
  findings: Findings,
  config: Config,
): InjectionRequest {
  const engine = reader.read('engine') ?? 'native'
  const request: InjectionRequest = {
    models: modelSuffixes(own).flatMap((suffix) => readModel(reader, suffix, findings, config) ?? []),
    serviceAccount: reader.read('service-account'),
    credentials: reader.read('credentials') ?? { kind: 'pod-identity' },
    credentialsScope: reader.read('credentials-scope') ?? 'pod',
    initOrder: reader.read('init-order') ?? 'auto',
    runAsUser: reader.read('run-as-user') ?? 'auto',
    cpuMillicores: reader.read('cpu') ?? 0,
    memoryBytes: readMemory(reader, leastLoaderMemoryBytes[engine], { findings, config }),
    cpuChosen: reader.has('cpu'),
    memoryChosen: reader.has('memory'),
    timeoutSeconds: reader.read('timeout') ?? 0,
    stallTimeoutSeconds: reader.read('stall-timeout') ?? 0,
    engine,
    image: reader.has('image') ? reader.read('image') : undefined,
  }
  checkPodChoices(request, config, findings)
  return request
}

/**
 * Undefined where even the source cannot be read; what else is wrong has been reported, and stands as if not written.
 */
function readModel(
  reader: AnnotationReader,
  suffix: string | undefined,
  findings: Findings,
  config: Config,
): ModelRequest | undefined {
  const name = suffix ?? unsuffixedName
  const source = reader.read('source', suffix)
  if (source === undefined) {
    reader.readWritten(suffix)
    return undefined
  }
  const delivery =
    (source.scheme === 's3' ? reader.read('delivery', suffix) : undefined) ?? deliveriesOfScheme[source.scheme][0]
  reader.checkApplicability(suffix, delivery, source)
  // A default of the operator is no choice of deliveries to which it does not apply.
  const read = <N extends AnnotationName>(annotation: N): ValueOf<N> | undefined =>
    appliesTo(annotation, delivery) ? reader.read(annotation, suffix) : undefined
  const model: ModelRequest = {
    name,
    suffix,
    source,
    delivery,
    claim: read('claim'),
    mountPath: reader.read('mount-path', suffix, name) ?? '',
    containers: read('containers'),
    readOnly: delivery !== 'download' || read('read-only') !== false,
    sizeBytes: read('size'),
    volume: read('volume') ?? { kind: 'disk' },
    include: read('include') ?? [],
    exclude: read('exclude') ?? [],
    expect: read('expect'),
    env: read('env'),
    ...readS3Choices(
      { read, chose: (annotation) => reader.has(annotation, suffix) },
      { source, suffix },
      config,
      findings,
    ),
  }
  warnOfUnlikelyValues(model, reader, config, findings)
  return model
}

function warnOfUnlikelyValues(model: ModelRequest, reader: AnnotationReader, config: Config, findings: Findings): void {
  const { suffix } = model
  for (const { annotation, problem } of unlikelyValues(model, (written) => reader.has(written, suffix))) {
    const key = annotationKey(config.annotationPrefix, annotation, suffix)
    findings.warn('UnlikelyValue', `${key}: ${problem}`, annotationField(key))
  }
}

function readMemory(
  reader: AnnotationReader,
  least: number,
  { findings, config }: { readonly findings: Findings; readonly config: Config },
): number {
  const bytes = reader.read('memory') ?? least
  if (bytes < least) {
    findings.deny({
      reason: 'ResourcesTooSmall',
      field: annotationField(annotationKey(config.annotationPrefix, 'memory')),
      found: formatBytes(bytes),
      problem: 'is not enough for the loader',
      accepted: annotations.memory.accepted,
    })
  }
  return bytes
}
