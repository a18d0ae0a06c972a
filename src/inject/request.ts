/** From annotations to what is asked for: every model with all its choices, the operator's defaults filled in. */
import {
  annotations,
  appliesTo,
  type AnnotationName,
  type Delivery,
  type InitOrder,
  type ValueOf,
} from '../annotations.ts'
import type { RunAsUser } from '../values/forms.ts'
import type { Config } from '../config/config.ts'
import type { Credentials } from '../values/credentials.ts'
import type { Expectation } from '../values/expectation.ts'
import { formatBytes, Mi } from '../values/quantity.ts'
import type { Source } from '../values/source.ts'
import type { VolumeChoice } from '../values/volume.ts'
import { AnnotationReader, checkKeys, modelSuffixes, unsuffixedName } from './annotation-reader.ts'
import type { EngineName } from './engines/engine.ts'
import { engineByName } from './engines/registry.ts'
import type { Findings } from './findings.ts'
import { annotationField, annotationKey, ownAnnotations, type OwnAnnotation } from './keys.ts'
import type { Pod } from './pod.ts'

export interface ModelRequest {
  /** The suffix, or `model` for the unsuffixed one. */
  readonly name: string
  readonly suffix: string | undefined
  readonly source: Source
  readonly delivery: Delivery
  /** Of a mountpoint delivery, where it has not the name that is made from its source. */
  readonly claim: string | undefined
  readonly mountPath: string
  readonly containers: readonly string[] | '*' | undefined
  readonly readOnly: boolean
  readonly sizeBytes: number | undefined
  readonly volume: VolumeChoice
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly expect: Expectation | undefined
  readonly env: string | undefined
  readonly region: string | undefined
  readonly endpoint: string | undefined
}

export interface InjectionRequest {
  /** The unsuffixed model first, then by name. */
  readonly models: readonly ModelRequest[]
  readonly serviceAccount: string | undefined
  readonly credentials: Credentials
  readonly credentialsScope: 'pod' | 'loader'
  readonly initOrder: InitOrder
  readonly runAsUser: RunAsUser
  readonly cpuMillicores: number
  readonly memoryBytes: number
  /** True where the pod itself says how much its loader gets; then nothing is taken away from it. */
  readonly cpuChosen: boolean
  readonly memoryChosen: boolean
  readonly timeoutSeconds: number
  readonly stallTimeoutSeconds: number
  readonly engine: EngineName
  readonly image: string
  readonly imageChosen: boolean
}

/** Below it the loader would be killed for its memory in the middle of a download. */
export const leastLoaderMemoryBytes = 192 * Mi

const deliveryOfScheme = { pvc: 'claim', node: 'node', oci: 'image' } as const

/** Reads all annotations of a pod; where something is wrong, `findings` has it and the result is not to be used. */
export function readRequest(pod: Pod, config: Config, findings: Findings): InjectionRequest {
  const own = ownAnnotations(pod, config.annotationPrefix)
  checkKeys(own, config, findings)
  const reader = new AnnotationReader(own, config, findings)
  reader.read('inject')
  const request = readAll(own, reader, findings, config)
  engineByName[request.engine].checkRequest(request, config, findings)
  return request
}

function readAll(
  own: readonly OwnAnnotation[],
  reader: AnnotationReader,
  findings: Findings,
  config: Config,
): InjectionRequest {
  const engine = reader.read('engine') ?? 'native'
  return {
    models: modelSuffixes(own).flatMap((suffix) => readModel(reader, suffix) ?? []),
    serviceAccount: reader.read('service-account'),
    credentials: reader.read('credentials') ?? { kind: 'pod-identity' },
    credentialsScope: reader.read('credentials-scope') ?? 'pod',
    initOrder: reader.read('init-order') ?? 'auto',
    runAsUser: reader.read('run-as-user') ?? 'auto',
    cpuMillicores: reader.read('cpu') ?? 0,
    memoryBytes: readMemory(reader, findings, config),
    cpuChosen: reader.has('cpu'),
    memoryChosen: reader.has('memory'),
    timeoutSeconds: reader.read('timeout') ?? 0,
    stallTimeoutSeconds: reader.read('stall-timeout') ?? 0,
    engine,
    image: readImage(reader, engine, config),
    imageChosen: reader.has('image'),
  }
}

/** Undefined where even the source cannot be read; what else is wrong has been reported, and stands as if not written. */
function readModel(reader: AnnotationReader, suffix: string | undefined): ModelRequest | undefined {
  const name = suffix ?? unsuffixedName
  const source = reader.read('source', suffix)
  if (source === undefined) return undefined
  const delivery =
    source.scheme === 's3' ? (reader.read('delivery', suffix) ?? 'download') : deliveryOfScheme[source.scheme]
  reader.checkApplicability(suffix, delivery, source)
  // A default of the operator is no choice of deliveries to which it does not apply.
  const read = <N extends AnnotationName>(annotation: N): ValueOf<N> | undefined =>
    appliesTo(annotation, delivery) ? reader.read(annotation, suffix) : undefined
  return {
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
    region: read('region'),
    endpoint: read('endpoint'),
  }
}

/** The default of the image annotation is the native engine's own. */
function readImage(reader: AnnotationReader, engine: EngineName, config: Config): string {
  return (reader.has('image') ? reader.read('image') : undefined) ?? engineByName[engine].image(config)
}

function readMemory(reader: AnnotationReader, findings: Findings, config: Config): number {
  const bytes = reader.read('memory') ?? leastLoaderMemoryBytes
  if (bytes < leastLoaderMemoryBytes) {
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
